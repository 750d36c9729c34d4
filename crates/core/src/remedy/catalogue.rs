//! The catalogue of remedies, and what is true of each wherever it is run.

use std::fmt;

use serde::Deserialize;
use serde::Serialize;

use crate::Code;
use crate::Coded;
use crate::UpdaterKind;
use crate::verdict::coded;

coded! {
    /// The catalogue of remedies. Ids are stable and never reused.
    #[non_exhaustive]
    RemedyId {
        /// Enable teleport-update for this installation.
        EnableV2 = "enable-v2",
        /// Install teleport-update by the proxy's script.
        InstallV2 = "install-v2",
        /// Let the version move again.
        UnpinV2 = "unpin-v2",
        /// Point the updater at the agent's proxy.
        SetProxyV2 = "set-proxy-v2",
        /// Set the broken update.yaml aside and write a new one.
        RewriteConfigV2 = "rewrite-config-v2",
        /// Download from Teleport's own servers again.
        ResetBaseUrlV2 = "reset-base-url-v2",
        /// Write the updater's timer anew, and arm it.
        RewriteTimerV2 = "rewrite-timer-v2",
        /// Write the updater's service anew, and run it.
        RewriteServiceV2 = "rewrite-service-v2",
        /// Try the update again now.
        RetryUpdateV2 = "retry-update-v2",
        /// Enable and start the timer.
        EnableTimer = "enable-timer",
        /// Start the timer.
        StartTimer = "start-timer",
        /// Restart the timer.
        RestartTimer = "restart-timer",
        /// Take away local changes of the timer.
        RevertTimer = "revert-timer",
        /// Take away local changes of the timer, enable and start it.
        RevertEnableTimer = "revert-enable-timer",
        /// Take away local changes of the service.
        RevertService = "revert-service",
        /// Let the agent's unit start the timer.
        WantTimer = "want-timer",
        /// Unmask, enable and start the timer.
        UnmaskTimer = "unmask-timer",
        /// Unmask the service.
        UnmaskService = "unmask-service",
        /// Take a mask off the timer that lasts until the next boot, enable and start it.
        UnmaskRuntimeTimer = "unmask-runtime-timer",
        /// Take a mask off the service that lasts until the next boot.
        UnmaskRuntimeService = "unmask-runtime-service",
        /// Run the updater now.
        RunUpdater = "run-updater",
        /// Forget the failures and run the updater now.
        ResetUpdater = "reset-updater",
        /// Stop the run in progress.
        StopRun = "stop-run",
        /// Restart the agent.
        RestartAgent = "restart-agent",
        /// Restart the unit that runs the agent, which has another name than an installation's.
        RestartUnit = "restart-unit",
        /// Let systemd read its unit files again.
        ReloadSystemd = "reload-systemd",
        /// Start the system bus.
        StartBus = "start-bus",
        /// Look again as root.
        LookAsRoot = "look-as-root",
        /// Look again with more time.
        LookLonger = "look-longer",
        /// List what a security module refused.
        ShowDenials = "show-denials",
        /// Look again in the agent's pod, as its own user.
        LookInPod = "look-in-pod",
        /// Look again in the agent's pod, with more time.
        LookLongerInPod = "look-longer-in-pod",
        /// Enable the updater of a Helm release.
        EnableKubeUpdater = "enable-kube-updater",
        /// Take away the annotation that pauses the Kubernetes updater.
        ResumeKubeUpdater = "resume-kube-updater",
        /// Look whether the Kubernetes updater is available.
        ShowKubeUpdater = "show-kube-updater",
        /// List what the Kubernetes updater says.
        ShowKubeUpdaterLogs = "show-kube-updater-logs",
    }
}

/// Which folders of a host a remedy writes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Writes {
    /// None of those.
    Nothing,
    /// That of units.
    Units,
    /// That of the installation.
    Installation,
    /// Both.
    Both,
}

impl Code for RemedyId {
    fn word(self) -> &'static str {
        self.code()
    }
}

impl Coded<RemedyId> {
    /// Whether it may update the agent at once; what is not known may.
    pub fn may_update(&self) -> bool {
        self.known().is_none_or(RemedyId::may_update)
    }

