//! The updater of a pod: what the chart says of it, the state it writes, and what the Kubernetes API tells.
//!
//! Labels and names prove nothing here: they are the same with and without an updater, and whoever makes an object may write them.

use jiff::Timestamp;

use crate::DnsLabel;
use crate::Fact;
use crate::Observation;
use crate::Proof;
use crate::Reason;
use crate::RemedyId;
use crate::Revision;
use crate::Text;
use crate::Why;
use crate::observation::Environment;
use crate::observation::GitOps;
use crate::observation::Kubernetes;
use crate::observation::KubernetesApi;
use crate::observation::UpdateConfig;
use crate::observation::UpdaterDeployment;
use crate::observation::Workload;

use super::applicability;
use super::case::Case;
use super::gaps;

/// What the API shows of the updater.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shown {
    /// It runs.
    Running,
    /// It has only just been made, or become unavailable.
    Starting,
    /// It does not run.
    Down,
    /// It could not be seen.
    Hidden,
}

/// Whether the updater does anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Pace {
    AsUsual,
    /// It was told to leave the agent alone: it writes nothing and sets no version.
    Paused,
    /// Whether it was could not be seen for a reason that may pass.
    Unknown,
}

/// Whether the updater's state file shows that it works, or that it does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shows {
    Something,
    Nothing,
    /// A fault, unless the updater is paused.
    FaultUnlessPaused,
}

/// Judges the updater of an agent in a pod.
pub(super) fn judge(case: &mut Case<'_>, environment: &Environment) {
    let pace = paused(case);
    let shown = updater(case, environment);
    if claims_updater(environment) {
        let is_unproven = match state(case, environment, pace) {
            Shows::Something => false,
            Shows::Nothing => shown == Shown::Hidden,
            Shows::FaultUnlessPaused => true,
        };
        if is_unproven {
            case.find(Reason::KubeUnproven)
                .because_of("claimed", environment.ext_upgrader.clone())
                .because_of("chart", environment.ext_upgrader_version.clone());
        }
    } else {
        off(case, shown);
    }
    unseen(case);
}

/// Whether the chart says that its updater is enabled.
pub(super) fn claims_updater(environment: &Environment) -> bool {
    environment.ext_upgrader.as_ref().is_some_and(|kind| kind == "kube")
}

/// The updater's state file, which the chart mounts. Charts of before it was invented mount none.
pub(super) fn state_file<'a>(
    observation: &'a Observation,
    environment: &Environment,
) -> Option<&'a Fact<UpdateConfig>> {
    let named = environment.update_config_file.as_ref()?;
    (*named == observation.v2.config_path).then_some(&observation.v2.config)
}

/// The chart says that there is no updater.
fn off(case: &mut Case<'_>, shown: Shown) {
    let observation = case.observation;
    if matches!(shown, Shown::Running | Shown::Starting) {
        // What enables it changes the pod's template, so another pod is on its way.
        case.find(Reason::RestartNeeded).because("missing", "TELEPORT_EXT_UPGRADER=kube").remedied_by(None);
        return;
    }
    if let Some((fact, why)) = applicability::hidden(observation) {
        gaps::applicability(case, fact, why);
        return;
    }
    let owner = Owner::of(observation);
    // A tool that keeps the release as its repository says would take back what a command changes.
    let remedy = Reason::KubeUpdaterOff.entry().remedy.filter(|_| owner.gitops.is_none());
    case.find(Reason::KubeUpdaterOff)
        .because("missing", "TELEPORT_EXT_UPGRADER=kube")
        .because_of("release", owner.release.map(Text::from))
        .because_of("namespace", owner.namespace.map(Text::from))
        .because_of("kept_by", owner.gitops.map(GitOps::name))
        .remedied_by(remedy);
}

/// What the updater wrote.
fn state(case: &mut Case<'_>, environment: &Environment, pace: Pace) -> Shows {
    match state_file(case.observation, environment) {
        None => Shows::Nothing,
        Some(Fact::Present(config)) => written(case, config, pace),
        Some(Fact::Unreadable(why)) if why.is_corruption() => {
            let path = case.observation.v2.config_path.clone();
            case.find(Reason::ConfigCorrupt)
                .because("path", path)
                .because("why", why.code())
                .remedied_by(Some(LOGS));
            Shows::Something
        }
        Some(Fact::Unreadable(why)) => {
            let path = case.observation.v2.config_path.clone();
            case.find(Reason::ConfigDenied)
                .because("path", path)
                .because("why", why.code())
                .remedied_by(Some(LOGS));
            Shows::Something
        }
        Some(Fact::Absent | Fact::NotApplicable) => never_ran(case, pace),
    }
}

/// What helps where only the updater itself can say more.
const LOGS: RemedyId = RemedyId::ShowKubeUpdaterLogs;

