//! What an agent runs on.

use selfcheck_core::Text;

use crate::wire::proto::UpstreamInventoryAgentMetadata;

/// What an agent runs on. Each is empty where it is not known.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct HostMetadata {
    /// `linux` or `darwin`.
    pub os: Text,
    /// The operating system's version.
    pub os_version: Text,
    /// The processor architecture.
    pub architecture: Text,
}

impl HostMetadata {
    /// The message that tells it.
    pub fn to_wire(&self) -> UpstreamInventoryAgentMetadata {
        UpstreamInventoryAgentMetadata {
            os: self.os.to_string(),
            os_version: self.os_version.to_string(),
            host_architecture: self.architecture.to_string(),
            ..UpstreamInventoryAgentMetadata::default()
        }
    }
}

impl From<&UpstreamInventoryAgentMetadata> for HostMetadata {
    fn from(metadata: &UpstreamInventoryAgentMetadata) -> Self {
        Self {
            os: Text::new(&metadata.os),
            os_version: Text::new(&metadata.os_version),
            architecture: Text::new(&metadata.host_architecture),
        }
    }
}
