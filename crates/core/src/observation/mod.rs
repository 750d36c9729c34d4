//! Everything seen at one instant, without opinions.

mod agent;
mod drop_in;
mod history;
mod host;
mod identifiers;
mod kubernetes;
mod schema;
mod service;
mod start;
mod timer;
mod unit;
mod updater_v1;
mod updater_v2;

pub use agent::Agent;
pub use agent::AgentConfig;
pub use agent::AgentUnit;
pub use agent::CONTAINER_TOOLS;
pub use agent::Executable;
pub use agent::Process;
pub use agent::ServiceSwitch;
pub use agent::Started;
pub use agent::StartedKind;
pub use drop_in::DropIn;
pub use history::FailedRun;
pub use history::History;
pub use host::Host;
pub use host::Manager;
pub use host::Systemd;
pub use kubernetes::GitOps;
pub use kubernetes::Kubernetes;
pub use kubernetes::KubernetesApi;
pub use kubernetes::Marks;
pub use kubernetes::Pod;
pub use kubernetes::UpdaterDeployment;
pub use kubernetes::Workload;
pub use schema::ObservationSchema;
pub use service::Exec;
pub use service::Refusal;
pub use service::Restarts;
pub use service::Runs;
pub use service::ServiceUnit;
pub use start::AgentCommand;
pub use start::CommandLine;
pub use start::ConfigSource;
pub use start::Environment;
pub use timer::Schedule;
pub use timer::Starter;
pub use timer::StarterState;
pub use timer::TimerUnit;
pub use unit::ActiveState;
pub use unit::LoadState;
pub use unit::UnitFileState;
pub use unit::UnitResult;
pub use unit::UnitState;
pub use updater_v1::Holds;
pub use updater_v1::UpdaterV1;
pub use updater_v2::LastUpdate;
pub use updater_v2::Legible;
pub use updater_v2::LockState;
pub use updater_v2::UpdateConfig;
pub use updater_v2::UpdateSpec;
pub use updater_v2::UpdateStatus;
pub use updater_v2::UpdaterBinary;
pub use updater_v2::UpdaterV2;

use serde::Deserialize;
use serde::Serialize;

use crate::Clock;
use crate::EvidenceKind;
use crate::Fact;
use crate::Why;

/// Everything seen at one instant, with the clocks it was seen at.
///
/// Unknown fields are ignored when reading, so that a newer writer's observation can be judged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Observation {
    /// The format of this document.
    pub schema: ObservationSchema,
    /// When it was seen.
    pub clock: Clock,
    /// Whether a running host or an unpacked image was looked at.
    #[serde(default)]
    pub evidence: EvidenceKind,
    /// The host.
    pub host: Host,
    /// The agent judged.
    pub agent: Agent,
    /// The service manager.
    pub systemd: Systemd,
    /// `teleport-update`, managed updates v2, of the agent's installation.
    pub v2: UpdaterV2,
    /// `teleport-upgrade`, managed updates v1.
    pub v1: UpdaterV1,
    /// Evidence from Kubernetes.
    #[serde(default)]
    pub kubernetes: Fact<Kubernetes>,
    /// What a daemon remembers; absent in a single look.
    #[serde(default)]
    pub history: Option<History>,
}

impl Observation {
    /// One in which nothing was looked at yet, made at these clocks.
    pub fn new(clock: Clock, evidence: EvidenceKind) -> Self {
        Self {
            schema: ObservationSchema,
            clock,
            evidence,
            host: Host::default(),
            agent: Agent::default(),
            systemd: Systemd::default(),
            v2: UpdaterV2::default(),
            v1: UpdaterV1::default(),
            kubernetes: Fact::NotApplicable,
            history: None,
        }
    }

    /// The same, with what is remembered of earlier looks brought up to date by this one.
    ///
    /// `before` is what was remembered when this look began. A look that did not see the updater's service leaves it
    /// as it was.
    #[must_use]
    pub fn remembering(self, before: History) -> Self {
        let history = match crate::assess::judged_service(&self) {
            Some(service) => before.after(service, self.clock.realtime),
            None => before,
        };
        Self { history: Some(history), ..self }
    }

    /// What could not be seen, as the name of the fact and the reason, in a fixed order.
    pub fn unreadable(&self) -> Vec<(&'static str, Why)> {
        let process = self.agent.process.present();
        let unit = self.agent.unit.present();
        let kubernetes = self.kubernetes.present();
        let starters = |timer: &Fact<TimerUnit>| timer.present().and_then(|timer| timer.starters.why());
        let managed = process.and_then(|process| process.executable.present()?.managed.why());
        let facts = [
            ("agent process", self.agent.process.why()),
            ("process executable", process.and_then(|process| process.executable.why())),
            ("whether the updater replaces the executable", managed),
            ("process command line", process.and_then(|process| process.command_line.why())),
            ("process environment", process.and_then(|process| process.environment.why())),
            ("agent configuration", self.agent.config.why()),
            ("agent unit", self.agent.unit.why()),
            ("agent program", self.agent.program.why()),
            ("file that the agent unit starts", unit.and_then(|unit| unit.starts.why())),
            ("systemd", self.systemd.booted.why()),
            ("systemd manager", self.systemd.manager.why()),
            ("update.yaml", self.v2.config.why()),
            ("update.lock", self.v2.lock.why()),
            ("teleport-update", self.v2.binary.why()),
            ("teleport-update timer", self.v2.timer.why()),
            ("what starts the teleport-update timer", starters(&self.v2.timer)),
            ("teleport-update service", self.v2.service.why()),
            ("teleport-upgrade", self.v1.script.why()),
            ("teleport-upgrade timer", self.v1.timer.why()),
            ("what starts the teleport-upgrade timer", starters(&self.v1.timer)),
            ("teleport-upgrade service", self.v1.service.why()),
            ("teleport-upgrade endpoint", self.v1.endpoint.why()),
            ("teleport-upgrade schedule", self.v1.schedule.why()),
            ("teleport-upgrade installer", self.v1.installer.why()),
            ("package holds", self.v1.holds.why()),
            ("Kubernetes", self.kubernetes.why()),
            ("pod labels", kubernetes.and_then(|kubernetes| kubernetes.labels.why())),
            ("pod annotations", kubernetes.and_then(|kubernetes| kubernetes.annotations.why())),
            ("pod namespace", kubernetes.and_then(|kubernetes| kubernetes.namespace.why())),
        ];
        facts.into_iter().filter_map(|(name, why)| Some((name, why?))).collect()
    }
}
