//! The format identifier of a recorded observation.

use serde::Deserialize;
use serde::Deserializer;
use serde::Serialize;
use serde::Serializer;
use serde::de::Error;

/// The format of an observation. Reading refuses another name or major version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ObservationSchema;

impl ObservationSchema {
    /// The identifier written into every observation.
    pub const ID: &str = "teleport.selfcheck.observation/v1";
}

impl Serialize for ObservationSchema {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(Self::ID)
    }
}

impl<'de> Deserialize<'de> for ObservationSchema {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let id = crate::Text::deserialize(deserializer)?;
        // A minor version after the major one may add fields, which a reader ignores.
        let known =
            id.as_str().strip_prefix(Self::ID).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'));
        if known {
            Ok(Self)
        } else {
            Err(D::Error::custom(format_args!("schema `{id}` is not `{}`", Self::ID)))
        }
    }
}
