//! Running programs, and where the workspace is.

use std::path::PathBuf;
use std::process::Command;

use crate::Outcome;

/// The workspace's folder.
pub(crate) fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Cargo, in the workspace.
pub(crate) fn cargo(arguments: &[&str]) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(arguments).current_dir(root());
    command
}

/// Runs a command that must succeed, and tells which.
pub(crate) fn must(command: &mut Command) -> Outcome {
    let words: Vec<_> = std::iter::once(command.get_program()).chain(command.get_args()).collect();
    let line = words.iter().map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ");
    println!("==> {line}");
    match command.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("error: `{line}` failed: {status}")),
        Err(error) => Err(format!("error: `{line}` could not be run: {error}")),
    }
}

/// What a command prints.
pub(crate) fn output(command: &mut Command) -> Result<String, String> {
    let done = command.output().map_err(|error| format!("error: {command:?} could not be run: {error}"))?;
    if !done.status.success() {
        return Err(format!("error: {command:?} failed: {}", String::from_utf8_lossy(&done.stderr)));
    }
    String::from_utf8(done.stdout).map_err(|error| format!("error: {error}"))
}
