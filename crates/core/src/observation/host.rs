//! The host and its service manager.

use serde::Deserialize;
use serde::Serialize;

use crate::Fact;
use crate::Moment;
use crate::Namespace;
use crate::Text;

/// The host that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Host {
    /// The operating system's family, as `linux`.
    pub os: Text,
    /// The distribution and its version, for people.
    #[serde(default)]
    pub os_version: Option<Text>,
    /// The kernel's release.
    #[serde(default)]
    pub kernel: Option<Text>,
    /// The processor architecture.
    #[serde(default)]
    pub architecture: Option<Text>,
    /// The host's name.
    #[serde(default)]
    pub hostname: Option<Text>,
    /// The user that looked.
    #[serde(default)]
    pub looked_as_uid: Option<u32>,
    /// Whether whoever looked is known to be in a pod of Kubernetes itself, be it the agent's or another one.
    #[serde(default)]
    pub in_pod: bool,
    /// Whether SELinux runs; null where that was not looked for.
    #[serde(default)]
    pub selinux: Option<bool>,
    /// Of the folders that updaters and administrators write units and versions to, those on a file system that is read-only.
    #[serde(default)]
    pub read_only: Vec<Text>,
    /// Other installations found on this host. They are not judged.
    #[serde(default)]
    pub other_installations: Vec<Namespace>,
}

/// The service manager.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Systemd {
    /// The folder by which systemd marks that it is running (`/run/systemd/system`); in an image, systemd's program.
    pub booted: Fact<Text>,
    /// When the host last woke from sleep, as systemd tells; null if it never slept or that is not known.
    #[serde(default)]
    pub resumed: Option<Moment>,
    /// When systemd last read all unit files; null if it is too old to tell, or nobody asked. What it tells of a unit that
    /// was not loaded for a while begins then.
    #[serde(default)]
    pub units_loaded: Option<Moment>,
    /// What the manager said of itself when it was first asked over the present connection.
    pub manager: Fact<Manager>,
}

/// What systemd's manager says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Manager {
    /// Its version, as `252.38-1`.
    #[serde(default)]
    pub version: Option<Text>,
    /// The state of the whole system, as `running` or `degraded`.
    #[serde(default)]
    pub state: Option<Text>,
}
