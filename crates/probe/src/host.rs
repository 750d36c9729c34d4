//! Facts about the host.

use std::path::Path;

use selfcheck_core::Fact;
use selfcheck_core::Text;
use selfcheck_core::observation::Host;
use sysinfo::System;

use crate::files::SERVICE_ACCOUNT;
use crate::files::Tree;

/// os-release is some hundred bytes.
const SHORT: u64 = 64 << 10;

/// How a kubelet begins the file of hosts.
const KUBELETS_HOSTS: &[u8] = b"# Kubernetes-managed hosts file";

/// What does not change while the host is up.
#[derive(Debug, Clone)]
pub(crate) struct Constants {
    os_version: Option<Text>,
    kernel: Option<Text>,
    in_pod: bool,
}

impl Constants {
    pub(crate) fn look() -> Self {
        let tree = Tree::default();
        Self {
            os_version: os_version(&tree),
            kernel: text(System::kernel_version()),
            in_pod: has_files_of_a_pod(&tree),
        }
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
        in_pod: constants.in_pod,
        hostname: System::host_name().map(|name| Text::host_name(&name)),
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

/// The distribution and its version, as Teleport tells them: `Ubuntu 22.04`.
pub(crate) fn os_version(tree: &Tree) -> Option<Text> {
    let release = match tree.read(Path::new("/etc/os-release"), SHORT) {
        Fact::Absent => tree.read(Path::new("/usr/lib/os-release"), SHORT),
        found => found,
    };
    let release = release.present()?;
    let value = |key: &str| {
        let value = release.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('='))?;
        Some(value.trim().trim_matches(['"', '\'']).to_owned()).filter(|value| !value.is_empty())
    };
    let named = [value("NAME")?].into_iter().chain(value("VERSION_ID"));
    Some(Text::new(&named.collect::<Vec<_>>().join(" ")))
}

/// Whether a kubelet put files into this container, as it does into each.
fn has_files_of_a_pod(tree: &Tree) -> bool {
    tree.exists(SERVICE_ACCOUNT).is_present()
        || tree.starts_with(Path::new("/etc/hosts"), KUBELETS_HOSTS).present() == Some(&true)
}

fn text(value: Option<String>) -> Option<Text> {
    value.map(|value| Text::new(&value))
}
