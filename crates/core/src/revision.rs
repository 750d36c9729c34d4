//! A version of Teleport with its edition, as update.yaml and the version folders name it.

use std::fmt;

use semver::Version;
use serde::Deserialize;
use serde::Serialize;

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
        Self::from_folder(after.split_once('/')?.0)
    }

    /// The version, as versions are compared; `None` if it is none.
    pub fn semver(&self) -> Option<Version> {
        Version::parse(self.version.as_str()).ok()
    }

    /// Reads the name of a version folder, `<version>[_ent[_fips]]`.
    pub fn from_folder(name: &str) -> Option<Self> {
        let (version, edition) = match name.split_once('_') {
            None => (name, Edition::Oss),
            Some((version, "ent")) => (version, Edition::Enterprise),
            Some((version, "ent_fips")) => (version, Edition::EnterpriseFips),
            Some(_) => return None,
        };
        let version = version.strip_prefix('v').unwrap_or(version);
        version
            .starts_with(|first: char| first.is_ascii_digit())
            .then(|| Self { version: version.into(), edition })
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
            assert_eq!(Revision::from_folder(name).expect(name).to_string(), name);
        }
        for bad in ["", "bin", "18.2.0_dev"] {
            assert_eq!(Revision::from_folder(bad), None);
        }
    }
}
