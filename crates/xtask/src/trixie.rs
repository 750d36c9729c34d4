//! A second root for guests, with a newer systemd than the machine's own: a minimal Debian 13.

use std::path::Path;
use std::path::PathBuf;
use std::process::Command;

use crate::Outcome;
use crate::run::must;
use crate::run::root;

const DEBOOTSTRAP: &str = "/usr/sbin/debootstrap";
const SUITE: &str = "trixie";

/// The folder of that root, made if it can be; the error is why it cannot.
pub(crate) fn guest_root() -> Result<PathBuf, String> {
    let folder = root().join("target/guests").join(SUITE);
    if !folder.join("lib/systemd/systemd").exists() {
        make(&folder)?;
    }
    Ok(folder)
}

fn make(folder: &Path) -> Outcome {
    if !Path::new(DEBOOTSTRAP).exists() {
        return Err("the Debian package debootstrap is missing".to_owned());
    }
    let fresh = folder.with_extension("new");
    // What an interrupted run left behind is no root.
    let _ = std::fs::remove_dir_all(&fresh);
    std::fs::create_dir_all(&fresh).map_err(|error| error.to_string())?;
    // What it mounts ends with it, also where it is interrupted.
    let mut command = Command::new("unshare");
    command.args(["--mount", DEBOOTSTRAP, "--variant=minbase", "--include=systemd,dbus", SUITE]).arg(&fresh);
    must(command.stdout(std::process::Stdio::null()))?;
    std::fs::rename(&fresh, folder).map_err(|error| error.to_string())
}
