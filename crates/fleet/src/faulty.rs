//! What alerts are made of: how many agents are at fault for long enough.

use selfcheck_core::Reason;
use selfcheck_core::Verdict;
use selfcheck_protocol::Count;
use selfcheck_protocol::RemedyGroup;

/// What is wrong with an agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum FaultKind {
    /// It has no updater.
    Unaccompanied,
    /// It has one that will not update it.
    Impaired,
    /// Nobody can tell.
    Unknown,
}

impl FaultKind {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Unaccompanied, Self::Impaired, Self::Unknown];

    /// The word of the verdict that it comes with.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Unaccompanied => Verdict::Unaccompanied.code(),
            Self::Impaired => Verdict::Impaired.code(),
            Self::Unknown => Verdict::Unknown.code(),
        }
    }
}

/// The agents of one kind of fault that have had it for long enough, or had it when they disappeared a short time ago.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Faulty {
    /// How many.
    pub agents: u64,
    /// Those of them that only say so.
    pub claimed: u64,
    /// Those of which so many failed at once that something they share is to blame.
    pub shared: u64,
    /// Those that are a major version or more behind the auth server.
    pub behind: u64,
    /// By the reason that leads to the verdict; `None` is one that this version does not know.
    pub reasons: Vec<Count<Option<Reason>>>,
    /// By what helps; `None` where nobody knows.
    pub remedies: Vec<Count<Option<RemedyGroup>>>,
}

/// What alerts are made of.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct FaultSummary {
    /// The agents that an updater is meant for: accompanied, held, impaired or unaccompanied.
    pub agents: u64,
    /// Those without an updater.
    pub unaccompanied: Faulty,
    /// Those whose updater does not work.
    pub impaired: Faulty,
    /// Those of which nobody can tell.
    pub unknown: Faulty,
}

impl FaultSummary {
    /// The agents with this kind of fault.
    pub const fn of(&self, kind: FaultKind) -> &Faulty {
        match kind {
            FaultKind::Unaccompanied => &self.unaccompanied,
            FaultKind::Impaired => &self.impaired,
            FaultKind::Unknown => &self.unknown,
        }
    }
}
