//! The part of a policy that says which versions agents should have.

use jiff::Timestamp;
use serde::Deserialize;
use serde::Serialize;

use crate::TeleportVersion;
use crate::Text;

/// The version that agents of an update group should have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct UpdateTarget {
    /// The group; left out for those that no other target names.
    #[serde(default)]
    pub group: Option<Text>,
    /// The version.
    pub version: TeleportVersion,
    /// When the group's update window is over, so that they should have it; left out where it is.
    #[serde(default)]
    pub by: Option<Timestamp>,
}

impl UpdateTarget {
    /// This version, for the agents that no other target names.
    pub const fn new(version: TeleportVersion) -> Self {
        Self { group: None, version, by: None }
    }

    /// For the agents of a group.
    #[must_use]
    pub fn group(self, group: &str) -> Self {
        Self { group: Some(Text::new(group)), ..self }
    }

    /// From then on, when the update window is over.
    #[must_use]
    pub fn by(self, by: Timestamp) -> Self {
        Self { by: Some(by), ..self }
    }
}
