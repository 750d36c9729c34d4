//! What judgement and alerts need to know beyond evidence: thresholds, exemptions, acknowledgements.
//!
//! Every key has a default, so an empty policy is the usual one; an unknown key is an error that names it.

mod alerts;
mod denied;
mod length;
mod targets;

use std::collections::BTreeSet;
use std::path::PathBuf;

use jiff::Timestamp;
use serde::Deserialize;
use serde::Serialize;

use crate::Text;
use crate::Usec;

pub use alerts::AlertAcknowledgement;
pub use alerts::AlertPolicy;
pub use alerts::AlertSeverity;
pub use alerts::RaiseWhen;
pub use denied::Denied;
pub use denied::InvalidSerial;
pub use denied::Serial;
pub use length::InvalidLength;
pub use length::Length;
pub use targets::UpdateTarget;

/// A policy.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[non_exhaustive]
pub struct Policy {
    /// How long is too long.
    pub thresholds: Thresholds,
    /// This host's agent is updated by other means.
    pub acknowledged: Option<Acknowledgement>,
    /// Cluster alerts, on the auth side.
    pub alerts: AlertPolicy,
    /// Who is let in no longer, on the auth side.
    pub denied: Denied,
    /// Which versions agents should have, on the auth side.
    pub targets: Vec<UpdateTarget>,
    /// How an agent in a pod is looked at.
    pub kubernetes: PodPolicy,
    /// Bounds of what is read and kept.
    pub limits: Limits,
}

/// A policy that reads well and makes no sense.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidPolicy {
    /// An acknowledgement without a reason exempts an agent for nobody knows what.
    #[error("`acknowledged.reason` is empty; say who updates this agent")]
    NoReason,
    /// An acknowledgement of no agent in particular would take the whole fleet out of the alerts.
    #[error("an entry of `alerts.acknowledged` names neither host_id nor services nor group")]
    NoAgent,
    /// A right that Teleport would refuse in an alert, so that none could be raised.
    #[error("`alerts.verb_permit` is not written like `token:create`, several with `|` between them")]
    VerbPermit,
    /// A group has two targets, or there are two for those that are not named.
    #[error("`targets` has two entries for the same group, or two without one")]
    TwoTargets,
    /// A group without a name is none.
    #[error("an entry of `targets` has an empty `group`; leave it out for all groups that are not named")]
    NoGroup,
    /// Nothing could be read.
    #[error("`limits.file_bytes` is 0; no file could be read")]
    NoBytes,
}

impl Policy {
    /// Whether it makes sense.
    ///
    /// # Errors
    ///
    /// The first thing in it that makes no sense, to be shown to whoever wrote it.
    pub fn check(&self) -> Result<(), InvalidPolicy> {
        let empty = |reason: &Text| reason.as_str().trim().is_empty();
        if self.acknowledged.as_ref().is_some_and(|acknowledged| empty(&acknowledged.reason)) {
            return Err(InvalidPolicy::NoReason);
        }
        if self.alerts.acknowledged.iter().any(AlertAcknowledgement::names_nobody) {
            return Err(InvalidPolicy::NoAgent);
        }
        if !self.alerts.verb_permit.as_str().split('|').all(is_right) {
            return Err(InvalidPolicy::VerbPermit);
        }
        if self.targets.iter().any(|target| target.group.as_ref().is_some_and(Text::is_empty)) {
            return Err(InvalidPolicy::NoGroup);
        }
        let groups: BTreeSet<_> = self.targets.iter().map(|target| &target.group).collect();
        if groups.len() < self.targets.len() {
            return Err(InvalidPolicy::TwoTargets);
        }
        if self.limits.file_bytes == 0 {
            return Err(InvalidPolicy::NoBytes);
        }
        Ok(())
    }
}

