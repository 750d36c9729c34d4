//! The names of what is looked at.

use std::fmt;

use crate::Generation;

/// What is looked at, by the name that people are told where it could not be seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum FactName {
    /// The host's operating system.
    OperatingSystem,
    /// Whether systemd runs.
    Systemd,
    /// systemd itself, as it describes itself.
    SystemdManager,
    /// The agent's process.
    AgentProcess,
    /// The program that it executes.
    Executable,
    /// Whether that program is one that the updater replaces.
    IsManaged,
    /// How it was started.
    CommandLine,
    /// Its environment.
    Environment,
    /// The agent's configuration.
    AgentConfig,
    /// The unit that runs the agent.
    AgentUnit,
    /// The agent's program, where nothing runs it.
    AgentProgram,
    /// What the agent's unit would start.
    StartedFile,
    /// The newer updater's configuration and state.
    UpdateConfig,
    /// What that updater holds while it works.
    UpdateLock,
    /// An updater's program.
    Program(Generation),
    /// An updater's timer.
    Timer(Generation),
    /// What starts that timer.
    Starters(Generation),
    /// An updater's service.
    Service(Generation),
    /// Whence the older updater learns of versions.
    Endpoint,
    /// When the older updater may work.
    Schedule,
    /// What the older updater installs with.
    Installer,
    /// Packages that the package manager does not update.
    PackageHolds,
    /// Whether the agent runs in a pod, and what of.
    Kubernetes,
    /// The pod's labels.
    PodLabels,
    /// Its annotations.
    PodAnnotations,
    /// Its namespace.
    PodNamespace,
}

impl FactName {
    /// The name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::OperatingSystem => "operating system",
            Self::Systemd => "systemd",
            Self::SystemdManager => "systemd manager",
            Self::AgentProcess => "agent process",
            Self::Executable => "process executable",
            Self::IsManaged => "whether the updater replaces the executable",
            Self::CommandLine => "process command line",
            Self::Environment => "process environment",
            Self::AgentConfig => "agent configuration",
            Self::AgentUnit => "agent unit",
            Self::AgentProgram => "agent program",
            Self::StartedFile => "file that the agent unit starts",
            Self::UpdateConfig => "update.yaml",
            Self::UpdateLock => "update.lock",
            Self::Program(generation) => generation.updater(),
            Self::Timer(Generation::V1) => "teleport-upgrade timer",
            Self::Timer(Generation::V2) => "teleport-update timer",
            Self::Starters(Generation::V1) => "what starts the teleport-upgrade timer",
            Self::Starters(Generation::V2) => "what starts the teleport-update timer",
            Self::Service(Generation::V1) => "teleport-upgrade service",
            Self::Service(Generation::V2) => "teleport-update service",
            Self::Endpoint => "teleport-upgrade endpoint",
            Self::Schedule => "teleport-upgrade schedule",
            Self::Installer => "teleport-upgrade installer",
            Self::PackageHolds => "package holds",
            Self::Kubernetes => "Kubernetes",
            Self::PodLabels => "pod labels",
            Self::PodAnnotations => "pod annotations",
            Self::PodNamespace => "pod namespace",
        }
    }
}

impl fmt::Display for FactName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
