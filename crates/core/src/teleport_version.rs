//! A version of Teleport, as versions are compared.

use std::fmt;
use std::str::FromStr;

use semver::Version;
use serde::Deserialize;
use serde::Serialize;

use crate::Text;

/// A version of Teleport: a semantic one, such as `18.2.0` or `18.2.0-rc.1`. What leads to a release is older than it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TeleportVersion(Version);

/// A text is not a version.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a version like 18.2.0")]
pub struct InvalidVersion(Text);

impl TeleportVersion {
    /// A release.
    pub const fn new(major: u64, minor: u64, patch: u64) -> Self {
        Self(Version::new(major, minor, patch))
    }

    /// A version as people write it for Teleport's own tools: with or without a leading `v`, and as `18` or `18.2` for the first
    /// such one.
    ///
    /// # Errors
    ///
    /// Where it is not a version even so.
    pub fn relaxed(text: &str) -> Result<Self, InvalidVersion> {
        let plain = plain(text);
        let is_short = !plain.is_empty() && plain.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
        let missing = 2_usize.saturating_sub(plain.matches('.').count());
        let whole = if is_short { format!("{plain}{}", ".0".repeat(missing)) } else { plain.to_owned() };
        Version::parse(&whole).map(Self).map_err(|_| InvalidVersion(Text::new(text)))
    }

    /// Its major version.
    pub const fn major(&self) -> u64 {
        self.0.major
    }

    /// The major and minor version, as features come with them: a development build counts as its release.
    pub const fn release(&self) -> (u64, u64) {
        (self.0.major, self.0.minor)
    }

    /// Whether it is a release, and not a build that leads to one or differs from it.
    pub fn is_release(&self) -> bool {
        self.0.pre.is_empty() && self.0.build.is_empty()
    }

    /// The major version with which a text begins. A build of one's own may have a version that is not a semantic one.
    pub fn major_in(text: &str) -> Option<u64> {
        plain(text).split('.').next()?.parse().ok()
    }

    /// The same with the minor version.
    pub fn release_in(text: &str) -> Option<(u64, u64)> {
        let mut numbers = plain(text).split('.').map_while(|number| number.parse().ok());
        Some((numbers.next()?, numbers.next()?))
    }

    /// The text without the `v` that some fields have before a version.
    pub fn without_v(text: &str) -> &str {
        plain(text)
    }
}

fn plain(text: &str) -> &str {
    text.strip_prefix('v').unwrap_or(text)
}

/// With or without a leading `v`.
impl FromStr for TeleportVersion {
    type Err = InvalidVersion;

    fn from_str(text: &str) -> Result<Self, InvalidVersion> {
        Version::parse(plain(text)).map(Self).map_err(|_| InvalidVersion(Text::new(text)))
    }
}

impl fmt::Display for TeleportVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_may_write_less_of_a_version() {
        let read = |text| TeleportVersion::relaxed(text).map(|version| version.to_string()).ok();
        for (text, version) in [("18", "18.0.0"), ("v18.2", "18.2.0"), ("18.2.1-rc.1", "18.2.1-rc.1")] {
            assert_eq!(read(text).as_deref(), Some(version));
        }
        for bad in ["", "v", "new", "18.", ".18", "18.2.1.0", "18-rc"] {
            assert_eq!(read(bad), None, "{bad}");
        }
    }

    #[test]
    fn what_leads_to_a_release_is_older_and_of_the_same_release() {
        let read = |text: &str| text.parse::<TeleportVersion>().expect(text);
        assert!(read("v18.2.0-rc.1") < read("18.2.0") && read("18.2.0") < read("18.10.0"));
        assert_eq!(read("18.2.0-dev").release(), (18, 2));
        assert!(read("18.2.0").is_release() && !read("18.2.0+fips").is_release());
        "18.2".parse::<TeleportVersion>().expect_err("not whole");
        "vv18.2.0".parse::<TeleportVersion>().expect_err("one v too many");
    }

    #[test]
    fn a_build_of_ones_own_is_of_a_release() {
        "17.1.0-our_build".parse::<TeleportVersion>().expect_err("not semantic");
        assert_eq!(TeleportVersion::release_in("v17.1.0-our_build"), Some((17, 1)));
        assert_eq!(TeleportVersion::major_in("17"), Some(17));
        assert_eq!((TeleportVersion::major_in("our"), TeleportVersion::release_in("17")), (None, None));
    }
}
