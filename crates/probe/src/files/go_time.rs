//! Times as Go's `yaml.v3` reads them.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use selfcheck_core::Why;
use serde_saphyr::Spanned;

/// Go's zero time, which says that there is none: the beginning of the year 1.
const ZERO: i64 = -62_135_596_800;

/// The time that `value` of the document `text` is. In quotes only RFC 3339 is one; without them it may also be a date, or
/// have numbers of one digit, or a blank before the time of day and no zone.
pub(super) fn time(text: &str, value: &Spanned<String>) -> Result<Option<Timestamp>, Why> {
    let begins_at = value.defined.span().byte_offset().and_then(|at| usize::try_from(at).ok());
    let source = begins_at.and_then(|at| text.get(at..)).unwrap_or_default();
    let is_quoted = source.starts_with(['"', '\'', '|', '>']);
    let time = parse(&value.value, is_quoted).ok_or(Why::Invalid)?;
    Ok(Some(time).filter(|time| time.as_second() != ZERO || time.subsec_nanosecond() != 0))
}

fn parse(text: &str, is_quoted: bool) -> Option<Timestamp> {
    let Some(at) = text.find(['T', 't', ' ']) else {
        return if is_quoted { None } else { instant(&numbers(text, '-', false)?, "00:00:00", "", 0) };
    };
    let (date, rest) = text.split_at(at);
    let zone = rest.find(['Z', '+', '-']).unwrap_or(rest.len());
    let (separator, hour, zone) = (&rest[..1], &rest[1..zone], &rest[zone..]);
    let offset = match (separator, zone) {
        ("T", zone) => offset_of(zone)?,
        ("t", zone) if !is_quoted => offset_of(zone)?,
        (" ", "") if !is_quoted => 0,
        _ => return None,
    };
    let (hour, fraction) = hour.split_at(hour.find('.').unwrap_or(hour.len()));
    instant(&numbers(date, '-', is_quoted)?, &numbers(hour, ':', is_quoted)?, fraction, offset)
}

fn instant(date: &str, hour: &str, fraction: &str, offset: i64) -> Option<Timestamp> {
    // Go passes over what is finer than a nanosecond.
    let fraction = fraction.get(..10).unwrap_or(fraction);
    let local: DateTime = format!("{date}T{hour}{fraction}").parse().ok()?;
    let utc = local.to_zoned(TimeZone::UTC).ok()?.timestamp();
    Timestamp::new(utc.as_second().checked_sub(offset)?, utc.subsec_nanosecond()).ok()
}

/// Three numbers with two digits each, or of a year four; `strict` ones have them written out.
fn numbers(text: &str, separator: char, strict: bool) -> Option<String> {
    let parts: Vec<_> = text.split(separator).collect();
    let year = usize::from(separator == '-') * 4;
    let is_number = |(at, part): (usize, &&str)| {
        let most = if at == 0 && year > 0 { year } else { 2 };
        let least = if strict || most == year { most } else { 1 };
        (least..=most).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit())
    };
    let whole = parts.len() == 3 && parts.iter().enumerate().all(is_number);
    whole.then(|| {
        parts.iter().map(|part| format!("{part:0>2}")).collect::<Vec<_>>().join(&separator.to_string())
    })
}

/// `Z`, or hours and minutes, in seconds.
fn offset_of(zone: &str) -> Option<i64> {
    if zone == "Z" {
        return Some(0);
    }
    let sign = if zone.starts_with('-') { -1 } else { 1 };
    let (hours, minutes) =
        zone.get(1..)?.split_once(':').filter(|(hours, minutes)| (hours.len(), minutes.len()) == (2, 2))?;
    let number = |digits: &str, most: i64| digits.parse().ok().filter(|number| (0..=most).contains(number));
    Some(sign * (number(hours, 23)? * 3600 + number(minutes, 59)? * 60))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_go_reads() {
        let same = Some("2026-11-02T03:04:05Z".parse::<Timestamp>().expect("time"));
        for quoted in [
            "2026-11-02T03:04:05Z",
            "2026-11-02T04:04:05+01:00",
            "2026-11-02T03:04:05.0Z",
            "2026-11-02T03:04:05.0000000000009Z",
        ] {
            assert_eq!(parse(quoted, true), same, "{quoted}");
            assert_eq!(parse(quoted, false), same, "{quoted}");
        }
        for plain in ["2026-11-2T3:4:5Z", "2026-11-2t3:4:5Z", "2026-11-2 3:4:5", "2026-11-02 03:04:05.000"] {
            assert_eq!(parse(plain, false), same, "{plain}");
            assert_eq!(parse(plain, true), None, "{plain}");
        }
        let day = Some("2026-11-02T00:00:00Z".parse::<Timestamp>().expect("time"));
        assert_eq!((parse("2026-11-2", false), parse("2026-11-02", true)), (day, None));
        for none in [
            "",
            "never",
            "5",
            "2026-11",
            "2026-11-02T03:04:05",
            "2026-13-02",
            "2026-11-02 03:04:05Z",
            "é",
            "T",
        ] {
            assert_eq!((parse(none, false), parse(none, true)), (None, None), "{none}");
        }
    }
}
