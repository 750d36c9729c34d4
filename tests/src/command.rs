//! This project's command, run on this machine.

use std::io::Write;
use std::process::Command;
use std::process::Output;
use std::process::Stdio;

use crate::binary;

/// Runs `teleport-selfcheck` with `arguments`, nothing of this process's environment, and `input`.
pub fn selfcheck(arguments: &[&str], input: &str) -> Output {
    let mut child = Command::new(binary("teleport-selfcheck"))
        .args(arguments)
        .env_clear()
        .env("TZ", "UTC")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("teleport-selfcheck");
    // A command that refuses its arguments does not read its input.
    let _ = child.stdin.take().expect("input").write_all(input.as_bytes());
    child.wait_with_output().expect("teleport-selfcheck")
}

/// All that a command left behind, for a snapshot.
pub fn shown(output: &Output) -> String {
    format!(
        "exit {}\n----- stdout\n{}----- stderr\n{}",
        output.status.code().map_or("by a signal".to_owned(), |code| code.to_string()),
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}
