//! What an agent's pod belongs to: a Helm release, or whatever else made it, and who keeps it as it is.

use crate::HelmRelease;
use crate::KubernetesTarget;
use crate::Observation;
use crate::TeleportVersion;
use crate::observation::Environment;
use crate::observation::GitOps;
use crate::observation::Kubernetes;
use crate::observation::Marks;

/// What a pod belongs to.
pub(in crate::assess) struct Owner {
    pub(in crate::assess) target: KubernetesTarget,
    pub(in crate::assess) keeper: Keeper,
}

/// What made the agent's workload, and what changes it therefore.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::assess) enum Keeper {
    /// Helm, as far as is known.
    Helm,
    /// A tool that takes back what others change.
    GitOps(GitOps),
    /// Most likely Argo CD, which before version 3 marks what it keeps by a label that others use, too.
    Instance,
    /// `kubectl apply`.
    Kubectl,
    /// Something that made no Helm release and left no mark.
    Unmarked,
}

impl Owner {
    /// The owner of the agent that was seen.
    pub(in crate::assess) fn of(observation: &Observation) -> Self {
        let nothing = (Environment::default(), Kubernetes::default());
        let environment = observation.environment().unwrap_or(&nothing.0);
        let kubernetes = observation.kubernetes.present().unwrap_or(&nothing.1);
        let released_in =
            kubernetes.marks().find_map(|marks| marks.release_namespace.as_ref()?.as_str().parse().ok());
        let name = kubernetes.release(environment);
        let target = KubernetesTarget {
            guess: kubernetes.guessed_release().filter(|_| name.is_none()),
            release: HelmRelease {
                name,
                namespace: kubernetes.pod_namespace(environment).or_else(|| released_in.clone()),
            },
            released_in,
            pod: environment.replica_name.as_ref().and_then(|name| name.as_str().parse().ok()),
            chart_version: chart_version(kubernetes),
        };
        Self { target, keeper: Keeper::of(kubernetes) }
    }
}

impl Keeper {
    fn of(kubernetes: &Kubernetes) -> Self {
        if let Some(tool) = kubernetes.marks().find_map(|marks| marks.gitops) {
            return Self::GitOps(tool);
        }
        let workload = kubernetes.api.present().and_then(|api| api.workload.present());
        match workload.map(|workload| &workload.marks) {
            // Helm marks whatever it makes since its version 3.2.
            Some(Marks { release_name: None, instance: Some(_), .. }) => Self::Instance,
            // Argo CD applies as kubectl does, and leaves its mark, too.
            Some(Marks { release_name: None, applied: true, .. }) => Self::Kubectl,
            Some(Marks { release_name: None, .. }) => Self::Unmarked,
            // Of a workload that may not be seen it is not known; some tools say in its pods who they are.
            None if kubernetes.marks().any(is_managed_otherwise) => Self::Unmarked,
            Some(_) | None => Self::Helm,
        }
    }

    /// What is said of an agent that no Helm release holds, and how its updater is enabled then.
    pub(in crate::assess) fn words(self) -> Option<String> {
        let (who, how) = match self {
            Self::Helm => return None,
            Self::GitOps(tool) => {
                let keeps = format!("{} keeps the agent's objects as a repository says", tool.name());
                (keeps, "set `updater.enabled` in the chart's values there")
            }
            Self::Instance => (
                "no Helm release holds the agent, and its label app.kubernetes.io/instance is most likely Argo CD's"
                    .to_owned(),
                "set `updater.enabled` in the chart's values of the application",
            ),
            Self::Kubectl => (
                "no Helm release holds the agent, which was made by `kubectl apply`".to_owned(),
                "render the chart again with `updater.enabled`, and apply that",
            ),
            Self::Unmarked => (
                "no Helm release holds the agent".to_owned(),
                "enable the updater by what made it, as the enrolment of EKS clusters does, or render the chart \
                 with `updater.enabled` and apply that",
            ),
        };
        Some(format!("the agent runs without its updater; {who}: {how}"))
    }

    /// Its name as evidence.
    pub(in crate::assess) const fn name(self) -> Option<&'static str> {
        match self {
            Self::Helm => None,
            Self::GitOps(tool) => Some(tool.name()),
            Self::Instance => Some("perhaps Argo CD"),
            Self::Kubectl => Some("kubectl"),
            Self::Unmarked => Some("not Helm"),
        }
    }
}

fn is_managed_otherwise(marks: &Marks) -> bool {
    marks.managed_by.as_ref().is_some_and(|by| by.as_str() != "Helm")
}

/// The chart has the version of the agent in its images, where their tag says no more than that.
fn chart_version(kubernetes: &Kubernetes) -> Option<TeleportVersion> {
    let pod = kubernetes.api.present()?.pod.present().filter(|pod| !pod.has_digest)?;
    let version: TeleportVersion = pod.image_version.as_ref()?.as_str().parse().ok()?;
    version.is_release().then_some(version)
}
