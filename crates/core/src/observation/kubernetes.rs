//! Evidence from Kubernetes.

use jiff::Timestamp;
use serde::Deserialize;
use serde::Serialize;

use crate::DnsLabel;
use crate::Fact;
use crate::Text;

use super::start::Environment;

/// What a pod knows of itself by its mounted files, and what the Kubernetes API tells of it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Kubernetes {
    /// The namespace, as the files of the pod's service account say.
    #[serde(default)]
    pub namespace: Fact<Text>,
    /// The pod's labels that matter here, by the downward API. Absent: not mounted.
    #[serde(default)]
    pub labels: Fact<Marks>,
    /// The pod's annotations that matter here, by the downward API. Absent: not mounted.
    #[serde(default)]
    pub annotations: Fact<Marks>,
    /// What the API tells. Not applicable where it is not asked.
    #[serde(default)]
    pub api: Fact<KubernetesApi>,
}

impl Kubernetes {
    /// The Helm release of the agent whose environment this is. The chart writes it there, and Helm on what it makes.
    pub fn release(&self, environment: &Environment) -> Option<DnsLabel> {
        label(environment.release_name.as_ref()).or_else(|| self.first(|marks| &marks.release_name))
    }

    /// What the release is most likely called, where nobody says so: the chart labels its pods `app` by it, and so do other tools
    /// and people by names of their own.
    pub fn guessed_release(&self) -> Option<DnsLabel> {
        self.first(|marks| &marks.app).or_else(|| self.first(|marks| &marks.instance))
    }

    /// The namespace that its pod is in.
    pub fn pod_namespace(&self, environment: &Environment) -> Option<DnsLabel> {
        label(environment.kube_namespace.as_ref()).or_else(|| label(self.namespace.present()))
    }

    /// What it is marked with: its annotations, its labels, those of it and its workload that the API tells.
    pub fn marks(&self) -> impl Iterator<Item = &Marks> {
        let api = self.api.present();
        let pod = api.and_then(|api| api.pod.present()).map(|pod| &pod.marks);
        let workload = api.and_then(|api| api.workload.present()).map(|workload| &workload.marks);
        let mounted = [self.annotations.present(), self.labels.present()];
        mounted.into_iter().chain([pod, workload]).flatten()
    }

    fn first(&self, of: fn(&Marks) -> &Option<Text>) -> Option<DnsLabel> {
        self.marks().find_map(|marks| label(of(marks).as_ref()))
    }
}

fn label(text: Option<&Text>) -> Option<DnsLabel> {
    text.and_then(|text| text.as_str().parse().ok())
}

/// By which labels or annotations something says what it belongs to. Whoever makes an object may write them, so they say which Helm release a
/// remedy must name, and never that an updater runs.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Marks {
    /// `app`.
    #[serde(default)]
    pub app: Option<Text>,
    /// `app.kubernetes.io/name`.
    #[serde(default)]
    pub name: Option<Text>,
    /// `app.kubernetes.io/instance`.
    #[serde(default)]
    pub instance: Option<Text>,
    /// `app.kubernetes.io/managed-by`.
    #[serde(default)]
    pub managed_by: Option<Text>,
    /// `helm.sh/chart`.
    #[serde(default)]
    pub chart: Option<Text>,
    /// `meta.helm.sh/release-name`.
    #[serde(default)]
    pub release_name: Option<Text>,
    /// `meta.helm.sh/release-namespace`.
    #[serde(default)]
    pub release_namespace: Option<Text>,
    /// Which tool keeps it as a repository says, by a mark of that tool.
    #[serde(default)]
    pub gitops: Option<GitOps>,
    /// Whether it has kubectl's `kubectl.kubernetes.io/last-applied-configuration`. What that holds is not kept.
    #[serde(default)]
    pub applied: bool,
}