    /// Whether its command names the agent's unit.
    pub fn names_agents_unit(&self) -> bool {
        self.known().is_some_and(RemedyId::names_agents_unit)
    }

    /// Whether it is run where the cluster is managed.
    pub fn is_kubernetes(&self) -> bool {
        self.known().is_some_and(RemedyId::is_kubernetes)
    }
}

impl RemedyId {
    /// Whether it may update the agent at once, which reloads it.
    pub const fn may_update(self) -> bool {
        matches!(
            self,
            Self::EnableV2
                | Self::InstallV2
                | Self::SetProxyV2
                | Self::RewriteConfigV2
                | Self::ResetBaseUrlV2
                | Self::RewriteTimerV2
                | Self::RewriteServiceV2
                | Self::RetryUpdateV2
                | Self::RunUpdater
                | Self::ResetUpdater
                | Self::RevertService
                | Self::EnableKubeUpdater
        )
    }

    /// Whether it is run where the cluster is managed, and not on the agent's host.
    pub const fn is_kubernetes(self) -> bool {
        matches!(
            self,
            Self::LookInPod
                | Self::LookLongerInPod
                | Self::EnableKubeUpdater
                | Self::ResumeKubeUpdater
                | Self::ShowKubeUpdater
                | Self::ShowKubeUpdaterLogs
        )
    }

    /// Which folders of a host it writes to.
    pub const fn writes(self) -> Writes {
        match self {
            Self::EnableV2
            | Self::InstallV2
            | Self::SetProxyV2
            | Self::RewriteConfigV2
            | Self::ResetBaseUrlV2
            | Self::RewriteTimerV2
            | Self::RewriteServiceV2 => Writes::Both,
            Self::UnpinV2 | Self::RetryUpdateV2 | Self::RunUpdater | Self::ResetUpdater => {
                Writes::Installation
            }
            Self::EnableTimer
            | Self::RevertTimer
            | Self::RevertEnableTimer
            | Self::RevertService
            | Self::WantTimer
            | Self::UnmaskTimer
            | Self::UnmaskRuntimeTimer
            | Self::UnmaskService => Writes::Units,
            Self::StartTimer
            | Self::RestartTimer
            | Self::UnmaskRuntimeService
            | Self::StopRun
            | Self::RestartAgent
            | Self::RestartUnit
            | Self::ReloadSystemd
            | Self::StartBus
            | Self::LookAsRoot
            | Self::LookLonger
            | Self::ShowDenials
            | Self::LookInPod
            | Self::LookLongerInPod
            | Self::EnableKubeUpdater
            | Self::ResumeKubeUpdater
            | Self::ShowKubeUpdater
            | Self::ShowKubeUpdaterLogs => Writes::Nothing,
        }
    }

    /// What helps in its place where the program that it runs is gone, or where the agent's unit has another name.
    pub const fn elsewhere(self) -> Option<Self> {
        match self {
            // What the installer does in the end is to enable the updater.
            Self::EnableV2
            | Self::SetProxyV2
            | Self::RewriteTimerV2
            | Self::RewriteServiceV2
            | Self::RetryUpdateV2
            | Self::RunUpdater
            | Self::ResetUpdater => Some(Self::InstallV2),
            Self::RestartAgent => Some(Self::RestartUnit),
            _ => None,
        }
    }

    /// Whether it may help an agent with an updater of this kind, or with none.
    pub fn suits(self, kind: Option<&UpdaterKind>) -> bool {
        match kind {
            None => true,
            Some(UpdaterKind::Kube) => self.is_kubernetes() || self.writes() == Writes::Nothing,
            Some(UpdaterKind::Binary | UpdaterKind::Unit) => {
                !self.is_kubernetes() || matches!(self, Self::LookInPod | Self::LookLongerInPod)
            }
            Some(UpdaterKind::IntegrationAwsOidc | UpdaterKind::Other(_)) => false,
        }
    }

    /// Whether its command names the agent's unit.
    pub const fn names_agents_unit(self) -> bool {
        matches!(self, Self::WantTimer | Self::RestartUnit)
    }
}
