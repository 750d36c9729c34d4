//! Words of closed sets, on the wire.

use selfcheck_core::Basis;
use selfcheck_core::Verdict;
use selfcheck_core::policy::AlertSeverity;

use crate::wire::teleport::selfcheck::v1 as wire;
use crate::wire::types;

const MEDIUM: i32 = types::AlertSeverity::Medium as i32;
const HIGH: i32 = types::AlertSeverity::High as i32;

/// A severity from the wire. A number between or above those that this version knows is as severe as the next one below.
pub const fn severity_from_wire(number: i32) -> AlertSeverity {
    match number {
        ..MEDIUM => AlertSeverity::Low,
        MEDIUM..HIGH => AlertSeverity::Medium,
        HIGH.. => AlertSeverity::High,
    }
}

/// A severity on the wire.
pub const fn severity_to_wire(severity: AlertSeverity) -> types::AlertSeverity {
    match severity {
        AlertSeverity::Low => types::AlertSeverity::Low,
        AlertSeverity::Medium => types::AlertSeverity::Medium,
        AlertSeverity::High => types::AlertSeverity::High,
    }
}

/// What stands for a value that this version does not know.
pub const OTHER: &str = "other";

/// A verdict on the wire.
pub fn verdict_to_wire(verdict: Verdict) -> wire::Verdict {
    match verdict {
        Verdict::Accompanied => wire::Verdict::Accompanied,
        Verdict::Exempt => wire::Verdict::Exempt,
        Verdict::Held => wire::Verdict::Held,
        Verdict::Impaired => wire::Verdict::Impaired,
        Verdict::Unaccompanied => wire::Verdict::Unaccompanied,
        Verdict::Unknown => wire::Verdict::Unknown,
        Verdict::Unsupported => wire::Verdict::Unsupported,
    }
}

/// A verdict from the wire; `None` if none was named.
pub fn verdict_from_wire(verdict: wire::Verdict) -> Option<Verdict> {
    Some(match verdict {
        wire::Verdict::Unspecified => return None,
        wire::Verdict::Accompanied => Verdict::Accompanied,
        wire::Verdict::Exempt => Verdict::Exempt,
        wire::Verdict::Held => Verdict::Held,
        wire::Verdict::Impaired => Verdict::Impaired,
        wire::Verdict::Unaccompanied => Verdict::Unaccompanied,
        wire::Verdict::Unknown => Verdict::Unknown,
        wire::Verdict::Unsupported => Verdict::Unsupported,
    })
}

/// A basis on the wire.
pub const fn basis_to_wire(basis: Basis) -> wire::Basis {
    match basis {
        Basis::Observed => wire::Basis::Observed,
        Basis::Claimed => wire::Basis::Claimed,
    }
}

/// A basis from the wire. One that this version does not know is no more than a claim.
pub const fn basis_from_wire(basis: wire::Basis) -> Basis {
    match basis {
        wire::Basis::Observed => Basis::Observed,
        wire::Basis::Claimed | wire::Basis::Unspecified => Basis::Claimed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_severity_of_a_newer_release_never_sinks_below_the_known_ones() {
        let codes = [-1, 0, 4, 5, 9, 10, 15].map(|number| severity_from_wire(number).code());
        assert_eq!(codes, ["low", "low", "low", "medium", "medium", "high", "high"]);
    }
}
