//! Words of a closed set, as read from a version that may know more of them.

use std::fmt;
use std::str::FromStr;

use serde::Deserialize;
use serde::Deserializer;
use serde::Serialize;
use serde::Serializer;

use crate::Text;

/// A closed set of words, each read by its [`FromStr`].
pub trait Code: Copy + PartialEq + FromStr {
    /// The word of a value.
    fn word(self) -> &'static str;
}

/// A word is none of a closed set, as far as this version knows it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is none of the codes that this version knows")]
pub struct UnknownCode(Text);

impl UnknownCode {
    pub(crate) fn new(code: &str) -> Self {
        Self(Text::new(code))
    }
}

/// A value of a closed set, or the word that a newer version has for one that this version does not know.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Coded<T> {
    /// One that this version knows.
    Known(T),
    /// Another one, by its word.
    Other(Text),
}

impl<T: Code> Coded<T> {
    /// What every unknown word counts as.
    pub const OTHER: &str = "other";

    /// The value, if this version knows it.
    pub const fn known(&self) -> Option<T> {
        match self {
            Self::Known(value) => Some(*value),
            Self::Other(_) => None,
        }
    }

    /// Its code in a set that is closed: that of an unknown one is [`other`](Self::OTHER).
    pub fn code(&self) -> &'static str {
        self.known().map_or(Self::OTHER, Code::word)
    }
}

impl<T> From<T> for Coded<T> {
    fn from(value: T) -> Self {
        Self::Known(value)
    }
}

impl<T: PartialEq> PartialEq<T> for Coded<T> {
    fn eq(&self, other: &T) -> bool {
        matches!(self, Self::Known(value) if value == other)
    }
}

/// The word; one that is not known with what it counts as.
impl<T: Code> fmt::Display for Coded<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Known(value) => f.pad(value.word()),
            Self::Other(word) => write!(f, "{} ({word})", Self::OTHER),
        }
    }
}

impl<T: Code> Serialize for Coded<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Known(value) => serializer.serialize_str(value.word()),
            Self::Other(word) => word.serialize(serializer),
        }
    }
}

impl<'de, T: Code> Deserialize<'de> for Coded<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let word = Text::deserialize(deserializer)?;
        Ok(word.as_str().parse().map_or(Self::Other(word), Self::Known))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Reason;

    #[test]
    fn a_word_of_a_newer_version_is_kept_and_counts_as_other() {
        let read = |json: &str| serde_json::from_str::<Coded<Reason>>(json).expect("readable");
        let known = read("\"timer-masked\"");
        assert_eq!((known.known(), known.code()), (Some(Reason::TimerMasked), "timer-masked"));
        let newer = read("\"moon-phase\"");
        assert_eq!((newer.known(), newer.code()), (None, "other"));
        assert_eq!(newer.to_string(), "other (moon-phase)");
        assert_eq!(serde_json::to_string(&newer).expect("JSON"), "\"moon-phase\"");
        assert!(newer != Reason::TimerMasked && known == Reason::TimerMasked);
    }
}
