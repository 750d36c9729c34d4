//! What one look can say about one thing: three-valued, because an error is never "absent".

use std::fmt;

use serde::Deserialize;
use serde::Serialize;

/// The outcome of looking at one thing.
///
/// An error while looking is [`Unreadable`](Self::Unreadable), never [`Absent`](Self::Absent): the judgement
/// may only conclude that an updater is missing from positive absence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(rename_all = "kebab-case")]
pub enum Fact<T> {
    /// It was seen.
    Present(T),
    /// It was looked for where it would be, and is not there.
    Absent,
    /// It could not be seen.
    Unreadable(Why),
    /// The question does not arise for this kind of look or host.
    #[default]
    NotApplicable,
}

impl<T> Fact<T> {
    /// The value, if it was seen.
    pub const fn present(&self) -> Option<&T> {
        match self {
            Self::Present(value) => Some(value),
            Self::Absent | Self::Unreadable(_) | Self::NotApplicable => None,
        }
    }

    /// Why it could not be seen, if that is the case.
    pub const fn why(&self) -> Option<Why> {
        match self {
            Self::Unreadable(why) => Some(*why),
            Self::Present(_) | Self::Absent | Self::NotApplicable => None,
        }
    }

    /// Whether it was seen.
    pub const fn is_present(&self) -> bool {
        matches!(self, Self::Present(_))
    }

    /// Whether it is positively not there.
    pub const fn is_absent(&self) -> bool {
        matches!(self, Self::Absent)
    }

    /// Whether it could not be seen.
    pub const fn is_unreadable(&self) -> bool {
        matches!(self, Self::Unreadable(_))
    }

    /// Whether the question does not arise, or nobody looked.
    pub const fn is_not_applicable(&self) -> bool {
        matches!(self, Self::NotApplicable)
    }

    /// Reads a seen value further, which may show it to be unreadable after all.
    pub fn and_read<U>(self, read: impl FnOnce(T) -> Result<U, Why>) -> Fact<U> {
        self.and_then(|value| read(value).into())
    }

    /// Looks further at a seen value.
    pub fn and_then<U>(self, look: impl FnOnce(T) -> Fact<U>) -> Fact<U> {
        match self {
            Self::Present(value) => look(value),
            Self::Absent => Fact::Absent,
            Self::Unreadable(why) => Fact::Unreadable(why),
            Self::NotApplicable => Fact::NotApplicable,
        }
    }

    /// Applies `change` to a seen value.
    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> Fact<U> {
        self.and_read(|value| Ok(change(value)))
    }
}

impl<T> From<Result<T, Why>> for Fact<T> {
    fn from(result: Result<T, Why>) -> Self {
        match result {
            Ok(value) => Self::Present(value),
            Err(why) => Self::Unreadable(why),
        }
    }
}

/// Why something could not be seen. The set is closed so that it can be a metric label.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Why {
    /// The operating system or the bus refused access.
    Denied,
    /// No answer within the deadline of the look.
    Timeout,
    /// The bus socket does not exist.
    Missing,
    /// Nobody listens on the bus socket.
    Refused,
    /// The other side closed the connection.
    Closed,
    /// The other side does not speak the protocol, or answered with another type than agreed.
    Protocol,
    /// Not well-formed YAML.
    Yaml,
    /// Well-formed, and not what whoever reads this file accepts.
    Invalid,
    /// `kind` is not the one this file must have.
    Kind,
    /// `version` is not one this reader knows.
    Version,
    /// Larger than such a file can sensibly be.
    TooLarge,
    /// A directory, device, FIFO or socket where a file is expected.
    NotAFile,
    /// Not UTF-8.
    Encoding,
    /// A chain of symbolic links that never ends.
    LinkLoop,
    /// It was there when it was read last, and is not there any more.
    Gone,
    /// The other side has no certificate or cipher that is understood here, as where its authority is of the curve P-521.
    Incompatible,
    /// There are several that differ, and nothing tells which is meant.
    Ambiguous,
    /// Readable, and not of the form that such a value has, so that it is not told.
    Unusual,
    /// Somebody else than root can have put it there.
    Untrusted,
    /// Nobody looked, where every look does.
    NotLookedAt,
    /// Any other input or output error.
    Io,
}

impl Why {
    /// The word used in JSON and metric labels.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Denied => "denied",
            Self::Timeout => "timeout",
            Self::Missing => "missing",
            Self::Refused => "refused",
            Self::Closed => "closed",
            Self::Protocol => "protocol",
            Self::Yaml => "yaml",
            Self::Invalid => "invalid",
            Self::Kind => "kind",
            Self::Version => "version",
            Self::TooLarge => "too-large",
            Self::NotAFile => "not-a-file",
            Self::Encoding => "encoding",
            Self::LinkLoop => "link-loop",
            Self::Gone => "gone",
            Self::Incompatible => "incompatible",
            Self::Ambiguous => "ambiguous",
            Self::Unusual => "unusual",
            Self::Untrusted => "untrusted",
            Self::NotLookedAt => "not-looked-at",
            Self::Io => "io",
        }
    }

    /// Whether the obstacle may be gone at the next look, without anybody doing anything about it.
    pub const fn is_passing(self) -> bool {
        matches!(
            self,
            Self::Timeout | Self::Missing | Self::Refused | Self::Closed | Self::Protocol | Self::Io
        )
    }

    /// Whether a file that cannot be read for this reason is broken, rather than out of reach.
    pub const fn is_corruption(self) -> bool {
        matches!(
            self,
            Self::Yaml
                | Self::Invalid
                | Self::Kind
                | Self::Version
                | Self::TooLarge
                | Self::NotAFile
                | Self::Encoding
                | Self::LinkLoop
        )
    }
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Denied => "permission denied",
            Self::Timeout => "no answer in time",
            Self::Missing => "the socket does not exist",
            Self::Refused => "nobody listens on the socket",
            Self::Closed => "the connection was closed",
            Self::Protocol => "the answer was not as agreed",
            Self::Yaml => "not valid YAML",
            Self::Invalid => "a value that is not accepted there",
            Self::Kind => "another kind of file",
            Self::Version => "an unknown format version",
            Self::TooLarge => "too large",
            Self::NotAFile => "not a regular file",
            Self::Encoding => "not UTF-8",
            Self::LinkLoop => "a loop of symbolic links",
            Self::Gone => "no longer there",
            Self::Incompatible => {
                "no certificate or cipher that both sides understand, as with the curve P-521"
            }
            Self::Ambiguous => "several candidates, none chosen",
            Self::Unusual => "of an unusual form",
            Self::Untrusted => "others than root can change it",
            Self::NotLookedAt => "nobody looked",
            Self::Io => "input/output error",
        })
    }
}
