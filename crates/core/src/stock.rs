//! What an unmodified Teleport auth server is told: the one table from a status to the fields it knows.

use std::str::FromStr;

use serde::Deserialize;
use serde::Serialize;

use crate::Code;
use crate::Coded;
use crate::Observation;
use crate::Reason;
use crate::Text;
use crate::UnknownCode;
use crate::Verdict;
use crate::cluster_view::Detection;
use crate::cluster_view::detected;

/// The updater fields of a stock Hello.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[non_exhaustive]
pub struct StockView {
    /// `ExternalUpgrader`: `binary`, `unit`, `kube`, `integration_awsoidc`, or empty for none.
    pub external_upgrader: Text,
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

/// The stock fields for a judgement: `kind` is that of the updater observed, `reasons` are the findings.
pub(crate) fn stock_view(
    observation: &Observation,
    verdict: Verdict,
    kind: Option<&Text>,
    reasons: &[Reason],
) -> Option<StockView> {
    if verdict == Verdict::Unknown && !(kind.is_some() && reasons.contains(&Reason::ConfigDenied)) {
        return detected(observation, Detection::Informed);
    }
    if reasons.contains(&Reason::AgentNotManaged) {
        return detected(observation, Detection::Informed); // stock Teleport goes by the file that the agent runs
    }
    let Some(kind) = kind else { return Some(StockView::default()) };
    Some(StockView::of_updater(kind, &|reason| reasons.contains(&reason)))
}

impl StockView {
    /// The fields for an updater that was observed; `found` tells which reasons hold.
    pub fn of_updater(kind: &Text, found: &dyn Fn(Reason) -> bool) -> Self {
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
        let has_status = matches!(kind.as_str(), "binary" | "kube");
        Self { external_upgrader: kind.clone(), updater_status: has_status.then_some(status.into()) }
    }
}
