//! How grave an alert is, on the wire.

use selfcheck_core::policy::AlertSeverity;

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_severity_of_a_newer_release_never_sinks_below_the_known_ones() {
        let codes = [-1, 0, 4, 5, 9, 10, 15].map(|number| severity_from_wire(number).code());
        assert_eq!(codes, ["low", "low", "low", "medium", "medium", "high", "high"]);
    }
}
