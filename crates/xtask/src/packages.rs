//! What the tests need of the system, installed where that is expected: as root in CI.

use std::path::Path;
use std::process::Command;

use crate::Outcome;
use crate::run::must;

/// A file, and the Debian package that brings it.
const NEEDED: [(&str, &str); 5] = [
    ("/lib/systemd/systemd", "systemd"),
    ("/usr/bin/dbus-daemon", "dbus"),
    ("/usr/bin/nsenter", "util-linux"),
    ("/usr/sbin/debootstrap", "debootstrap"),
    ("/usr/bin/kubectl", "kubernetes-client"),
];

/// Installs what is missing in CI. Elsewhere the tests that need it are skipped by name.
pub(crate) fn install() -> Outcome {
    let missing: Vec<_> =
        NEEDED.iter().filter(|(file, _)| !Path::new(file).exists()).map(|(_, name)| *name).collect();
    if missing.is_empty() || std::env::var_os("CI").is_none() {
        return Ok(());
    }
    must(Command::new("apt-get").arg("update"))?;
    must(Command::new("apt-get").args(["install", "-y", "--no-install-recommends"]).args(missing))
}
