//! Evidence from Kubernetes.

use serde::Deserialize;
use serde::Serialize;

use crate::Text;

/// Which Helm release and namespace own the agent, as far as its pod tells.
///
/// This says which release a remedy must name; it never proves that an updater runs.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Kubernetes {
    /// The Helm release.
    #[serde(default)]
    pub release: Option<Text>,
    /// The Kubernetes namespace.
    #[serde(default)]
    pub namespace: Option<Text>,
    /// The kind of updater the chart claims.
    #[serde(default)]
    pub claimed_updater: Option<Text>,
}
