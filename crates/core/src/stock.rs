//! What an unmodified Teleport auth server is told: the one table from a status to the fields it knows.

use std::str::FromStr;

use serde::Deserialize;
use serde::Serialize;

use crate::Code;
use crate::Coded;
use crate::Reason;
use crate::UnknownCode;
use crate::UpdaterKind;

/// The first major version of Teleport whose Hello names an updater.
pub(crate) const FIRST_WITH_UPDATER: u64 = 13;

/// The updater fields of a stock Hello.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[non_exhaustive]
pub struct StockView {
    /// `ExternalUpgrader`; empty for none.
    #[serde(
        serialize_with = "crate::updater::write_or_empty",
        deserialize_with = "crate::updater::read_or_empty"
    )]
    pub external_upgrader: Option<UpdaterKind>,
    /// `UpdaterStatus`; null where stock Teleport sends none.
    pub updater_status: Option<Coded<UpdaterStatus>>,
}

/// The values of stock Teleport's `UpdaterStatus` that an agent may send. No new value is ever invented.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UpdaterStatus {
    /// It works, or its trouble is not one stock Teleport has a word for.
    Ok,
    /// It will not start, or is disabled.
    Disabled,
    /// The version is pinned.
    Pinned,
    /// Its configuration cannot be read.
    Unreadable,
}

impl UpdaterStatus {
    const ALL: [Self; 4] = [Self::Ok, Self::Disabled, Self::Pinned, Self::Unreadable];
}

impl Code for UpdaterStatus {
    fn word(self) -> &'static str {
        match self {
            Self::Ok => "OK",
            Self::Disabled => "DISABLED",
            Self::Pinned => "PINNED",
            Self::Unreadable => "UNREADABLE",
        }
    }
}

impl FromStr for UpdaterStatus {
    type Err = UnknownCode;

    fn from_str(word: &str) -> Result<Self, UnknownCode> {
        let known = Self::ALL.into_iter().find(|value| value.word() == word);
        known.ok_or_else(|| UnknownCode::new(word))
    }
}

impl StockView {
    /// The fields for an updater that was observed; `found` tells which reasons hold.
    pub fn of_updater(kind: &UpdaterKind, found: &dyn Fn(Reason) -> bool) -> Self {
        if found(Reason::AgentNotManaged) {
            return Self::default();
        }
        let has = |wanted: &[Reason]| wanted.iter().any(|reason| found(*reason));
        let status = if has(&[
            Reason::ConfigMissing,
            Reason::NoScheduler,
            Reason::TimerMissing,
            Reason::TimerMasked,
            Reason::ServiceMissing,
            Reason::ServiceMasked,
            Reason::TimerDisabled,
            Reason::TimerInactive,
            Reason::TimerMisdirected,
            Reason::TimerNotArmed,
            Reason::RunSkipped,
            Reason::ServiceReplaced,
            Reason::UpdatesDisabled,
            Reason::KubePaused,
        ]) {
            UpdaterStatus::Disabled
        } else if has(&[Reason::VersionPinned]) {
            UpdaterStatus::Pinned
        } else if has(&[Reason::ConfigCorrupt, Reason::ConfigDenied]) {
            UpdaterStatus::Unreadable
        } else {
            UpdaterStatus::Ok
        };
        Self {
            external_upgrader: Some(kind.clone()),
            updater_status: kind.has_status().then_some(status.into()),
        }
    }
}
