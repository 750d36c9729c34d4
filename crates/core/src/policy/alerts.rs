//! The part of a policy that concerns cluster alerts.

use jiff::Timestamp;
use serde::Deserialize;
use serde::Serialize;

use crate::Text;

use super::Length;

/// How cluster alerts are raised and cleared.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[non_exhaustive]
pub struct AlertPolicy {
    /// How long an agent must be at fault before it counts.
    pub hold_down: Length,
    /// How long an alert stays when its agents merely disappear.
    pub linger: Length,
    /// The usual severity.
    pub severity: AlertSeverity,
    /// Who sees the alerts, as `kind:verb`.
    pub verb_permit: Text,
    /// When alerts are raised at all.
    pub raise: RaiseWhen,
    /// Agents updated by other means, which do not count.
    pub acknowledged: Vec<AlertAcknowledgement>,
}

impl Default for AlertPolicy {
    fn default() -> Self {
        Self {
            hold_down: Length::minutes(10),
            linger: Length::minutes(10),
            severity: AlertSeverity::Medium,
            verb_permit: "token:create".into(),
            raise: RaiseWhen::UpdatesOn,
            acknowledged: Vec::new(),
        }
    }
}

/// Severities of Teleport's cluster alerts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AlertSeverity {
    /// Shown at login and on request.
    Low,
    /// The default.
    Medium,
    /// Also shown after every command of `tctl`.
    High,
}

impl AlertSeverity {
    /// Its word.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
        }
    }
}

/// When alerts are raised on a cluster that this project does not run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum RaiseWhen {
    /// While the cluster's managed updates are on.
    UpdatesOn,
    /// Always.
    Always,
}

/// Agents updated by other means. Each criterion that is given must match.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct AlertAcknowledgement {
    /// One agent.
    #[serde(default)]
    pub host_id: Option<Text>,
    /// Agents with any of these roles.
    #[serde(default)]
    pub services: Vec<Text>,
    /// Agents of this update group.
    #[serde(default)]
    pub group: Option<Text>,
    /// By what means they are updated.
    pub reason: Text,
    /// Until when; for ever if null.
    #[serde(default)]
    pub until: Option<Timestamp>,
}

impl AlertAcknowledgement {
    /// Of nobody yet, by these means, for ever: at least one criterion is to be given.
    pub fn new(reason: &str) -> Self {
        Self { host_id: None, services: Vec::new(), group: None, reason: Text::new(reason), until: None }
    }

    pub(super) const fn names_nobody(&self) -> bool {
        self.host_id.is_none() && self.services.is_empty() && self.group.is_none()
    }
}
