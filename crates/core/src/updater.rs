//! The updaters that an agent may have.

use std::fmt;

use serde::Deserialize;
use serde::Deserializer;
use serde::Serialize;
use serde::Serializer;

use crate::Namespace;
use crate::Text;

/// What updates an agent, by stock Teleport's word for it (`ExternalUpgrader`).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum UpdaterKind {
    /// `binary`: teleport-update, of managed updates v2.
    Binary,
    /// `unit`: teleport-upgrade, of managed updates v1.
    Unit,
    /// `kube`: the Kubernetes updater.
    Kube,
    /// `integration_awsoidc`: the cluster itself, which deploys the agent anew.
    IntegrationAwsOidc,
    /// Another one, by the word of whoever knows it; never one of the words above, nor an empty one.
    #[non_exhaustive]
    Other(Text),
}

impl UpdaterKind {
    /// The word for all kinds that are not told apart.
    const OTHER: &str = "other";
    /// Those that this version knows.
    pub const KNOWN: [Self; 4] = [Self::Binary, Self::Unit, Self::Kube, Self::IntegrationAwsOidc];

    /// The one that stock Teleport has this word for; `None` for the empty one, which it has for none.
    pub fn named(word: Text) -> Option<Self> {
        if word.is_empty() {
            return None;
        }
        let known = Self::KNOWN.into_iter().find(|kind| *kind.as_str() == *word.as_str());
        Some(known.unwrap_or(Self::Other(word)))
    }

    /// Any of those that this version does not tell apart.
    pub fn other() -> Self {
        Self::Other(Self::OTHER.into())
    }

    /// Its word.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Binary => "binary",
            Self::Unit => "unit",
            Self::Kube => "kube",
            Self::IntegrationAwsOidc => "integration_awsoidc",
            Self::Other(word) => word.as_str(),
        }
    }

    /// The word of an updater, or that for none: the empty one.
    pub fn word(kind: Option<&Self>) -> &str {
        kind.map_or("", Self::as_str)
    }

    /// Whether stock Teleport has a state for it to tell beside its kind.
    pub const fn has_status(&self) -> bool {
        matches!(self, Self::Binary | Self::Kube)
    }

    /// Which of the two updaters for Linux hosts it is, if it is one.
    pub const fn generation(&self) -> Option<Generation> {
        match self {
            Self::Binary => Some(Generation::V2),
            Self::Unit => Some(Generation::V1),
            _ => None,
        }
    }
}

impl fmt::Display for UpdaterKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl Serialize for UpdaterKind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for UpdaterKind {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let empty = || serde::de::Error::custom("the word for an updater is empty");
        Self::named(Text::deserialize(deserializer)?).ok_or_else(empty)
    }
}

/// Writes an updater that may be none into a document where none is the empty word.
#[expect(clippy::ref_option, reason = "serde has it so")]
pub(crate) fn write_or_empty<S: Serializer>(kind: &Option<UpdaterKind>, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(UpdaterKind::word(kind.as_ref()))
}

/// Reads an updater that may be none from a document where none may be the empty word.
pub(crate) fn read_or_empty<'de, D: Deserializer<'de>>(from: D) -> Result<Option<UpdaterKind>, D::Error> {
    Ok(Option::<Text>::deserialize(from)?.and_then(UpdaterKind::named))
}

/// Which of the two updaters for Linux hosts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Generation {
    /// `teleport-upgrade`, managed updates v1.
    V1,
    /// `teleport-update`, managed updates v2.
    V2,
}

impl Generation {
    /// The updater's name.
    pub const fn updater(self) -> &'static str {
        match self {
            Self::V1 => "teleport-upgrade",
            Self::V2 => "teleport-update",
        }
    }

    /// Stock Teleport's word for it.
    pub const fn kind(self) -> UpdaterKind {
        match self {
            Self::V1 => UpdaterKind::Unit,
            Self::V2 => UpdaterKind::Binary,
        }
    }

    /// The timer that starts it. The older updater has one for the whole host.
    pub fn timer(self, namespace: &Namespace) -> String {
        match self {
            Self::V1 => "teleport-upgrade.timer".to_owned(),
            Self::V2 => namespace.timer(),
        }
    }

    /// The service that runs it.
    pub fn service(self, namespace: &Namespace) -> String {
        match self {
            Self::V1 => "teleport-upgrade.service".to_owned(),
            Self::V2 => namespace.service(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_read_as_it_is_written() {
        for kind in UpdaterKind::KNOWN.into_iter().chain([UpdaterKind::Other("moon".into())]) {
            assert_eq!(UpdaterKind::named(kind.as_str().into()), Some(kind.clone()));
            let json = serde_json::to_string(&kind).expect("JSON");
            assert_eq!(serde_json::from_str::<UpdaterKind>(&json).expect("a kind"), kind);
        }
        assert_eq!(UpdaterKind::named("".into()), None);
        serde_json::from_str::<UpdaterKind>("\"\"").expect_err("none is no kind");
    }

    #[test]
    fn a_generation_is_that_of_its_kind() {
        for generation in [Generation::V1, Generation::V2] {
            assert_eq!(generation.kind().generation(), Some(generation));
        }
    }
}
