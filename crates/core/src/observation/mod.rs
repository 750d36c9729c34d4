//! Everything seen at one instant, without opinions.

mod agent;
mod drop_in;
mod fact_name;
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
pub use fact_name::FactName;
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
use crate::Generation;
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

    /// The environment of the agent's process, if it could be seen.
    pub fn environment(&self) -> Option<&Environment> {
        self.agent.process.present()?.environment.present()
    }

    /// What could not be seen, as the name of the fact and the reason, in a fixed order.
    pub fn unreadable(&self) -> Vec<(FactName, Why)> {
        let process = self.agent.process.present();
        let unit = self.agent.unit.present();
        let kubernetes = self.kubernetes.present();
        let starters = |timer: &Fact<TimerUnit>| timer.present().and_then(|timer| timer.starters.why());
        let managed = process.and_then(|process| process.executable.present()?.managed.why());
        let facts = [
            (FactName::AgentProcess, self.agent.process.why()),
            (FactName::Executable, process.and_then(|process| process.executable.why())),
            (FactName::IsManaged, managed),
            (FactName::CommandLine, process.and_then(|process| process.command_line.why())),
            (FactName::Environment, process.and_then(|process| process.environment.why())),
            (FactName::AgentConfig, self.agent.config.why()),
            (FactName::AgentUnit, self.agent.unit.why()),
            (FactName::AgentProgram, self.agent.program.why()),
            (FactName::StartedFile, unit.and_then(|unit| unit.starts.why())),
            (FactName::Systemd, self.systemd.booted.why()),
            (FactName::SystemdManager, self.systemd.manager.why()),
            (FactName::UpdateConfig, self.v2.config.why()),
            (FactName::UpdateLock, self.v2.lock.why()),
            (FactName::Program(Generation::V2), self.v2.binary.why()),
            (FactName::Timer(Generation::V2), self.v2.timer.why()),
            (FactName::Starters(Generation::V2), starters(&self.v2.timer)),
            (FactName::Service(Generation::V2), self.v2.service.why()),
            (FactName::Program(Generation::V1), self.v1.script.why()),
            (FactName::Timer(Generation::V1), self.v1.timer.why()),
            (FactName::Starters(Generation::V1), starters(&self.v1.timer)),
            (FactName::Service(Generation::V1), self.v1.service.why()),
            (FactName::Endpoint, self.v1.endpoint.why()),
            (FactName::Schedule, self.v1.schedule.why()),
            (FactName::Installer, self.v1.installer.why()),
            (FactName::PackageHolds, self.v1.holds.why()),
            (FactName::Kubernetes, self.kubernetes.why()),
            (FactName::PodLabels, kubernetes.and_then(|kubernetes| kubernetes.labels.why())),
            (FactName::PodAnnotations, kubernetes.and_then(|kubernetes| kubernetes.annotations.why())),
            (FactName::PodNamespace, kubernetes.and_then(|kubernetes| kubernetes.namespace.why())),
        ];
        facts.into_iter().filter_map(|(name, why)| Some((name, why?))).collect()
    }
}