/// A tool that keeps objects as a repository says, and takes back what others change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum GitOps {
    /// Argo CD.
    ArgoCd,
    /// Flux.
    Flux,
    /// Rancher Fleet, or what k3s deploys by itself in the same way.
    Fleet,
}

impl GitOps {
    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::ArgoCd => "Argo CD",
            Self::Flux => "Flux",
            Self::Fleet => "Rancher Fleet",
        }
    }
}

/// What the Kubernetes API tells of the agent and its updater, each as far as the pod's service account may read it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct KubernetesApi {
    /// The agent's own pod.
    #[serde(default)]
    pub pod: Fact<Pod>,
    /// The StatefulSet or Deployment that makes the agent's pods.
    #[serde(default)]
    pub workload: Fact<Workload>,
    /// The updater's Deployment.
    #[serde(default)]
    pub updater: Fact<UpdaterDeployment>,
}

/// The agent's own pod.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Pod {
    /// The version that the tag of its image says.
    #[serde(default)]
    pub image_version: Option<Text>,
    /// Whether a digest in its image's name fixes what it runs, whatever the tag says.
    #[serde(default)]
    pub has_digest: bool,
    /// By its labels and annotations.
    #[serde(default)]
    pub marks: Marks,
}

/// What makes the agent's pods.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Workload {
    /// `StatefulSet` or `Deployment`.
    pub kind: Text,
    /// Its name.
    pub name: Text,
    /// By its labels and annotations.
    #[serde(default)]
    pub marks: Marks,
    /// Whether `teleport.dev/skipreconcile` tells the updater to leave it alone.
    #[serde(default)]
    pub paused: bool,
}

/// The Deployment of the updater.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UpdaterDeployment {
    /// Its name.
    pub name: Text,
    /// Of which agent it is, by its argument `--agent-name`. Null: it does not say.
    #[serde(default)]
    pub agent: Option<Text>,
    /// In which namespace that agent is, by its argument `--agent-namespace`.
    #[serde(default)]
    pub agent_namespace: Option<Text>,
    /// How many replicas are wanted.
    #[serde(default)]
    pub replicas: u32,
    /// How many are available.
    #[serde(default)]
    pub available: u32,
    /// When it was created.
    #[serde(default)]
    pub created: Option<Timestamp>,
    /// Since when it is not available, by its condition `Available`.
    #[serde(default)]
    pub since: Option<Timestamp>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_release_is_that_of_the_environment_and_then_that_of_the_best_mark() {
        let marks = |release_name: &str, instance: &str, app: &str| {
            let text = |text: &str| Some(Text::new(text)).filter(|text| !text.is_empty());
            Fact::Present(Marks {
                release_name: text(release_name),
                instance: text(instance),
                app: text(app),
                ..Marks::default()
            })
        };
        let release = |environment: &str, annotations, labels| {
            let release_name = Some(Text::new(environment)).filter(|text| !text.is_empty());
            let pod = Kubernetes { labels, annotations, ..Kubernetes::default() };
            let release = pod.release(&Environment { release_name, ..Environment::default() });
            let text = |label: Option<DnsLabel>| label.map_or_else(String::new, |label| label.to_string());
            (text(release), text(pod.guessed_release()))
        };
        let expected = |release: &str, guess: &str| (release.to_owned(), guess.to_owned());
        let none = || Fact::Absent;
        assert_eq!(release("env", marks("a", "b", "c"), none()), expected("env", "c"));
        assert_eq!(release("Not A Name", marks("a", "b", "c"), none()), expected("a", "c"));
        assert_eq!(release("", none(), marks("a", "b", "c")), expected("a", "c"));
        assert_eq!(release("", marks("", "b", ""), marks("a", "", "")), expected("a", "b"));
        assert_eq!(release("", marks("", "", "c"), marks("", "b", "")), expected("", "c"));
        assert_eq!(release("", none(), marks("", "", "c")), expected("", "c"));
        assert_eq!(release("", none(), none()), expected("", ""));
    }
}
