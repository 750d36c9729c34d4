//! What a value must be to leave a host, or to be taken from one.

use jiff::Timestamp;
use selfcheck_core::TeleportVersion;
use selfcheck_core::Text;

/// The most bytes of a name, such as that of a group or a host.
const NAME: usize = 128;

/// A name people chose: short, and nothing in it that a terminal might obey.
pub fn name(raw: &str) -> Option<Text> {
    let text = Text::new(raw);
    (!raw.is_empty() && raw.len() <= NAME && text.as_str() == raw).then_some(text)
}

/// A version, without a leading `v`.
pub fn version(raw: &str) -> Option<Text> {
    let plain = TeleportVersion::without_v(raw);
    (plain.len() <= NAME && raw.parse::<TeleportVersion>().is_ok()).then(|| Text::new(plain))
}

/// Seconds since 1970, where 0 means that nothing is known.
pub fn instant(seconds: i64) -> Option<Timestamp> {
    (seconds != 0).then(|| Timestamp::from_second(seconds).ok()).flatten()
}

/// The seconds of an instant, or 0.
pub fn seconds(instant: Option<Timestamp>) -> i64 {
    instant.map_or(0, Timestamp::as_second)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_short_and_tame() {
        assert_eq!(name("stage 1"), Some("stage 1".into()));
        for bad in ["", "a\nb", "a\u{1b}[31m", "a\u{202e}b", &"x".repeat(129)] {
            assert_eq!(name(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn versions_are_semantic() {
        assert_eq!(version("v18.2.0-rc.1"), Some("18.2.0-rc.1".into()));
        for bad in ["", "18", "18.2", "latest", "vv18.2.0", "18.2.0 ", &format!("18.2.0-{}", "x".repeat(200))]
        {
            assert_eq!(version(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn no_instant_is_zero() {
        assert_eq!(instant(0), None);
        assert_eq!(instant(i64::MAX), None);
        assert_eq!(seconds(instant(1_700_000_000)), 1_700_000_000);
    }
}
