//! The seven verdicts, how grave a finding is, and on what ground a status stands.

use std::fmt;

use serde::Deserialize;
use serde::Serialize;

/// Makes an enum of words used in JSON, on the wire and in labels.
macro_rules! coded {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $code:literal,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum $name {
            $($(#[$vdoc])* #[serde(rename = $code)] $variant,)*
        }

        impl $name {
            /// Every value, in the order of the declaration.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// The word used in JSON, on the wire and in labels.
            pub const fn code(self) -> &'static str {
                match self { $(Self::$variant => $code,)* }
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::UnknownCode;

            fn from_str(code: &str) -> Result<Self, Self::Err> {
                let known = Self::ALL.iter().copied().find(|value| value.code() == code);
                known.ok_or_else(|| $crate::UnknownCode::new(code))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.code())
            }
        }
    };
}
pub(crate) use coded;

coded! {
    /// The judgement: does a working updater accompany this agent?
    Verdict {
        /// A working updater will update this agent.
        Accompanied = "accompanied",
        /// It needs none: control plane, updated by the cluster, or acknowledged.
        Exempt = "exempt",
        /// A person paused it by the product's own means.
        Held = "held",
        /// An updater is there, but will not update this agent.
        Impaired = "impaired",
        /// There is positive evidence that there is none.
        Unaccompanied = "unaccompanied",
        /// Evidence the verdict needs could not be read.
        Unknown = "unknown",
        /// No updater exists for this platform.
        Unsupported = "unsupported",
    }
}

impl Verdict {
    /// Whether a person has to do something about the agent, or has to find out: nothing updates it, or nobody can tell.
    pub const fn needs_attention(self) -> bool {
        matches!(self, Self::Unaccompanied | Self::Impaired | Self::Unknown)
    }
}

coded! {
    /// How grave a finding is, the gravest first.
    Severity {
        /// The agent will not be updated.
        Critical = "critical",
        /// It may not be updated, or that cannot be told.
        Warning = "warning",
        /// Good to know; never changes a verdict.
        Advisory = "advisory",
    }
}

coded! {
    /// On what ground a status stands.
    Basis {
        /// Somebody looked at the host.
        Observed = "observed",
        /// An agent without this library only says so.
        Claimed = "claimed",
    }
}

coded! {
    /// What was looked at.
    #[derive(Default)]
    EvidenceKind {
        /// A running host.
        #[default]
        Live = "live",
        /// An unpacked image or another disk.
        Static = "static",
    }
}
