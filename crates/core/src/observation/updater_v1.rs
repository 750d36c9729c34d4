//! `teleport-upgrade`, managed updates v1.

use jiff::Timestamp;
use serde::Deserialize;
use serde::Serialize;

use crate::Fact;
use crate::Text;

use super::service::ServiceUnit;
use super::timer::TimerUnit;

/// The parts of `teleport-upgrade`. There is one per host; it knows no install suffix.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct UpdaterV1 {
    /// The script.
    pub script: Fact<Text>,
    /// The timer. Absent: systemd knows no such unit.
    pub timer: Fact<TimerUnit>,
    /// The service the timer starts. Absent: systemd knows no such unit.
    pub service: Fact<ServiceUnit>,
    /// `/etc/teleport-upgrade.d/endpoint`: the version server.
    #[serde(default)]
    pub endpoint: Fact<Text>,
    /// `/etc/teleport-upgrade.d/schedule`: the window, written by the agent.
    #[serde(default)]
    pub schedule: Fact<Text>,
    /// When that was last written.
    #[serde(default)]
    pub schedule_written: Option<Timestamp>,
    /// `/etc/teleport-upgrade.d/installer`: `apt`, `yum` or `nop`.
    #[serde(default)]
    pub installer: Fact<Text>,
    /// The drop-in by which v2 takes v1 out of action.
    #[serde(default)]
    pub neutralised: Fact<Text>,
    /// Packages of Teleport that the package manager is told not to change. Read only where v1 is judged.
    #[serde(default)]
    pub holds: Fact<Holds>,
}

impl UpdaterV1 {
    /// The host of the version server of all clusters, which updaters since 14.3.1 do not follow.
    pub const GLOBAL_SERVER: &str = "updates.releases.teleport.dev";
}

/// Packages held at their version.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Holds {
    /// Their names, sorted.
    #[serde(default)]
    pub packages: Vec<Text>,
    /// Where that is written.
    #[serde(default)]
    pub source: Option<Text>,
}
