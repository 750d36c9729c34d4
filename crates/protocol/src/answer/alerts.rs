//! A cluster's alerts.

use std::collections::BTreeMap;

use jiff::Timestamp;
use selfcheck_core::Text;
use selfcheck_core::policy::AlertSeverity;
use selfcheck_core::printable;

use crate::severity_from_wire;
use crate::severity_to_wire;
use crate::wire::types;

/// Which alerts are asked for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct AlertFilter {
    /// The least severity; none for all.
    pub severity: Option<AlertSeverity>,
    /// This one.
    pub id: Option<String>,
    /// With these labels.
    pub labels: BTreeMap<String, String>,
    /// Also those that a graver one speaks for.
    pub with_superseded: bool,
    /// Also those that somebody knows of.
    pub with_acknowledged: bool,
    /// Also those that are meant for nobody in particular.
    pub with_untargeted: bool,
}

/// The alerts that were asked for, in the auth server's order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct AlertList {
    /// These.
    pub alerts: Vec<ListedAlert>,
    /// So many more, which are no whole alerts.
    pub unreadable: usize,
}

/// An alert, as a cluster tells of it. Whoever raised it chose the words.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ListedAlert {
    /// Its id.
    pub id: Text,
    /// How grave it is.
    pub severity: AlertSeverity,
    /// What it says.
    pub message: String,
    /// When it was raised first.
    pub created: Option<Timestamp>,
    /// Who sees it, and where it leads.
    pub labels: BTreeMap<String, String>,
}

impl AlertFilter {
    /// The request for them.
    pub fn to_wire(&self) -> types::GetClusterAlertsRequest {
        let severity = severity_to_wire(self.severity.unwrap_or(AlertSeverity::Low));
        types::GetClusterAlertsRequest {
            severity: severity.into(),
            alert_id: self.id.clone().unwrap_or_default(),
            labels: self.labels.clone().into_iter().collect(),
            with_superseded: self.with_superseded,
            with_acknowledged: self.with_acknowledged,
            with_untargeted: self.with_untargeted,
        }
    }

    /// What a request asks for.
    pub fn from_wire(request: types::GetClusterAlertsRequest) -> Self {
        Self {
            severity: Some(severity_from_wire(request.severity)),
            id: (!request.alert_id.is_empty()).then_some(request.alert_id),
            labels: request.labels.into_iter().collect(),
            with_superseded: request.with_superseded,
            with_acknowledged: request.with_acknowledged,
            with_untargeted: request.with_untargeted,
        }
    }
}

impl AlertList {
    /// The alerts of an answer.
    pub fn from_wire(alerts: Vec<types::ClusterAlert>) -> Self {
        let told = alerts.len();
        let alerts: Vec<_> = alerts.into_iter().filter_map(ListedAlert::from_wire).collect();
        Self { unreadable: told - alerts.len(), alerts }
    }
}

impl ListedAlert {
    /// Reads an alert; `None` where a part of the message is missing.
    pub fn from_wire(alert: types::ClusterAlert) -> Option<Self> {
        let metadata = alert.header?.metadata?;
        let spec = alert.spec?;
        let created = spec.created.and_then(|time| Timestamp::new(time.seconds, time.nanos).ok());
        let labels = metadata.labels.iter().map(|(key, value)| (printable(key), printable(value)));
        Some(Self {
            id: Text::new(&metadata.name),
            severity: severity_from_wire(spec.severity),
            message: printable(&spec.message),
            created,
            labels: labels.collect(),
        })
    }
}
