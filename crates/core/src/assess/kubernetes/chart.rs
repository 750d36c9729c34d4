//! Which Helm chart an agent's pod is of. Several set the same variables in their pods, and only one has an updater.

use crate::Observation;
use crate::Text;
use crate::observation::Kubernetes;
use crate::observation::Marks;

use super::super::applicability;
use super::owner::Keeper;

/// The chart whose updater this is about.
const KUBE_AGENT: &str = "teleport-kube-agent";
/// Charts of Teleport's that are known to have no updater.
const WITHOUT_UPDATER: [&str; 4] = ["teleport-relay", "teleport-cluster", "teleport-operator", "tbot"];
/// The roles that `teleport-kube-agent` runs.
const ROLES: [&str; 5] = ["Kube", "App", "Db", "Discovery", "MDM"];

/// What is known of the chart of a pod.
pub(super) enum Chart {
    /// Nothing speaks against `teleport-kube-agent`.
    KubeAgent,
    /// Its labels name another one.
    Named(Text),
    /// It runs a role that `teleport-kube-agent` does not.
    Runs(Text),
}

impl Chart {
    /// The chart of the pod that was seen: by the labels that charts have by convention, else by what it runs.
    pub(super) fn of(observation: &Observation) -> Self {
        let nothing = Kubernetes::default();
        let kubernetes = observation.kubernetes.present().unwrap_or(&nothing);
        let charts: Vec<Text> =
            kubernetes.marks().filter_map(|marks| marks.chart.as_ref()).map(name).collect();
        let by_name = || kubernetes.marks().filter_map(|marks: &Marks| marks.name.clone()).collect();
        // By convention the name may be changed, and the chart not.
        let names = if charts.is_empty() { by_name() } else { charts };
        if let Some(other) = names.into_iter().find(|name| name.as_str() != KUBE_AGENT) {
            return Self::Named(other);
        }
        let foreign = |role: &Text| !ROLES.contains(&role.as_str());
        applicability::roles(observation).into_iter().find(foreign).map_or(Self::KubeAgent, Self::Runs)
    }

    /// What is said of an agent without an updater in a pod of it; `None` where the catalogue says it.
    pub(super) fn words(&self, keeper: Keeper) -> Option<String> {
        let moves = match keeper {
            Keeper::Helm => "`helm upgrade` of its own chart moves its version",
            _ => "its version is moved by what keeps it",
        };
        match self {
            Self::KubeAgent => None,
            Self::Named(name) if WITHOUT_UPDATER.contains(&name.as_str()) => {
                Some(format!("the agent's chart {name} has no updater; {moves}"))
            }
            Self::Named(name) => Some(format!(
                "the agent's pod is labelled as one of the chart {name}, not {KUBE_AGENT}; it runs without an updater, and \
                 whether that chart has one is not known here"
            )),
            Self::Runs(role) => Some(format!(
                "the agent runs the role {role}, which the chart {KUBE_AGENT} does not by itself, without an updater; \
                 Teleport's other charts have none, so {moves}"
            )),
        }
    }
}

/// The name of a chart, which its label has before its version.
fn name(label: &Text) -> Text {
    let is_version = |rest: &str| {
        let rest = rest.strip_prefix('v').unwrap_or(rest);
        let core = rest.split(['-', '+', '_']).next().unwrap_or_default();
        core.split('.').count() == 3 && core.split('.').all(|part| part.parse::<u32>().is_ok())
    };
    let label = label.as_str();
    let mut ends = label.match_indices('-').map(|(end, _)| end);
    let end = ends.find(|end| is_version(&label[end + 1..])).unwrap_or(label.len());
    Text::new(&label[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chart_is_known_by_what_stands_before_its_version() {
        for (label, expected) in [
            ("teleport-kube-agent-18.2.0", "teleport-kube-agent"),
            ("teleport-relay-18.4.0-dev.1", "teleport-relay"),
            ("platform-2-1.0.0_build", "platform-2"),
            ("a-1.2-v3.0.0", "a-1.2"),
            ("teleport-kube-agent", "teleport-kube-agent"),
            ("teleport-kube-agent-18", "teleport-kube-agent-18"),
            ("", ""),
        ] {
            assert_eq!(name(&label.into()).as_str(), expected, "{label}");
        }
    }
}
