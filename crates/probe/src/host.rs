//! Facts about the host.

use selfcheck_core::Text;
use selfcheck_core::observation::Host;
use sysinfo::System;

/// The host, except for its other installations.
pub(crate) fn look() -> Host {
    let text = |value: Option<String>| value.map(|value| Text::new(&value));
    Host {
        os_version: text(System::long_os_version()),
        kernel: text(System::kernel_version()),
        hostname: text(System::host_name()),
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
