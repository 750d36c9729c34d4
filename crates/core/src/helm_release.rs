//! The Helm release of an agent in a pod.

use serde::Deserialize;
use serde::Serialize;

use crate::DnsLabel;

/// A Helm release, as far as it is known.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[non_exhaustive]
pub struct HelmRelease {
    /// Its name.
    #[serde(rename = "release")]
    pub name: Option<DnsLabel>,
    /// The Kubernetes namespace of its pods.
    pub namespace: Option<DnsLabel>,
}

impl HelmRelease {
    /// What stands in a command for a name that is not known.
    pub const NAME: &str = "RELEASE";
    /// What stands in a command for a namespace that is not known.
    pub const NAMESPACE: &str = "NAMESPACE";
    /// One of which nothing is known.
    pub const UNKNOWN: Self = Self { name: None, namespace: None };

    /// One with this name and this namespace, where they are known.
    pub const fn new(name: Option<DnsLabel>, namespace: Option<DnsLabel>) -> Self {
        Self { name, namespace }
    }

    /// What is known of it, each with the word that stands for it in a command.
    pub fn known(&self) -> impl Iterator<Item = (&'static str, &DnsLabel)> {
        let parts = [(Self::NAME, &self.name), (Self::NAMESPACE, &self.namespace)];
        parts.into_iter().filter_map(|(word, label)| Some((word, label.as_ref()?)))
    }
}
