//! What the API shows of the updater's Deployment.

use jiff::Timestamp;

use crate::Fact;
use crate::HelmRelease;
use crate::Observation;
use crate::Reason;
use crate::Text;
use crate::observation::Environment;
use crate::observation::UpdaterDeployment;

use super::super::case::Case;
use super::Owner;
use super::api;
use super::claims_updater;
use super::workload;

/// What the API shows of the updater.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shown {
    /// It runs.
    Running,
    /// It has only just been made, or become unavailable.
    Starting,
    /// It does not run.
    Down,
    /// It could not be seen.
    Hidden,
}

/// What the API shows of the updater's Deployment.
pub(super) fn judge(case: &mut Case<'_>, environment: &Environment) -> Shown {
    let observation = case.observation;
    let Some(api) = api(observation) else { return Shown::Hidden };
    match &api.updater {
        Fact::Present(updater) if is_of(updater, observation) == Some(true) => {
            running(case, environment, updater)
        }
        Fact::Present(updater) if is_of(updater, observation).is_none() => Shown::Hidden,
        Fact::Present(updater) => {
            if claims_updater(environment) {
                let of = [&updater.agent_namespace, &updater.agent]
                    .map(|name| name.as_ref().map_or("?", Text::as_str));
                let words = format!("the Kubernetes updater {} belongs to another agent", updater.name);
                case.find(Reason::KubeUpdaterDown)
                    .because("deployment", &updater.name)
                    .because("is_of_agent", of.join("/").as_str())
                    .in_words(Some(words));
            }
            Shown::Down
        }
        Fact::Absent => {
            // Only what is named by an agent that was seen is known to be missing.
            let Some(workload) = workload(observation) else { return Shown::Hidden };
            if claims_updater(environment) {
                let name = format!("deployment/{}-updater", workload.name);
                case.find(Reason::KubeUpdaterDown).because("missing", name.as_str());
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

/// Whether it says that it updates this agent; `None` where nobody can tell: it does not say whose it is, or this agent's name is not
/// known, which may be another one than its release's.
fn is_of(updater: &UpdaterDeployment, observation: &Observation) -> Option<bool> {
    let HelmRelease { name, namespace } = Owner::of(observation).target.release;
    let is = |name: &Option<Text>, own: &str| name.as_ref().map(|name| name.as_str() == own);
    let in_namespace = namespace.as_ref().and_then(|own| is(&updater.agent_namespace, own.as_str()));
    let by_name = match workload(observation) {
        Some(workload) => is(&updater.agent, workload.name.as_str()),
        // What was looked for under a name and is not there has another one.
        None if api(observation).is_some_and(|api| api.workload.is_absent()) => None,
        None => name.and_then(|own| is(&updater.agent, own.as_str())).filter(|is_it| *is_it),
    };
    match (in_namespace, by_name) {
        (Some(false), _) | (_, Some(false)) => Some(false),
        (Some(true), Some(true)) => Some(true),
        _ => None,
    }
}
