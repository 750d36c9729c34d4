//! The part of a policy that says which versions agents should have.

use jiff::Timestamp;
use semver::Version;
use serde::Deserialize;
use serde::Serialize;

use crate::Text;

/// The version that agents of an update group should have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UpdateTarget {
    /// The group; left out for those that no other target names.
    #[serde(default)]
    pub group: Option<Text>,
    /// The version.
    pub version: Version,
    /// When the group's update window is over, so that they should have it; left out where it is.
    #[serde(default)]
    pub by: Option<Timestamp>,
}
