//! `teleport-update`, managed updates v2.

use jiff::Timestamp;
use serde::Deserialize;
use serde::Serialize;

use crate::Fact;
use crate::Revision;
use crate::Text;
use crate::layout;

use super::service::ServiceUnit;
use super::timer::TimerUnit;

/// The parts of `teleport-update` of one installation.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct UpdaterV2 {
    /// Where update.yaml was looked for.
    #[serde(default)]
    pub config_path: Text,
    /// update.yaml.
    pub config: Fact<UpdateConfig>,
    /// What of an update.yaml that the updater cannot read is still legible.
    #[serde(default)]
    pub legible: Option<Legible>,
    /// When update.yaml was last written.
    #[serde(default)]
    pub config_written: Option<Timestamp>,
    /// Whether an updater holds update.lock.
    #[serde(default)]
    pub lock: Fact<LockState>,
    /// The executable.
    pub binary: Fact<UpdaterBinary>,
    /// The timer. Absent: systemd knows no such unit.
    pub timer: Fact<TimerUnit>,
    /// The service the timer starts. Absent: systemd knows no such unit.
    pub service: Fact<ServiceUnit>,
}

/// Whether somebody holds the updater's lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LockState {
    /// An updater works right now.
    Held,
    /// Nobody does.
    Free,
}

/// The updater's executable.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UpdaterBinary {
    /// Where it was found.
    pub path: Text,
    /// Its version, told by the folder it links to.
    #[serde(default)]
    pub revision: Option<Revision>,
}

impl UpdaterBinary {
    /// Whether a shell finds it by its name.
    pub fn is_in_path(&self) -> bool {
        layout::is_in_path(self.path.as_str())
    }
}

/// update.yaml as far as judgement needs it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct UpdateConfig {
    /// What people configured.
    #[serde(default)]
    pub spec: UpdateSpec,
    /// What the updater wrote.
    #[serde(default)]
    pub status: UpdateStatus,
}

/// What people configured.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct UpdateSpec {
    /// The proxy the updater asks for the version to install.
    #[serde(default)]
    pub proxy: Option<Text>,
    /// The update group; null means the group `default`.
    #[serde(default)]
    pub group: Option<Text>,
    /// Whether `base_url`, from where versions are downloaded, is something else than `https`, which the updater refuses.
    #[serde(default)]
    pub insecure_base_url: bool,
    /// Whether updates are enabled.
    #[serde(default)]
    pub enabled: bool,
    /// Whether the version is pinned.
    #[serde(default)]
    pub pinned: bool,
}

/// What is still legible of a broken update.yaml, and lost with it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Legible {
    /// The update group.
    #[serde(default)]
    pub group: Option<Text>,
    /// Whether the version is pinned.
    #[serde(default)]
    pub pinned: bool,
}

/// What the updater wrote.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct UpdateStatus {
    /// The revision in use.
    #[serde(default)]
    pub active: Option<Revision>,
    /// The revision kept to roll back to.
    #[serde(default)]
    pub backup: Option<Revision>,
    /// A revision the updater will not install again, because it failed.
    #[serde(default)]
    pub skip: Option<Revision>,
    /// The last update tried. Updaters of early 2025 and before do not write it.
    #[serde(default)]
    pub last_update: Option<LastUpdate>,
}

/// The last update tried.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastUpdate {
    /// Whether it succeeded.
    pub success: bool,
    /// When.
    #[serde(default)]
    pub time: Option<Timestamp>,
    /// The revision that was to be installed.
    #[serde(default)]
    pub target: Option<Revision>,
}