/// Whether it is a right as alerts name them.
fn is_right(right: &str) -> bool {
    let is_word = |word: &str| {
        let may_be = |byte: u8| {
            byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'_' | b'-' | b'.')
        };
        !word.is_empty() && word.bytes().all(may_be)
    };
    right.split_once(':').is_some_and(|(kind, verb)| is_word(kind) && is_word(verb))
}

/// How long is too long.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[non_exhaustive]
pub struct Thresholds {
    /// A timer is overdue at the earliest after this.
    pub overdue: Length,
    /// A timer is overdue after this many of its periods.
    pub overdue_periods: u32,
    /// A timer that never fired is a fault at the earliest after this.
    pub never_fired: Length,
    /// Time allowed beyond a timer's own first interval, delay and accuracy.
    pub never_fired_margin: Length,
    /// A run in progress is stuck after this.
    pub stuck: Length,
    /// An agent that still runs a replaced version is a fault after this.
    pub old_binary: Length,
    /// After boot and after waking from sleep, what is late is no fault for this long.
    pub boot_grace: Length,
    /// The schedule that the agent writes for `teleport-upgrade` is stale after this. It writes one every 40 minutes.
    pub v1_export: Length,
    /// This many failed runs in a row are critical.
    pub failed_runs: u32,
    /// In Kubernetes, what a rollout or the installation of an updater may take.
    pub kube_rollout: Length,
}

impl Default for Thresholds {
    fn default() -> Self {
        Self {
            overdue: Length::minutes(18),
            overdue_periods: 3,
            never_fired: Length::minutes(5),
            never_fired_margin: Length::minutes(2),
            stuck: Length::minutes(60),
            old_binary: Length::minutes(30),
            boot_grace: Length::minutes(5),
            v1_export: Length::minutes(120),
            failed_runs: 3,
            kube_rollout: Length::minutes(30),
        }
    }
}

impl Thresholds {
    /// When a timer of this period is overdue.
    pub(crate) fn overdue_after(&self, period: Option<Usec>) -> Usec {
        let periods = period.unwrap_or(0).saturating_mul(self.overdue_periods.into());
        self.overdue.usec().max(periods)
    }

    /// When a timer whose first firing may take `first` is one that never fired.
    pub(crate) fn never_fired_after(&self, first: Usec) -> Usec {
        self.never_fired.usec().max(first.saturating_add(self.never_fired_margin.usec()))
    }
}

/// Somebody takes over the updates of this host's agent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Acknowledgement {
    /// By what means, for those who read it.
    pub reason: Text,
    /// Until when; for ever if null.
    #[serde(default)]
    pub until: Option<Timestamp>,
}

impl Acknowledgement {
    /// For ever, by these means.
    pub fn new(reason: &str) -> Self {
        Self { reason: Text::new(reason), until: None }
    }

    /// Until then.
    #[must_use]
    pub fn until(self, until: Timestamp) -> Self {
        Self { until: Some(until), ..self }
    }
}

/// How an agent in a pod is looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[non_exhaustive]
pub struct PodPolicy {
    /// The file of the downward API with the pod's own labels.
    pub labels: PathBuf,
    /// The one with its annotations.
    pub annotations: PathBuf,
    /// When the Kubernetes API is asked.
    pub api: AskApi,
}

impl Default for PodPolicy {
    fn default() -> Self {
        Self {
            labels: "/etc/podinfo/labels".into(),
            annotations: "/etc/podinfo/annotations".into(),
            api: AskApi::Auto,
        }
    }
}

/// When the Kubernetes API is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum AskApi {
    /// Where whoever looks is able to, and told of a server.
    Auto,
    /// Never.
    Never,
}

/// Bounds of what is read and kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[non_exhaustive]
pub struct Limits {
    /// The most bytes of a configuration file that are read.
    pub file_bytes: u64,
    /// How many agents that need a person are kept in full, on the auth side.
    pub agents_in_full: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self { file_bytes: 1 << 20, agents_in_full: 10_000 }
    }
}
