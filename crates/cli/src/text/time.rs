//! Instants as people read them: local time, and how far away.

use jiff::Timestamp;
use jiff::tz::TimeZone;

/// `2026-11-20 11:00:00 CET (2 days ago)`
pub(super) fn instant(instant: Timestamp, now: Timestamp) -> String {
    let local = instant.to_zoned(TimeZone::system());
    format!("{} ({})", local.strftime("%Y-%m-%d %H:%M:%S %Z"), distance(instant, now))
}

/// `3 minutes ago`, `in 2 hours`, `now`
fn distance(instant: Timestamp, now: Timestamp) -> String {
    let seconds = instant.duration_since(now).as_secs();
    let units = [(86_400, "day"), (3_600, "hour"), (60, "minute"), (1, "second")];
    let Some((size, unit)) = units.into_iter().find(|(size, _)| seconds.unsigned_abs() >= *size) else {
        return "now".to_owned();
    };
    let count = seconds.unsigned_abs() / size;
    let plural = if count == 1 { "" } else { "s" };
    if seconds < 0 { format!("{count} {unit}{plural} ago") } else { format!("in {count} {unit}{plural}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_how_far_away() {
        let now: Timestamp = "2026-11-22T10:00:00Z".parse().expect("time");
        let at = |time: &str| distance(time.parse().expect("time"), now);
        assert_eq!(at("2026-11-22T09:57:00Z"), "3 minutes ago");
        assert_eq!(at("2026-11-20T10:00:00Z"), "2 days ago");
        assert_eq!(at("2026-11-22T11:00:00Z"), "in 1 hour");
        assert_eq!(at("2026-11-22T10:00:00.4Z"), "now");
    }
}
