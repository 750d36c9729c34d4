//! A version of Teleport with its edition, as update.yaml and the version folders name it.

use std::fmt;
use std::str::FromStr;

use serde::Deserialize;
use serde::Serialize;

use crate::TeleportVersion;
use crate::Text;

/// A version and its edition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Revision {
    /// The version, without a leading `v`.
    pub version: Text,
    /// Which edition.
    #[serde(default)]
    pub edition: Edition,
}

/// A text is no revision.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no version like 18.2.0, 18.2.0_ent or 18.2.0_ent_fips")]
pub struct InvalidRevision(Text);

/// The editions Teleport is built in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Edition {
    /// The community edition.
    #[default]
    Oss,
    /// The enterprise edition.
    Enterprise,
    /// The enterprise edition with FIPS-validated cryptography.
    EnterpriseFips,
}

impl Revision {
    /// The revision in whose version folder a program lies, `…/versions/<folder>/…`.
    pub fn of_program(path: &str) -> Option<Self> {
        let (_, after) = path.rsplit_once("/versions/")?;
        after.split_once('/')?.0.parse().ok()
    }

    /// The version, as versions are compared; `None` if it is not one.
    pub fn comparable(&self) -> Option<TeleportVersion> {
        self.version.as_str().parse().ok()
    }
}

/// As a version folder is called, `<version>[_ent[_fips]]`.
impl FromStr for Revision {
    type Err = InvalidRevision;

    fn from_str(name: &str) -> Result<Self, InvalidRevision> {
        let (version, edition) = match name.split_once('_') {
            None => (name, Edition::Oss),
            Some((version, "ent")) => (version, Edition::Enterprise),
            Some((version, "ent_fips")) => (version, Edition::EnterpriseFips),
            Some(_) => return Err(InvalidRevision(name.into())),
        };
        let version = TeleportVersion::without_v(version);
        if version.starts_with(|first: char| first.is_ascii_digit()) {
            Ok(Self { version: version.into(), edition })
        } else {
            Err(InvalidRevision(name.into()))
        }
    }
}

impl fmt::Display for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.version)?;
        f.write_str(match self.edition {
            Edition::Oss => "",
            Edition::Enterprise => "_ent",
            Edition::EnterpriseFips => "_ent_fips",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folder_names_round_trip() {
        for name in ["18.2.0", "18.2.0_ent", "18.2.0-rc.1_ent_fips"] {
            assert_eq!(name.parse::<Revision>().expect(name).to_string(), name);
        }
        for bad in ["", "bin", "18.2.0_dev"] {
            assert_eq!(bad.parse::<Revision>(), Err(InvalidRevision(bad.into())));
        }
    }
}
