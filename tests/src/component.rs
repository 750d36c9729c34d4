//! Real parts that a machine may lack: a loud, named skip for a user, a failure in CI.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::Path;

/// Whether the component `name` is here, given why it would not be. In CI a missing one fails the test.
///
/// A skip is told on standard error and noted for the summary that `cargo xtask test` prints last.
pub fn available(name: &str, missing: Result<(), String>) -> bool {
    let Err(why) = missing else { return true };
    assert!(std::env::var_os("CI").is_none(), "{name} is required in CI: {why}");
    let note = format!("SKIPPED for want of {name}: {why}");
    eprintln!("{note}");
    if let Some(list) = std::env::var_os("SELFCHECK_SKIPS") {
        let mut file =
            OpenOptions::new().create(true).append(true).open(Path::new(&list)).expect("list of skips");
        writeln!(file, "{note}").expect("list of skips");
    }
    false
}
