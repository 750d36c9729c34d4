//! What a program costs that does nothing but watch.

use std::io::BufRead;
use std::io::BufReader;
use std::process::Child;
use std::process::Command;
use std::process::Stdio;
use std::time::Duration;

use selfcheck_tests::binary;
use selfcheck_tests::resident;

use crate::figures::mega;

/// Threads that have read files end ten seconds later.
const SETTLING: Duration = Duration::from_secs(12);
const IDLE: Duration = Duration::from_secs(60);

/// What it costs.
pub(crate) struct Idleness {
    /// In a minute.
    pub(crate) wake_ups: f64,
    /// Resident memory beyond that of a program that does nothing at all.
    pub(crate) added_mb: f64,
    /// Descriptors beyond those.
    pub(crate) descriptors: f64,
}

/// The program `name` with these arguments, beside the same one that does nothing at all.
pub(crate) fn idle(name: &str, arguments: &[&str]) -> Idleness {
    let [empty, watching] = [&["empty"], arguments].map(|arguments| Idler::start(name, arguments));
    std::thread::sleep(SETTLING);
    let before = watching.switches();
    std::thread::sleep(IDLE);
    let wake_ups = watching.switches() - before;
    let [watching_mb, empty_mb] = [&watching, &empty].map(|idler| mega(resident(idler.0.id())));
    let descriptors = watching.descriptors() - empty.descriptors();
    Idleness { wake_ups, added_mb: watching_mb - empty_mb, descriptors }
}

/// A program that does nothing.
struct Idler(Child);

impl Idler {
    fn start(name: &str, arguments: &[&str]) -> Self {
        // Not this program, in which more is linked than an agent has that only watches.
        let mut child = Command::new(binary(name))
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("program");
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("output")).read_line(&mut line).expect("ready");
        assert_eq!(line, "ready\n");
        Self(child)
    }

    fn read(&self, name: &str) -> String {
        std::fs::read_to_string(format!("/proc/{}/{name}", self.0.id())).expect(name)
    }

    /// How often any of its threads was given the processor.
    fn switches(&self) -> f64 {
        let threads = std::fs::read_dir(format!("/proc/{}/task", self.0.id())).expect("threads");
        threads
            .map(|thread| thread.expect("thread").file_name().into_string().expect("number"))
            .map(|thread| {
                let status = self.read(&format!("task/{thread}/status"));
                number(&status, "voluntary_ctxt_switches:") + number(&status, "nonvoluntary_ctxt_switches:")
            })
            .sum()
    }

    #[expect(clippy::cast_precision_loss, reason = "a small number")]
    fn descriptors(&self) -> f64 {
        std::fs::read_dir(format!("/proc/{}/fd", self.0.id())).expect("descriptors").count() as f64
    }
}

impl Drop for Idler {
    fn drop(&mut self) {
        drop(self.0.stdin.take()); // it ends when its input does
        let _ = self.0.wait();
    }
}

fn number(status: &str, name: &str) -> f64 {
    let line = status.lines().find_map(|line| line.strip_prefix(name)).expect(name);
    line.trim().parse().expect("a number")
}
