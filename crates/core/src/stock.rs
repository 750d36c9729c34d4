//! What an unmodified Teleport auth server is told: the one table from a status to the fields it knows.

use serde::Deserialize;
use serde::Serialize;

use crate::Fact;
use crate::Observation;
use crate::Reason;
use crate::Text;
use crate::Verdict;

/// The updater fields of a stock Hello.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct StockView {
    /// `ExternalUpgrader`: `binary`, `unit`, `kube`, `integration_awsoidc`, or empty for none.
    pub external_upgrader: Text,
    /// `UpdaterStatus`; null where stock Teleport sends none.
    pub updater_status: Option<UpdaterStatus>,
}

/// The values of stock Teleport's `UpdaterStatus` that an agent may send. No new value is ever invented.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
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

/// The stock fields for a judgement: `kind` is that of the updater observed, `reasons` are the findings.
pub(crate) fn stock_view(
    observation: &Observation,
    verdict: Verdict,
    kind: Option<&Text>,
    reasons: &[Reason],
) -> StockView {
    let has = |wanted: &[Reason]| reasons.iter().any(|reason| wanted.contains(reason));
    if verdict == Verdict::Unknown && !has(&[Reason::ConfigDenied]) {
        return detected(observation);
    }
    let Some(kind) = kind else { return StockView::default() };
    let status = if has(&[
        Reason::ConfigMissing,
        Reason::NoScheduler,
        Reason::TimerMissing,
        Reason::TimerMasked,
        Reason::ServiceMissing,
        Reason::ServiceMasked,
        Reason::TimerDisabled,
        Reason::TimerInactive,
        Reason::TimerNotArmed,
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
    StockView { external_upgrader: kind.clone(), updater_status: has_status.then_some(status) }
}

/// What stock Teleport itself would detect and send from the process it runs in.
pub(crate) fn detected(observation: &Observation) -> StockView {
    let process = observation.agent.process.present();
    let executable = process.and_then(|process| process.executable.present());
    if executable.is_some_and(|executable| executable.revision().is_some())
        && !observation.v2.config.is_absent()
    {
        let status = match &observation.v2.config {
            Fact::Present(config) if !config.spec.enabled => UpdaterStatus::Disabled,
            Fact::Present(config) if config.spec.pinned => UpdaterStatus::Pinned,
            Fact::Present(_) => UpdaterStatus::Ok,
            _ => UpdaterStatus::Unreadable,
        };
        return StockView { external_upgrader: "binary".into(), updater_status: Some(status) };
    }
    let environment = process.and_then(|process| process.environment.present());
    let claimed = environment.and_then(|environment| environment.ext_upgrader.clone());
    let cluster = environment.is_some_and(crate::assess::is_redeployed_by_cluster);
    match claimed {
        Some(kind) if !kind.is_empty() => StockView { external_upgrader: kind, updater_status: None },
        _ if cluster => StockView { external_upgrader: "integration_awsoidc".into(), updater_status: None },
        _ => StockView::default(),
    }
}
