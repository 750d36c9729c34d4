//! A second root for guests, with a newer systemd than the machine's own: a minimal Debian 13.

use std::path::Path;
use std::path::PathBuf;
use std::process::Command;

use crate::Outcome;
use crate::run::must;
use crate::run::root;

const SUITE: &str = "trixie";

/// The folder of that root, made if it can be; otherwise why it cannot. In CI it must be there.
pub(crate) fn guest_root() -> Result<Result<PathBuf, String>, String> {
    let folder = root().join("target/guests").join(SUITE);
    if folder.join("lib/systemd/systemd").exists() {
        return Ok(Ok(folder));
    }
    let is_required = std::env::var_os("CI").is_some();
    match made(&folder) {
        Ok(()) => Ok(Ok(folder)),
        Err(why) if is_required => Err(format!("error: a root of Debian {SUITE} is required in CI: {why}")),
        Err(why) => Ok(Err(why)),
    }
}

fn made(folder: &Path) -> Outcome {
    if !Path::new("/usr/sbin/debootstrap").exists() {
        return Err("the Debian package debootstrap is missing".to_owned());
    }
    let fresh = folder.with_extension("new");
    // What an interrupted run left behind is no root.
    let _ = std::fs::remove_dir_all(&fresh);
    std::fs::create_dir_all(&fresh).map_err(|error| error.to_string())?;
    let mut make = Command::new("/usr/sbin/debootstrap");
    make.args(["--variant=minbase", "--include=systemd,dbus", SUITE]).arg(&fresh);
    must(make.stdout(std::process::Stdio::null()))?;
    std::fs::rename(&fresh, folder).map_err(|error| error.to_string())
}
