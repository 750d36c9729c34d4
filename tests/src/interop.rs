//! Teleport's own client and generated service, in Go.

use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::process::Stdio;
use std::sync::OnceLock;

use crate::Counterpart;
use crate::available;

/// Starts one with these arguments; `None` where Go is missing, which has been told.
pub fn interop(arguments: &[&str]) -> Option<Counterpart> {
    Some(Counterpart::start(Command::new(program()?).args(arguments)))
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
