//! The rows. The order is the order of judgement: within a verdict the first finding is named first.

use crate::RemedyId;
use crate::Severity;
use crate::Verdict;

use super::Effect;
use super::Entry;
use super::Finder;

/// Teleport's documentation of managed updates v2.
const V2: &str = "https://goteleport.com/docs/upgrading/agent-managed-updates/";
/// Teleport's documentation of managed updates v1.
const V1: &str = "https://goteleport.com/docs/upgrading/agent-managed-updates-v1/";
/// Teleport's documentation of upgrading in general.
const UPGRADING: &str = "https://goteleport.com/docs/upgrading/";

/// Makes the enum and the table from the same rows, so that they cannot drift apart.
macro_rules! catalogue {
    ($($variant:ident $code:literal, $effect:expr, $severity:ident, $finder:ident, $remedy:expr, $([$($other:ident),*],)? $docs:ident,
       $summary:literal, $meaning:literal;)*) => {
        /// Why a status is what it is. Codes are stable and never reused.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum Reason {
            $(#[doc = $meaning] $variant,)*
        }

        pub(super) const CATALOGUE: &[Entry] = &[
            $(Entry {
                reason: Reason::$variant,
                code: $code,
                effect: $effect,
                severity: Severity::$severity,
                finder: Finder::$finder,
                summary: $summary,
                meaning: $meaning,
                remedy: $remedy,
                others: &[$($(RemedyId::$other),*)?],
                docs: $docs,
            },)*
        ];
    };
}

const EXEMPT: Effect = Effect::Leads(Verdict::Exempt);
const UNSUPPORTED: Effect = Effect::Leads(Verdict::Unsupported);
const UNACCOMPANIED: Effect = Effect::Leads(Verdict::Unaccompanied);
const IMPAIRED: Effect = Effect::Leads(Verdict::Impaired);
const HELD: Effect = Effect::Leads(Verdict::Held);
const UNKNOWN: Effect = Effect::Leads(Verdict::Unknown);
const ADVISES: Effect = Effect::Advises;

