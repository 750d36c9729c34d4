//! From the reasons that hold to one verdict.

use crate::Reason;
use crate::Verdict;

/// An exempt reason decides alone; else the worst that is proven; else unsupported; else unknown if evidence
/// was missing; else the agent is accompanied.
const PRECEDENCE: [Verdict; 6] = [
    Verdict::Exempt,
    Verdict::Unaccompanied,
    Verdict::Impaired,
    Verdict::Held,
    Verdict::Unsupported,
    Verdict::Unknown,
];

/// The verdict of `reasons`.
pub(super) fn verdict(reasons: impl Iterator<Item = Reason>) -> Verdict {
    reasons.filter_map(Reason::verdict).min_by_key(|verdict| rank(*verdict)).unwrap_or(Verdict::Accompanied)
}

/// The place of a verdict in the precedence; advisory reasons come after all.
pub(super) fn rank(verdict: Verdict) -> usize {
    PRECEDENCE.iter().position(|candidate| *candidate == verdict).unwrap_or(PRECEDENCE.len())
}
