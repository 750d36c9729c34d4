//! The part of a policy that says who is let in no longer.

use std::collections::BTreeSet;
use std::fmt;
use std::fmt::Write;
use std::str::FromStr;

use serde::Deserialize;
use serde::Serialize;

use crate::Text;

/// Who is let in no longer, although its certificate has not expired.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[non_exhaustive]
pub struct Denied {
    /// The serial numbers of certificates.
    pub serials: BTreeSet<Serial>,
    /// The ids of hosts.
    pub host_ids: BTreeSet<Text>,
}

/// The serial number of a certificate, in hexadecimal as `openssl x509 -serial` prints it: in any case, with or without colons.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Serial(String);

/// A text is no serial number.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not the serial number of a certificate: at most 20 bytes in hexadecimal, in quotes where they are digits only"
)]
pub struct InvalidSerial(Text);

/// The most digits of a serial number.
const DIGITS: usize = 40;

impl Serial {
    /// The number of these bytes, the most significant first.
    pub fn of(bytes: &[u8]) -> Self {
        let mut digits = String::new();
        for byte in bytes {
            _ = write!(digits, "{byte:02x}"); // writing to a string does not fail
        }
        Self(digits.trim_start_matches('0').to_owned())
    }
}

impl FromStr for Serial {
    type Err = InvalidSerial;

    fn from_str(text: &str) -> Result<Self, InvalidSerial> {
        let digits = text.replace(':', "").to_ascii_lowercase();
        let digits = digits.trim_start_matches('0');
        let is_number = digits.len() <= DIGITS && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
        if text.is_empty() || !is_number {
            Err(InvalidSerial(Text::new(text)))
        } else {
            Ok(Self(digits.to_owned()))
        }
    }
}

impl TryFrom<String> for Serial {
    type Error = InvalidSerial;

    fn try_from(text: String) -> Result<Self, InvalidSerial> {
        text.parse()
    }
}

impl From<Serial> for String {
    fn from(serial: Serial) -> Self {
        serial.0
    }
}

impl fmt::Display for Serial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_serial_number_is_one_however_it_is_written() {
        let number = Serial::of(&[0, 0x0a, 0xbc]);
        for text in ["abc", "0ABC", "0a:bc", "00:0A:BC"] {
            assert_eq!(text.parse().as_ref(), Ok(&number), "{text}");
        }
        for text in ["", "0x1f", "-1", "xyz", &"f".repeat(41)] {
            assert!(text.parse::<Serial>().is_err(), "{text}");
        }
    }
}