catalogue! {
    ControlPlane "control-plane", EXEMPT, Advisory, Host, None, UPGRADING,
        "it runs the auth or proxy service, which agent updaters do not update",
        "The configuration or command line enables the auth or proxy service. The control plane is updated by its operator, or by Teleport in Teleport Cloud.";
    UpdatedByCluster "updated-by-cluster", EXEMPT, Advisory, Host, None, UPGRADING,
        "the cluster redeploys it through the AWS OIDC integration",
        "The agent was deployed by the AWS OIDC integration, which replaces the task when the cluster's version changes. It needs no updater of its own.";
    Acknowledged "acknowledged", EXEMPT, Advisory, Host, None, UPGRADING,
        "somebody took over its updates by policy",
        "The policy acknowledges that this agent is updated by other means, such as configuration management or images. The acknowledgement may carry a date at which it ends.";
    PlatformWithoutUpdater "platform-without-updater", UNSUPPORTED, Advisory, Host, None, UPGRADING,
        "no Teleport updater exists for this platform",
        "Not Linux; or a host on which systemd does not run, without evidence of Kubernetes and without update.yaml; or NixOS, which builds the agent into its store. Update the agent by the means that deployed it.";
    NoUpdater "no-updater", UNACCOMPANIED, Critical, Host, Some(RemedyId::InstallV2), V2,
        "no updater is installed",
        "Neither teleport-update nor the older teleport-upgrade is on this host, no unit of theirs is known to systemd, and nothing else updates the agent. It stays at its version until somebody updates it by hand.";
    UpdaterNotEnabled "updater-not-enabled", UNACCOMPANIED, Critical, Host, Some(RemedyId::EnableV2), V2,
        "an updater is installed but was never enabled",
        "teleport-update or the teleport-upgrade script is on this host, as newer packages ship it, but it was never enabled: there is no update.yaml and no timer. Nothing updates the agent.";
    KubeUpdaterOff "kube-updater-off", UNACCOMPANIED, Critical, Host, Some(RemedyId::EnableKubeUpdater), V2,
        "the Helm release runs without its updater",
        "The agent runs in a pod of the teleport-kube-agent chart, and the release does not enable the chart's updater; or in a pod of another chart, which has none. A command is named only for a release of that chart: by its labels and roles the pod may be of another one, and what no Helm release holds is changed by what made it.";
    ClaimsNoUpdater "claims-no-updater", UNACCOMPANIED, Critical, Auth, Some(RemedyId::EnableV2), UPGRADING,
        "the agent reports no updater",
        "An agent without this self-check, of a version that reports updaters, names none. It is counted by what it claims.";
    ConfigMissing "config-missing", IMPAIRED, Critical, Host, Some(RemedyId::EnableV2), V2,
        "update.yaml is missing, so {updater} does not know what to do",
        "The units of teleport-update exist but its update.yaml does not. The updater runs without a configuration and does nothing.";
    ConfigCorrupt "config-corrupt", IMPAIRED, Critical, Host, Some(RemedyId::RewriteConfigV2), [ResetBaseUrlV2, SetProxyV2, ShowKubeUpdaterLogs], V2,
        "update.yaml is broken, so {updater} cannot work",
        "update.yaml exists but is not what the updater can read: not a file, too large, not UTF-8, not YAML, of another kind or version, or (`invalid`) with a value that the updater itself refuses: a boolean in quotes, a time that is none, an address to download from without TLS, updates enabled without a proxy. Every run of the updater fails.";
    NoScheduler "no-scheduler", IMPAIRED, Critical, Host, None, V2,
        "updates are enabled but systemd does not run here, so nothing starts {updater}",
        "update.yaml says that updates are enabled, but this host has no running systemd to start the updater. `teleport-update enable` succeeds on such hosts without creating a schedule.";
    TimerMissing "timer-missing", IMPAIRED, Critical, Host, Some(RemedyId::EnableV2), [RevertTimer], V2,
        "{updater}'s timer is missing, so nothing starts the updater",
        "The updater is configured, but systemd knows no timer for it, or the timer's file is gone and will not outlive the next reload.";
    TimerMasked "timer-masked", IMPAIRED, Critical, Host, Some(RemedyId::EnableV2), [UnmaskTimer, UnmaskRuntimeTimer], V2,
        "{updater}'s timer is masked, so this agent will not be updated",
        "The timer's unit file is a link to /dev/null. For teleport-update, whose unit files lie in /etc/systemd/system, somebody replaced the file: unmasking alone would leave no unit, it has to be created again.";
    ServiceMissing "service-missing", IMPAIRED, Critical, Host, Some(RemedyId::EnableV2), [RevertService], V2,
        "{updater}'s service is missing, so its timer starts nothing",
        "The timer is there, but systemd knows no service for it to start.";
    ServiceMasked "service-masked", IMPAIRED, Critical, Host, Some(RemedyId::EnableV2), [UnmaskService, UnmaskRuntimeService], V2,
        "{updater}'s service is masked, so its timer starts nothing",
        "The service's unit file is a link to /dev/null.";
    TimerDisabled "timer-disabled", IMPAIRED, Critical, Host, Some(RemedyId::EnableTimer), [EnableV2, RevertEnableTimer, WantTimer], V2,
        "{updater}'s timer is disabled, so it will not start at boot",
        "No unit that will be there after a boot starts the timer: it is not enabled, only until the next boot, or only through a unit that is missing or masked. If it is still active it fires until the next boot; after that nothing starts the updater.";
    TimerInactive "timer-inactive", IMPAIRED, Critical, Host, Some(RemedyId::StartTimer), [RevertTimer, EnableV2, WantTimer], V2,
        "{updater}'s timer is stopped, so nothing starts the updater",
        "The timer is enabled but not active. It starts with the agent's unit; somebody stopped it, a condition refuses it, systemd cannot read its settings, or the agent runs under a unit of another name.";
    TimerMisdirected "timer-misdirected", IMPAIRED, Critical, Host, Some(RemedyId::EnableV2), [RevertTimer, RewriteTimerV2], V2,
        "{updater}'s timer starts another unit than the updater's service",
        "The timer fires, but what it starts is not the service that runs the updater: a drop-in or an edited file names another unit, or the timer is a link to another timer.";
    TimerNotArmed "timer-not-armed", IMPAIRED, Critical, Host, Some(RemedyId::RestartTimer), [RevertTimer, RewriteTimerV2], V2,
        "{updater}'s timer has no next run",
        "The timer is active, but systemd has no time at which it will fire again, or one that is more than 7 days away.";
    TimerNeverFired "timer-never-fired", IMPAIRED, Critical, Host, Some(RemedyId::RestartTimer), V2,
        "{updater}'s timer has never started the updater",
        "The timer has been active for longer than its first interval, its random delay and its accuracy allow, and has not fired.";
    TimerOverdue "timer-overdue", IMPAIRED, Critical, Host, Some(RemedyId::RestartTimer), V2,
        "{updater} has not been started for too long",
        "The timer last fired more than three of its periods ago, and no run is in progress.";
    RunFailed "run-failed", IMPAIRED, Warning, Host, Some(RemedyId::RunUpdater), [ResetUpdater, RevertService, RewriteServiceV2, EnableV2], V2,
        "{updater}'s last run failed",
        "The last run of the updater's service did not succeed. One plain failure may be the network and is a warning; three in a row, or a failure of the system rather than of the update, is critical.";
    RunStuck "run-stuck", IMPAIRED, Critical, Host, Some(RemedyId::StopRun), V2,
        "{updater}'s run has not ended for too long",
        "A run of the updater is in progress for more than an hour. While it lasts no other run starts.";
    RunSkipped "run-skipped", IMPAIRED, Critical, Host, None, [RevertService, RewriteServiceV2, EnableV2], V2,
        "{updater}'s timer fires, but the updater does not run",
        "The timer fires and its service does not start: a condition or assertion of the service says no, a job for it waits or fails because of another unit, or the service stays active after a run (RemainAfterExit), so that starting it does nothing.";
    ServiceReplaced "service-replaced", IMPAIRED, Critical, Host, Some(RemedyId::EnableV2), [RevertService], V2,
        "{updater}'s service runs another program than the updater",
        "None of the lines that the service executes runs the updater, by itself or through a program that only starts it. A drop-in usually replaced them.";
    RolledBack "rolled-back", IMPAIRED, Critical, Host, Some(RemedyId::EnableV2), V2,
        "the last update failed and was rolled back; this version will not be tried again",
        "The updater installed the target version, found the agent unhealthy, went back, and noted the target as one to skip. It does nothing until the cluster's target changes or somebody enables it again.";
    LastUpdateFailed "last-update-failed", IMPAIRED, Critical, Host, Some(RemedyId::RetryUpdateV2), [EnableV2, UnpinV2], V2,
        "the last update failed",
        "update.yaml records that the last update did not succeed: a download, the disk, the installation or a unit.";
    TargetSkipped "target-skipped", IMPAIRED, Critical, Host, Some(RemedyId::EnableV2), V2,
        "the cluster's target version is one that {updater} skips",
        "The target version failed on this host before, and the updater skips it. Where the updater is too old to record its last update, a version newer than the active one is skipped. It does nothing until the target changes or somebody enables it again.";
    ProxyMismatch "proxy-mismatch", IMPAIRED, Critical, Host, Some(RemedyId::SetProxyV2), V2,
        "{updater} asks another proxy than the one the agent connects to",
        "The proxy in update.yaml and the proxy_server in teleport.yaml are different addresses, so the agent is updated to another cluster's version, or not at all. Scheme, case, a trailing dot and the default ports are not a difference.";
    TwoUpdaters "two-updaters", IMPAIRED, Critical, Host, Some(RemedyId::EnableV2), V2,
        "teleport-update and teleport-upgrade are both active and work against each other",
        "The timer of the older updater is active without the drop-in that takes it out of action, beside an enabled teleport-update. Each may undo what the other did.";
    V1EndpointWrong "v1-endpoint-wrong", IMPAIRED, Critical, Host, Some(RemedyId::EnableV2), V1,
        "teleport-upgrade asks a wrong version server",
        "The endpoint of teleport-upgrade is missing, names another host than the agent's proxy, or is the global one of all clusters, which newer updaters no longer follow.";
    V1ScheduleBad "v1-schedule-bad", IMPAIRED, Critical, Host, Some(RemedyId::EnableV2), V1,
        "teleport-upgrade has no usable schedule or installer, so it updates nothing",
        "The schedule that the agent writes every 40 minutes says never, is missing or is old although the agent has run for long; or the installer is missing or says to do nothing, in which case the updater ends with success and updates nothing; or a drop-in of teleport-update took it out of action and nothing took its place. An empty schedule is no fault: the agent leaves one while it cannot reach the auth service.";
    AgentNotManaged "agent-not-managed", IMPAIRED, Critical, Host, None, V2,
        "the agent runs a file that {updater} does not replace",
        "The updater works, but the file that this agent executes is not one of its versions, and a restart would start the same file again: the unit names another path, a copy took the place of the link, or the agent runs in a container. Let the unit start the program that the updater links.";
    RunningOldBinary "running-old-binary", IMPAIRED, Critical, Host, Some(RemedyId::RestartAgent), V2,
        "the agent still runs a version that has been replaced on disk",
        "The agent's executable has been deleted or is not the version that the updater activated, for longer than a restart takes. The update takes effect only when the agent is restarted.";
    RestartNeeded "restart-needed", IMPAIRED, Warning, Host, Some(RemedyId::RestartAgent), UPGRADING,
        "the agent must be restarted before it reports its updater",
        "The updater appeared after the agent had started, and this kind is detected from the environment at start. Until a restart the cluster is told that there is none.";
    KubeNeverRan "kube-never-ran", IMPAIRED, Critical, Host, Some(RemedyId::ShowKubeUpdaterLogs), V2,
        "the Kubernetes updater has never written its state",
        "The chart enables the updater, but the state file it should write is missing or empty.";
    KubeUpdateFailed "kube-update-failed", IMPAIRED, Critical, Host, Some(RemedyId::ShowKubeUpdaterLogs), V2,
        "the Kubernetes updater's last update failed",
        "The updater's state file records that the last update did not succeed.";
    KubeUpdaterDown "kube-updater-down", IMPAIRED, Critical, Host, Some(RemedyId::ShowKubeUpdaterLogs), V2,
        "the Kubernetes updater is not available",
        "The updater's Deployment is missing or has no available replica.";
    KubeImageReverted "kube-image-reverted", IMPAIRED, Critical, Host, None, V2,
        "something keeps reverting the agent's image to another version",
        "The agent runs another version than the updater set, for longer than a rollout takes. A GitOps tool that owns the image usually does this.";
    BehindTarget "behind-target", IMPAIRED, Critical, Auth, None, V2,
        "its updater runs, yet it stays behind the cluster's target version",
        "Runs succeed, but the agent is behind the target although its update window has passed.";
    UpdatesDisabled "updates-disabled", HELD, Warning, Host, Some(RemedyId::EnableV2), V2,
        "updates are disabled in update.yaml; {updater} runs and does nothing",
        "Somebody ran `teleport-update disable`. The timer keeps firing and every run succeeds without updating.";
    VersionPinned "version-pinned", HELD, Warning, Host, Some(RemedyId::UnpinV2), V2,
        "the version is pinned in update.yaml; {updater} runs and does nothing",
        "Somebody ran `teleport-update pin`. The timer keeps firing and every run succeeds without updating.";
    PackageHeld "package-held", HELD, Warning, Host, Some(RemedyId::EnableV2), V1,
        "the package manager is told not to change the Teleport package",
        "The package that teleport-upgrade would update is held, so its runs change nothing.";
    KubePaused "kube-paused", HELD, Warning, Host, Some(RemedyId::ResumeKubeUpdater), V2,
        "the Kubernetes updater is paused by an annotation",
        "The workload carries `teleport.dev/skipreconcile: \"true\"`, so the updater leaves it alone.";
    BusUnavailable "bus-unavailable", UNKNOWN, Warning, Host, Some(RemedyId::StartBus), UPGRADING,
        "systemd's bus cannot be reached, so the updater's state is unknown",
        "The system bus does not exist, refuses connections, closes them, or does not speak its protocol. Whether the updater works cannot be told from files alone.";
    BusDenied "bus-denied", UNKNOWN, Warning, Host, Some(RemedyId::LookAsRoot), [ShowDenials, LookInPod], UPGRADING,
        "the system bus refuses access, so the updater's state is unknown",
        "The bus or its policy does not let this user ask systemd about units.";
    BusTimeout "bus-timeout", UNKNOWN, Warning, Host, Some(RemedyId::LookLonger), [LookLongerInPod], UPGRADING,
        "systemd did not answer in time, so the updater's state is unknown",
        "The bus or systemd did not answer before the look's deadline. The host may be overloaded or starting.";
    ConfigDenied "config-denied", UNKNOWN, Warning, Host, Some(RemedyId::LookAsRoot), [LookLonger, ShowDenials, LookInPod, LookLongerInPod, ShowKubeUpdaterLogs], UPGRADING,
        "{updater}'s configuration could not be read, so its state is unknown",
        "update.yaml, or a file in /etc/teleport-upgrade.d for the older updater, exists but may not be read by this user, or could not be read in time, or nobody looked at it.";
    ApplicabilityUnreadable "applicability-unreadable", UNKNOWN, Warning, Host, Some(RemedyId::LookAsRoot), [LookLonger, ShowDenials, LookInPod, LookLongerInPod], UPGRADING,
        "whether this agent needs an updater could not be seen",
        "What decides whether an updater is needed (the agent's roles or its environment), or a place where one could be, could not be read; or nobody looked there (why `not-looked-at`), as in an observation that was written by hand.";
    KubeUnproven "kube-unproven", UNKNOWN, Warning, Host, Some(RemedyId::ShowKubeUpdater), V2,
        "an updater is claimed for this pod, but nothing proves that it runs",
        "The environment of the pod names the Kubernetes updater, and no state file or permission allows to see whether it works.";
    NoAgent "no-agent", UNKNOWN, Warning, Host, None, UPGRADING,
        "no Teleport agent was found here, so there is nothing to judge",
        "Neither a process, a unit, a configuration nor a program of an agent was found where one of this installation would be. Another installation on this host is judged by its suffix. In a container programs and configurations of its image say nothing: no process that is seen from there is an agent.";
    AgentTooOld "agent-too-old", UNKNOWN, Warning, Auth, None, UPGRADING,
        "the agent is too old to report an updater",
        "The agent's version predates the field in which updaters are reported.";
    V1Deprecated "v1-deprecated", ADVISES, Advisory, Host, Some(RemedyId::EnableV2), V1,
        "teleport-upgrade is the older updater; teleport-update replaces it",
        "The agent is updated by managed updates v1. `teleport-update enable` moves it to v2 and takes v1 out of action.";
    ReloadNeeded "reload-needed", ADVISES, Advisory, Host, Some(RemedyId::ReloadSystemd), V2,
        "unit files changed on disk and systemd has not read them",
        "A unit file is newer than what systemd has loaded. What systemd does and what the file says may differ until a reload.";
    GroupUnset "group-unset", ADVISES, Advisory, Host, None, V2,
        "update.yaml names no update group, which means the group `default`",
        "Without a group the agent is updated with the cluster's group `default`.";
    InsecureUpdater "insecure-updater", ADVISES, Advisory, Host, None, V2,
        "{updater} does not verify its proxy's certificate",
        "The updater runs with --insecure and trusts whoever answers. Trust the proxy's certificate on this host and enable the updater again.";
    UpdaterChangedSinceStart "updater-changed-since-start", ADVISES, Advisory, Host, Some(RemedyId::RestartAgent), UPGRADING,
        "an updater appeared or went since the agent started, so stock inventory is stale",
        "Stock Teleport detects its updater once, at start. Until the agent is restarted its own inventory entry shows the older state.";
    KubernetesDenied "kubernetes-denied", ADVISES, Advisory, Host, None, V2,
        "the Kubernetes API refuses what would prove more",
        "The agent's service account may not read the objects that would show whether the updater runs.";
    KubernetesUnreachable "kubernetes-unreachable", ADVISES, Advisory, Host, None, V2,
        "the Kubernetes API did not answer",
        "The API could not be reached or did not answer in time.";
    Unproven "unproven", ADVISES, Advisory, Auth, None, UPGRADING,
        "the agent claims an updater, and nothing proves that it works",
        "An agent without this self-check names an updater. Stock Teleport reports that from an environment variable or a path, once, at start.";
    GroupUnknown "group-unknown", ADVISES, Advisory, Auth, None, V2,
        "its update group is not one the cluster configures",
        "The cluster's configuration has no such group, so the agent is updated with the last group.";
    DuplicateIdentity "duplicate-identity", ADVISES, Advisory, Auth, None, UPGRADING,
        "another connection of its identity reports something else",
        "Two connections with the same host id report different things at the same time: a cloned machine, a restored backup, or a stolen identity file. What was reported last counts. `inventory show` lists the addresses; give each host an identity of its own, and deny a stolen one by policy.";
}
