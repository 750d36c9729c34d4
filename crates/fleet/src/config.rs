//! How a fleet counts.

use std::time::Duration;

use selfcheck_core::Policy;
use selfcheck_core::TeleportVersion;
use selfcheck_core::policy::UpdateTarget;

use crate::rules::FaultRules;

/// How long an agent has to be connected before it counts.
const SETTLING: Duration = Duration::from_secs(15);
/// How long the next process of an agent is awaited that reloads.
const HAND_OVER: Duration = Duration::from_secs(60);

/// How a fleet counts.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use = "a fleet is made of it"]
pub struct FleetConfig {
    pub(crate) settling: Duration,
    pub(crate) hand_over: Duration,
    /// Of how many agents that need a person the whole report is kept; of the others only what is counted by.
    pub(crate) reports: usize,
    /// When a fault counts for an alert.
    pub(crate) faults: FaultRules,
    /// Which versions agents should have.
    pub(crate) targets: Vec<UpdateTarget>,
}

impl FleetConfig {
    /// As a policy has it, for an auth server of this version, which agents are compared with where it is known.
    pub fn of(policy: &Policy, version: Option<&TeleportVersion>) -> Self {
        Self {
            settling: SETTLING,
            hand_over: HAND_OVER,
            reports: usize::try_from(policy.limits.agents_in_full).unwrap_or(usize::MAX),
            faults: FaultRules::new(&policy.alerts, version),
            targets: policy.targets.clone(),
        }
    }

    /// How long an agent has to be connected before it counts. Default: 15 s.
    pub fn settling(self, settling: Duration) -> Self {
        Self { settling, ..self }
    }

    /// How long the next process of an agent is awaited that reloads. Default: 60 s.
    pub fn hand_over(self, hand_over: Duration) -> Self {
        Self { hand_over, ..self }
    }

    /// How long an updater must have failed in a plain way before it counts for an alert: it may be the network, and the next
    /// runs tell. Default: 18 min, three periods of the updater's timer.
    pub fn plain_run(mut self, plain_run: Duration) -> Self {
        self.faults.plain_run = plain_run;
        self
    }

    /// How long nothing must have been known of an agent before it counts for an alert. Default: 24 h.
    pub fn unknown(mut self, unknown: Duration) -> Self {
        self.faults.unknown = unknown;
        self
    }
}

/// That of the usual policy, for an auth server whose version is not known.
impl Default for FleetConfig {
    fn default() -> Self {
        Self::of(&Policy::default(), None)
    }
}
