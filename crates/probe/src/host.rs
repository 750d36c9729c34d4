//! Facts about the host.

use std::path::Path;

use selfcheck_core::Text;
use selfcheck_core::observation::Host;
use sysinfo::System;

/// What does not change while the host is up.
#[derive(Debug, Clone)]
pub(crate) struct Constants {
    os_version: Option<Text>,
    kernel: Option<Text>,
}

impl Constants {
    pub(crate) fn look() -> Self {
        Self { os_version: text(System::long_os_version()), kernel: text(System::kernel_version()) }
    }
}

/// The host this runs on, for whoever describes it to others. It reads a few small files.
pub fn this_host() -> Host {
    look(&Constants::look())
}

/// The host, except for its other installations.
pub(crate) fn look(constants: &Constants) -> Host {
    Host {
        os_version: constants.os_version.clone(),
        kernel: constants.kernel.clone(),
        hostname: text(System::host_name()),
        selinux: Some(Path::new("/sys/fs/selinux/enforce").exists()),
        ..without_files()
    }
}

/// What is known of the host without reading anything.
pub(crate) fn without_files() -> Host {
    Host {
        os: std::env::consts::OS.into(),
        architecture: Some(std::env::consts::ARCH.into()),
        looked_as_uid: Some(nix::unistd::geteuid().as_raw()),
        ..Host::default()
    }
}

fn text(value: Option<String>) -> Option<Text> {
    value.map(|value| Text::new(&value))
}
