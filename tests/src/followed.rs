//! A program that runs as a service of a guest, and what it prints meanwhile.

use std::io::BufRead;
use std::io::BufReader;
use std::sync::mpsc;
use std::sync::mpsc::RecvTimeoutError;
use std::time::Duration;

use crate::SystemdGuest;
use crate::User;

/// How long a line may take before the test fails.
const PATIENCE: Duration = Duration::from_secs(20);

/// The lines that a program prints.
#[derive(Debug)]
pub struct Followed(mpsc::Receiver<String>);

impl Followed {
    /// Starts `argv` as the service `unit` of `guest`, which stays to be asked how it ended.
    pub fn start(guest: &SystemdGuest, unit: &str, user: User, argv: &[&str]) -> Self {
        let pipe = format!("/run/{unit}.out");
        guest.must(&["mkfifo", "-m", "666", &pipe]);
        let output = format!("--property=StandardOutput=file:{pipe}");
        let unit = format!("--unit={unit}");
        let run = ["systemd-run", "--remain-after-exit", "--property=StandardError=null", &unit, &output];
        let user: &[&str] = if user == User::Ordinary { &["--uid=nobody"] } else { &[] };
        guest.must(&[&run[..], user, argv].concat());
        let pipe = std::fs::File::open(guest.path(&pipe)).expect("pipe");
        let (sender, lines) = mpsc::channel();
        std::thread::spawn(move || {
            for line in BufReader::new(pipe).lines().map_while(Result::ok) {
                let _ = sender.send(line); // the test may have ended
            }
        });
        Self(lines)
    }

    /// The next line; `None` when the program has ended.
    pub fn next_line(&self) -> Option<String> {
        match self.0.recv_timeout(PATIENCE) {
            Ok(line) => Some(line),
            Err(RecvTimeoutError::Disconnected) => None,
            Err(RecvTimeoutError::Timeout) => panic!("nothing is printed"),
        }
    }

    /// The next line, which there must be.
    pub fn line(&self) -> String {
        self.next_line().expect("a line")
    }
}
