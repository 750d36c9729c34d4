//! The updater of a pod: what the chart says of it, the state it writes, and what the Kubernetes API tells.
//!
//! Labels and names prove nothing here: they are the same with and without an updater, and whoever makes an object may write them.

mod chart;
mod owner;
mod state;
mod updater;

use crate::Fact;
use crate::Observation;
use crate::Proof;
use crate::Reason;
use crate::Text;
use crate::UpdaterKind;
use crate::Why;
use crate::observation::Environment;
use crate::observation::KubernetesApi;
use crate::observation::UpdateConfig;
use crate::observation::Workload;

use super::applicability;
use super::case::Case;
use super::gaps;

pub(super) use owner::Owner;

use chart::Chart;
use state::Shows;
use updater::Shown;

/// Whether the updater does anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Pace {
    AsUsual,
    /// It was told to leave the agent alone: it writes nothing and sets no version.
    Paused,
    /// Whether it was could not be seen for a reason that may pass.
    Unknown,
}

/// Judges the updater of an agent in a pod.
pub(super) fn judge(case: &mut Case<'_>, environment: &Environment) {
    let pace = paused(case);
    let shown = updater::judge(case, environment);
    if claims_updater(environment) {
        let is_unproven = match state::judge(case, environment, pace) {
            Shows::Something => false,
            Shows::Nothing => matches!(shown, Shown::Hidden | Shown::Starting),
            Shows::FaultUnlessPaused => true,
        };
        if is_unproven {
            let legacy = Form::of(case.observation, environment).words(LEGACY_UNPROVEN);
            case.find(Reason::KubeUnproven)
                .in_words(legacy)
                .because_of("claimed", environment.ext_upgrader.as_ref().map(UpdaterKind::as_str))
                .because_of("chart", environment.ext_upgrader_version.clone());
        }
    } else {
        off(case, environment, shown);
    }
    unseen(case);
}

/// Whether the chart says that its updater is enabled.
pub(super) fn claims_updater(environment: &Environment) -> bool {
    environment.ext_upgrader == Some(UpdaterKind::Kube)
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
fn off(case: &mut Case<'_>, environment: &Environment, shown: Shown) {
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
    // A command is for a release of the one chart that has this updater, and that nothing else keeps as it is.
    let chart = Chart::of(observation);
    let (kept, other) = (owner.keeper.words(), chart.words(owner.keeper));
    let remedy = Reason::KubeUpdaterOff.entry().remedy.filter(|_| kept.is_none() && other.is_none());
    let legacy = Form::of(observation, environment).words(LEGACY_OFF);
    let name = match chart {
        Chart::Named(name) => Some(name),
        Chart::KubeAgent | Chart::Runs(_) => None,
    };
    case.find(Reason::KubeUpdaterOff)
        .because("missing", "TELEPORT_EXT_UPGRADER=kube")
        .because_of("chart", name)
        .because_of("release", owner.target.release.name.map(Text::from))
        .because_of("namespace", owner.target.release.namespace.map(Text::from))
        .because_of("kept_by", owner.keeper.name())
        .in_words(other.or(kept).or(legacy))
        .remedied_by(remedy);
}

/// What is said of pods of the chart's older form, a Deployment. The chart keeps it where a release already has one.
const LEGACY_OFF: &str = "the agent runs in the chart's older Deployment form, without the chart's updater";
const LEGACY_UNPROVEN: &str = "the agent runs in the chart's older Deployment form, for which the updater writes no state file: only \
                               the updater's own Deployment shows whether it works";

/// What makes the agent's pods. The updater keeps its state of StatefulSets only, and the chart's pods of before those name nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    StatefulSet,
    Deployment,
    Unknown,
}

impl Form {
    fn of(observation: &Observation, environment: &Environment) -> Self {
        if let Some(workload) = workload(observation) {
            return if workload.kind == *"Deployment" { Self::Deployment } else { Self::StatefulSet };
        }
        let Environment { release_name, kube_namespace, replica_name, helm_kube_agent, .. } = environment;
        let is_of_chart = helm_kube_agent.as_ref().is_some_and(|set| set == "true");
        match replica_name {
            Some(pod) if is_numbered(pod.as_str()) => Self::StatefulSet,
            Some(pod) if is_random(pod.as_str()) => Self::Deployment,
            None if is_of_chart && release_name.is_none() && kube_namespace.is_none() => Self::Deployment,
            _ => Self::Unknown,
        }
    }

    /// The words for a pod of the chart's Deployment.
    fn words(self, of_deployment: &str) -> Option<String> {
        (self == Self::Deployment).then(|| of_deployment.to_owned())
    }
}

/// Whether a pod is called as those of a Deployment are: by the hash of a template, and five characters at random.
fn is_random(pod: &str) -> bool {
    let mut parts = pod.rsplitn(3, '-');
    let (random, hash, name) = (parts.next(), parts.next(), parts.next());
    random.is_some_and(|random| random.len() == 5)
        && hash.is_some_and(|hash| hash.len() >= 5)
        && name.is_some()
}

/// Whether a pod is called as a StatefulSet calls its own.
fn is_numbered(pod: &str) -> bool {
    let number = pod.rsplit_once('-').map_or("", |(_, number)| number);
    (1..5).contains(&number.len()) && number.bytes().all(|byte| byte.is_ascii_digit())
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
        None | Some(Why::Denied | Why::Incompatible) => Pace::AsUsual,
        Some(_) => Pace::Unknown,
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
        let words = (*why == Why::Incompatible).then(|| format!("the Kubernetes API cannot be asked: {why}"));
        case.find(reason)
            .because("parts", names.join(",").as_str())
            .because("why", why.code())
            .in_words(words);
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
    let state =
        observation.environment().and_then(|environment| state_file(observation, environment)?.present());
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
