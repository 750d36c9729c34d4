//! One isolated Teleport installation on a host, and where its parts lie.

use std::fmt;
use std::str::FromStr;

use serde::Deserialize;
use serde::Serialize;

/// An installation: the default one, or one with an install suffix.
///
/// The layout is that of managed updates v2 (`teleport-update --install-suffix`).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Namespace {
    suffix: Option<String>,
}

/// An install suffix that the product would refuse.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "install suffix `{0}` is not 1 to 64 of the characters a-z, A-Z, 0-9 and -, or is the reserved `system`"
)]
pub struct InvalidSuffix(
    /// The suffix as given, bounded.
    pub crate::Text,
);

impl Namespace {
    /// Where installations lie, each in a folder of its name.
    pub const FOLDER: &str = "/opt/teleport";
    /// The word for the installation without a suffix.
    pub const DEFAULT: &str = "default";

    /// The name: `default`, or the suffix.
    pub fn name(&self) -> &str {
        self.suffix.as_deref().unwrap_or(Self::DEFAULT)
    }

    /// The install suffix, if there is one.
    pub fn suffix(&self) -> Option<&str> {
        self.suffix.as_deref()
    }

    /// The folder of the installation.
    pub fn base_dir(&self) -> String {
        format!("{}/{}", Self::FOLDER, self.name())
    }

    /// The updater's own configuration and state file.
    pub fn update_config(&self) -> String {
        format!("{}/update.yaml", self.base_dir())
    }

    /// The lock an updater holds while it works.
    pub fn update_lock(&self) -> String {
        format!("{}/update.lock", self.base_dir())
    }

    /// The folder where the executables of the installation are linked.
    pub fn link_dir(&self) -> String {
        match &self.suffix {
            None => "/usr/local/bin".to_owned(),
            Some(_) => format!("{}/bin", self.base_dir()),
        }
    }

    /// The updater's timer unit.
    pub fn timer(&self) -> String {
        self.unit("teleport-update", "timer")
    }

    /// The updater's service unit.
    pub fn service(&self) -> String {
        self.unit("teleport-update", "service")
    }

    /// The agent's unit.
    pub fn agent_unit(&self) -> String {
        self.unit("teleport", "service")
    }

    /// The agent's configuration file.
    pub fn agent_config(&self) -> String {
        self.suffixed("/etc/teleport", ".yaml")
    }

    /// The agent's data directory, unless its configuration says otherwise.
    pub fn data_dir(&self) -> String {
        self.suffixed("/var/lib/teleport", "")
    }

    /// The agent's pid file.
    pub fn pid_file(&self) -> String {
        self.suffixed("/run/teleport", ".pid")
    }

    fn unit(&self, stem: &str, kind: &str) -> String {
        self.suffixed(stem, &format!(".{kind}"))
    }

    fn suffixed(&self, stem: &str, end: &str) -> String {
        match &self.suffix {
            None => format!("{stem}{end}"),
            Some(suffix) => format!("{stem}_{suffix}{end}"),
        }
    }
}

impl FromStr for Namespace {
    type Err = InvalidSuffix;

    fn from_str(name: &str) -> Result<Self, InvalidSuffix> {
        if name == Self::DEFAULT {
            return Ok(Self::default());
        }
        let permitted = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        if name.is_empty() || name.len() > 64 || name == "system" || !name.bytes().all(permitted) {
            return Err(InvalidSuffix(name.into()));
        }
        Ok(Self { suffix: Some(name.to_owned()) })
    }
}

impl TryFrom<String> for Namespace {
    type Error = InvalidSuffix;

    fn try_from(name: String) -> Result<Self, InvalidSuffix> {
        name.parse()
    }
}

impl From<Namespace> for String {
    fn from(namespace: Namespace) -> Self {
        namespace.name().to_owned()
    }
}

impl fmt::Display for Namespace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn default_and_suffixed_installations_have_their_own_places() {
        let default = Namespace::default();
        assert_eq!(default.timer(), "teleport-update.timer");
        assert_eq!(default.agent_config(), "/etc/teleport.yaml");
        assert_eq!(default.link_dir(), "/usr/local/bin");
        let suffixed: Namespace = "prod-2".parse().expect("valid");
        assert_eq!(suffixed.timer(), "teleport-update_prod-2.timer");
        assert_eq!(suffixed.agent_unit(), "teleport_prod-2.service");
        assert_eq!(suffixed.update_config(), "/opt/teleport/prod-2/update.yaml");
        assert_eq!(suffixed.pid_file(), "/run/teleport_prod-2.pid");
    }

    #[test]
    fn refuses_what_the_product_refuses() {
        for bad in ["", "system", "a_b", "a/b", "..", "ä", &"x".repeat(65)] {
            assert!(bad.parse::<Namespace>().is_err(), "{bad}");
        }
        assert_eq!("default".parse::<Namespace>(), Ok(Namespace::default()));
    }
}