fn written(case: &mut Case<'_>, config: &UpdateConfig, pace: Pace) -> Shows {
    let path = case.observation.v2.config_path.clone();
    let version = |revision: &Option<Revision>| revision.as_ref().map(|revision| revision.version.clone());
    if !config.spec.enabled {
        case.find(Reason::UpdatesDisabled).because("path", &path).remedied_by(None);
    } else if config.spec.pinned {
        case.find(Reason::VersionPinned).because("path", &path).remedied_by(None);
    }
    if let Some(last) = config.status.last_update.as_ref().filter(|last| !last.success) {
        case.find(Reason::KubeUpdateFailed)
            .because("path", &path)
            .because_of("target", version(&last.target))
            .because_of("active", version(&config.status.active))
            .because_of("time", last.time)
            .since(last.time);
        return Shows::Something;
    }
    let pace = if config.spec.enabled { pace } else { Pace::Paused };
    reverted(case, config, pace).unwrap_or(Shows::Something)
}

/// The agent runs another version than its updater set, for longer than that takes, if it does. The file is written on changes only: its age
/// alone says nothing.
fn reverted(case: &mut Case<'_>, config: &UpdateConfig, pace: Pace) -> Option<Shows> {
    let observation = case.observation;
    let running = version(observation);
    let active = config.status.active.as_ref().map(|active| active.version.clone());
    let (running, active) = (running?, active?);
    let updated = config.status.last_update.as_ref().and_then(|last| last.time);
    let set = updated.into_iter().chain(observation.v2.config_written).max()?;
    let started = observation.agent.process.present().and_then(|process| process.started_boottime);
    let started = started.filter(|_| running != active)?;
    let rollout = case.policy.thresholds.kube_rollout.usec();
    let old_enough = case.horizon.is_past_boottime(started, rollout);
    let long_enough = case.horizon.is_past_realtime(set, rollout);
    if !old_enough || !long_enough || pace == Pace::Paused {
        return None;
    }
    if pace == Pace::Unknown {
        return Some(Shows::FaultUnlessPaused);
    }
    let kept_by = Owner::of(observation).gitops.map(GitOps::name);
    case.find(Reason::KubeImageReverted)
        .because("running", running)
        .because("active", active)
        .because_of("kept_by", kept_by)
        .since(Some(set));
    Some(Shows::Something)
}

/// The state file is mounted and empty, or missing because its ConfigMap is.
fn never_ran(case: &mut Case<'_>, pace: Pace) -> Shows {
    let observation = case.observation;
    let process = observation.agent.process.present();
    let Some(started) = process.and_then(|process| process.started_boottime) else { return Shows::Nothing };
    let rollout = case.policy.thresholds.kube_rollout.usec();
    // One that has only just been installed has had no time to; what installs it starts new pods, too.
    if !case.horizon.is_past_boottime(started, rollout) {
        return Shows::Nothing;
    }
    match pace {
        Pace::Paused => Shows::Something,
        Pace::Unknown => Shows::FaultUnlessPaused,
        Pace::AsUsual => {
            let path = observation.v2.config_path.clone();
            case.find(Reason::KubeNeverRan).because("missing", path);
            Shows::Something
        }
    }
}

fn paused(case: &mut Case<'_>) -> Pace {
    let Some(workload) = workload(case.observation).filter(|workload| workload.paused) else {
        return unseen_pace(case.observation);
    };
    let name = format!("{}/{}", workload.kind, workload.name);
    case.find(Reason::KubePaused)
        .because("workload", name.as_str())
        .because("annotation", "teleport.dev/skipreconcile=true");
    Pace::Paused
}

/// The pace where no pause is seen. Where it may never be seen, a fault is one for all that is known.
fn unseen_pace(observation: &Observation) -> Pace {
    let why = match &observation.kubernetes {
        Fact::Present(kubernetes) => {
            kubernetes.api.why().or_else(|| kubernetes.api.present()?.workload.why())
        }
        hidden => hidden.why(),
    };
    match why {
        None | Some(Why::Denied) => Pace::AsUsual,
        Some(_) => Pace::Unknown,
    }
}

/// What the API shows of the updater's Deployment.
fn updater(case: &mut Case<'_>, environment: &Environment) -> Shown {
    let observation = case.observation;
    let Some(api) = api(observation) else { return Shown::Hidden };
    match &api.updater {
        Fact::Present(updater) if is_of(updater, observation) == Some(true) => {
            running(case, environment, updater)
        }
        Fact::Present(updater) if is_of(updater, observation).is_none() => Shown::Hidden,
        // That of another release in the namespace is none of this agent's.
        Fact::Present(_) | Fact::Absent => {
            if claims_updater(environment) {
                let agent = workload(observation).map(|workload| workload.name.clone());
                let agent = agent.or_else(|| Owner::of(observation).release.map(Text::from));
                let name = agent.map(|agent| format!("deployment/{agent}-updater"));
                case.find(Reason::KubeUpdaterDown).because_of("missing", name.as_deref());
            }
            Shown::Down
        }
        Fact::Unreadable(_) | Fact::NotApplicable => Shown::Hidden,
    }
}

