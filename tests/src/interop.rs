//! Teleport's own client and generated service, in Go.

use std::io::BufRead;
use std::io::BufReader;
use std::io::Write;
use std::path::Path;
use std::path::PathBuf;
use std::process::Child;
use std::process::ChildStdin;
use std::process::Command;
use std::process::Stdio;
use std::sync::OnceLock;
use std::sync::mpsc;
use std::time::Duration;

use serde_json::Value;

use crate::available;

/// How long a line may take before the test fails.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running counterpart. It is ended when this is dropped.
#[derive(Debug)]
pub struct Interop {
    child: Child,
    input: Option<ChildStdin>,
    lines: mpsc::Receiver<Value>,
}

impl Interop {
    /// Starts one with these arguments; `None` where Go is missing, which has been told.
    pub fn start(arguments: &[&str]) -> Option<Self> {
        let program = program()?;
        let mut child = Command::new(program)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the counterpart runs");
        let input = child.stdin.take();
        let output = child.stdout.take().expect("output");
        let (sender, lines) = mpsc::channel();
        std::thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                let line = serde_json::from_str(&line).unwrap_or(Value::String(line));
                let _ = sender.send(line); // the test may have ended
            }
        });
        Some(Self { child, input, lines })
    }

    /// What it tells next, which must be of this kind.
    pub fn tells(&self, what: &str) -> Value {
        let mut line = self.lines.recv_timeout(PATIENCE).unwrap_or_else(|_| panic!("{what} is not told"));
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

impl Drop for Interop {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The program, built once.
fn program() -> Option<&'static Path> {
    static PROGRAM: OnceLock<Option<PathBuf>> = OnceLock::new();
    PROGRAM.get_or_init(build).as_deref()
}

fn build() -> Option<PathBuf> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let program = here.join("../target/interop");
    let go = Command::new("go").arg("version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    let missing = if go.is_ok_and(|status| status.success()) {
        Ok(())
    } else {
        Err("there is no Go toolchain `go`".to_owned())
    };
    if !available("Teleport's Go client", missing) {
        return None;
    }
    let built = Command::new("go")
        .args(["build", "-mod=readonly", "-trimpath", "-buildvcs=false", "-o"])
        .arg(&program)
        .arg(".")
        .current_dir(here.join("interop"))
        .output()
        .expect("go");
    let told = String::from_utf8_lossy(&built.stderr).into_owned();
    // Without network the module cannot be had.
    available("Teleport's Go module", if built.status.success() { Ok(()) } else { Err(told) })
        .then_some(program)
}
