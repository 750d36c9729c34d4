//! Drop-ins: files that change some settings of a unit.

use serde::Deserialize;
use serde::Serialize;

use crate::Text;

/// Where `systemctl revert` finds what an administrator changed.
const OWN_FOLDERS: [&str; 4] = [
    "/etc/systemd/system",
    "/etc/systemd/system.control",
    "/run/systemd/system",
    "/run/systemd/system.control",
];

/// A drop-in of a unit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Written")]
pub struct DropIn {
    /// Its path.
    pub path: Text,
    /// The names of the settings in it, as `OnCalendar`; null where it was not read.
    pub sets: Option<Vec<Text>>,
}

impl DropIn {
    /// One that was not read.
    pub const fn unread(path: Text) -> Self {
        Self { path, sets: None }
    }

    /// Whether it sets something that `concerns` tells of, as far as is known.
    pub fn may_set(&self, concerns: fn(&str) -> bool) -> bool {
        self.sets.as_ref().is_none_or(|sets| sets.iter().any(|name| concerns(name.as_str())))
    }

    /// Whether it is an administrator's, for the unit `name` alone.
    pub(super) fn is_own_of(&self, name: &str) -> bool {
        OWN_FOLDERS.iter().any(|folder| self.path.as_str().starts_with(&format!("{folder}/{name}.d/")))
    }
}

/// A drop-in as it is written down: its path alone is enough.
#[derive(Deserialize)]
#[serde(untagged)]
enum Written {
    Path(Text),
    Whole {
        path: Text,
        #[serde(default)]
        sets: Option<Vec<Text>>,
    },
}

impl From<Written> for DropIn {
    fn from(written: Written) -> Self {
        match written {
            Written::Path(path) => Self::unread(path),
            Written::Whole { path, sets } => Self { path, sets },
        }
    }
}