fn running(case: &mut Case<'_>, environment: &Environment, updater: &UpdaterDeployment) -> Shown {
    if updater.available > 0 {
        return Shown::Running;
    }
    let rollout = case.policy.thresholds.kube_rollout.usec();
    let since: Option<Timestamp> = updater.since.or(updater.created);
    // Scaled down to nothing, it will not come back by itself.
    let is_starting =
        updater.replicas > 0 && since.is_some_and(|since| !case.horizon.is_past_realtime(since, rollout));
    if is_starting {
        return Shown::Starting;
    }
    if claims_updater(environment) {
        case.find(Reason::KubeUpdaterDown)
            .because("deployment", &updater.name)
            .because("replicas", updater.replicas)
            .because("available", updater.available)
            .since(since);
    }
    Shown::Down
}

/// Whether it says that it updates this agent; `None` where nobody can tell, because agents may have other names than their release.
fn is_of(updater: &UpdaterDeployment, observation: &Observation) -> Option<bool> {
    let Some(agent) = &updater.agent else { return Some(true) };
    let named = |name: &str| agent.as_str() == name;
    match workload(observation) {
        Some(workload) => Some(named(workload.name.as_str())),
        None => Owner::of(observation).release.filter(|release| named(release.as_str())).map(|_| true),
    }
}

/// What the API would not tell, where it was asked.
fn unseen(case: &mut Case<'_>) {
    let Fact::Present(kubernetes) = &case.observation.kubernetes else { return };
    let parts = match &kubernetes.api {
        Fact::Present(api) => {
            [("workload", api.workload.why()), ("updater", api.updater.why()), ("pod", api.pod.why())]
        }
        other => [("API", other.why()), ("API", None), ("API", None)],
    };
    let hidden: Vec<(&str, Why)> = parts.into_iter().filter_map(|(part, why)| Some((part, why?))).collect();
    for (reason, is_it) in [
        (Reason::KubernetesDenied, (|why| why == Why::Denied) as fn(Why) -> bool),
        (Reason::KubernetesUnreachable, |why| why != Why::Denied),
    ] {
        let parts: Vec<_> = hidden.iter().filter(|(_, why)| is_it(*why)).collect();
        let Some((_, why)) = parts.first() else { continue };
        let names: Vec<_> = parts.iter().map(|(part, _)| *part).collect();
        case.find(reason).because("parts", names.join(",").as_str()).because("why", why.code());
    }
}

fn api(observation: &Observation) -> Option<&KubernetesApi> {
    observation.kubernetes.present()?.api.present()
}

fn workload(observation: &Observation) -> Option<&Workload> {
    api(observation)?.workload.present()
}

/// When the updater last changed something. It writes on changes only, so there is no run to tell of.
pub(super) fn proof(observation: &Observation) -> Proof {
    let state = applicability::environment(observation)
        .and_then(|environment| state_file(observation, environment)?.present());
    let last = state.and_then(|state| state.status.last_update.as_ref());
    Proof {
        last_run: last.and_then(|last| last.time),
        last_success: last.and_then(|last| last.time.filter(|_| last.success)),
        next_run: None,
    }
}

/// What is said where nothing is wrong.
pub(super) const fn summary(proof: &Proof) -> &'static str {
    match proof.last_success {
        Some(_) => "the Kubernetes updater keeps its state, and its last update succeeded",
        None => "the Kubernetes updater is there, and has not had to update anything yet",
    }
}

/// The agent's version, where it or its image says so.
pub(super) fn version(observation: &Observation) -> Option<Text> {
    let by_image = || api(observation)?.pod.present()?.image_version.clone();
    observation.agent.version.clone().or_else(by_image)
}

/// Which Helm release owns the agent, where, and who keeps it as it is.
pub(super) struct Owner {
    pub(super) release: Option<DnsLabel>,
    pub(super) namespace: Option<DnsLabel>,
    pub(super) gitops: Option<GitOps>,
}

impl Owner {
    /// The owner of the agent that was seen.
    pub(super) fn of(observation: &Observation) -> Self {
        let nothing = (Environment::default(), Kubernetes::default());
        let environment = applicability::environment(observation).unwrap_or(&nothing.0);
        let kubernetes = observation.kubernetes.present().unwrap_or(&nothing.1);
        let released_in = || {
            kubernetes.marks().find_map(|marks| DnsLabel::parse(marks.release_namespace.as_ref()?.as_str()))
        };
        Self {
            release: kubernetes.release(environment),
            namespace: kubernetes.pod_namespace(environment).or_else(released_in),
            gitops: kubernetes.marks().find_map(|marks| marks.gitops),
        }
    }
}
