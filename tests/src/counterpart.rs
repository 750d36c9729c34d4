//! Programs of their own that tests drive: each tells lines of JSON with a `what` and a `value`, and ends with its input.

use std::io::BufRead;
use std::io::BufReader;
use std::io::Write;
use std::process::Child;
use std::process::ChildStdin;
use std::process::Command;
use std::process::Stdio;
use std::sync::mpsc;
use std::time::Duration;

use serde_json::Value;

/// How long a line may take before the test fails.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running counterpart. It is ended when this is dropped.
#[derive(Debug)]
pub struct Counterpart {
    child: Child,
    input: Option<ChildStdin>,
    lines: mpsc::Receiver<Value>,
    patience: Duration,
}

impl Counterpart {
    /// Starts a program.
    pub fn start(command: &mut Command) -> Self {
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("the counterpart runs");
        let input = child.stdin.take();
        let output = child.stdout.take().expect("output");
        let (sender, lines) = mpsc::channel();
        std::thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                let line = serde_json::from_str(&line).unwrap_or(Value::String(line));
                let _ = sender.send(line); // the test may have ended
            }
        });
        Self { child, input, lines, patience: PATIENCE }
    }

    /// Waits so long for every line from now on.
    #[must_use]
    pub fn patiently(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// Its process.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// What it tells next, which must be of this kind.
    pub fn tells(&self, what: &str) -> Value {
        let mut line =
            self.lines.recv_timeout(self.patience).unwrap_or_else(|_| panic!("{what} is not told"));
        assert_eq!(line["what"], what, "{line}");
        line["value"].take()
    }

    /// Writes a line to it.
    pub fn write(&mut self, line: &str) {
        writeln!(self.input.as_mut().expect("input"), "{line}").expect("it reads");
    }

    /// Ends its input, and with it the counterpart.
    pub fn end(mut self) {
        drop(self.input.take());
        assert!(self.child.wait().expect("it ends").success());
    }
}

impl Drop for Counterpart {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
