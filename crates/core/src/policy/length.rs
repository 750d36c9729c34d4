//! A length of time, as policies and flags write it.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use jiff::SignedDuration;
use serde::Deserialize;
use serde::Serialize;

use crate::Text;
use crate::Usec;

/// A length of time, written as `18m`, `1h 30m` or `500ms`; at most a year.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Length(Usec);

/// Not a length of time.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a length of time like `90s`, `18m` or `1h 30m`, of at most a year")]
pub struct InvalidLength(
    /// What was given, bounded.
    pub Text,
);

impl Length {
    const YEAR: Usec = 366 * 24 * 3600 * 1_000_000;

    /// `minutes` minutes.
    pub const fn minutes(minutes: u32) -> Self {
        Self(minutes as Usec * 60_000_000)
    }

    /// `seconds` seconds.
    pub const fn seconds(seconds: u32) -> Self {
        Self(seconds as Usec * 1_000_000)
    }

    /// In microseconds.
    pub const fn usec(self) -> Usec {
        self.0
    }

    /// As the standard library has it.
    pub const fn duration(self) -> Duration {
        Duration::from_micros(self.0)
    }
}

impl FromStr for Length {
    type Err = InvalidLength;

    fn from_str(text: &str) -> Result<Self, InvalidLength> {
        let invalid = || InvalidLength(text.into());
        let duration: SignedDuration = text.parse().map_err(|_| invalid())?;
        let usec = Usec::try_from(duration.as_micros()).map_err(|_| invalid())?;
        if usec <= Self::YEAR { Ok(Self(usec)) } else { Err(invalid()) }
    }
}

impl TryFrom<String> for Length {
    type Error = InvalidLength;

    fn try_from(text: String) -> Result<Self, InvalidLength> {
        text.parse()
    }
}

impl From<Length> for String {
    fn from(length: Length) -> Self {
        length.to_string()
    }
}

impl fmt::Display for Length {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#}", SignedDuration::from_micros(i64::try_from(self.0).unwrap_or(i64::MAX)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_people_write() {
        for (text, usec) in [("18m", 1_080_000_000), ("500ms", 500_000), ("1h 30m", 5_400_000_000), ("0s", 0)]
        {
            let length: Length = text.parse().expect(text);
            assert_eq!(length.usec(), usec, "{text}");
            assert_eq!(length.to_string().parse(), Ok(length));
        }
    }

    #[test]
    fn refuses_what_is_no_length() {
        for bad in ["", "18", "-5m", "5 parsecs", "900000h"] {
            assert!(bad.parse::<Length>().is_err(), "{bad}");
        }
    }
}
