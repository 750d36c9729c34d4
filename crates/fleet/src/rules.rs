//! When a fault of an agent counts for an alert.

use std::time::Duration;

use selfcheck_core::TeleportVersion;
use selfcheck_core::policy::AlertAcknowledgement;
use selfcheck_core::policy::AlertPolicy;

/// Three periods of the updater's timer, of which an agent does not tell the period: five minutes and a minute's random delay.
const PLAIN_RUN: Duration = Duration::from_secs(18 * 60);
/// For how long an agent may be unknown.
const UNKNOWN: Duration = Duration::from_secs(24 * 3600);

/// When a fault of an agent counts for an alert.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FaultRules {
    /// How long an agent must be at fault.
    pub(crate) hold_down: Duration,
    /// The same for a run of the updater that failed in a plain way. It may be the network; the next runs tell.
    pub(crate) plain_run: Duration,
    /// The same for an agent of which nothing is known.
    pub(crate) unknown: Duration,
    /// When failed runs are taken for the fault of what all updaters need.
    pub(crate) mass: MassRule,
    /// How long an agent at fault still counts that has disappeared.
    pub(crate) linger: Duration,
    /// The auth server's version, which agents are compared with.
    pub(crate) version: Option<TeleportVersion>,
    /// Agents updated by other means, which never count.
    pub(crate) acknowledged: Vec<AlertAcknowledgement>,
}

/// When failed runs are taken for the fault of what all updaters need, as the proxy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct MassRule {
    /// More than this share of the agents, in percent,
    pub(crate) percent: u64,
    /// and at least so many,
    pub(crate) agents: u64,
    /// fail within this time.
    pub(crate) within: Duration,
    /// Then their fault counts after this.
    pub(crate) hold_down: Duration,
}

impl FaultRules {
    /// Those of a policy, for an auth server of this version.
    pub(crate) fn new(policy: &AlertPolicy, version: Option<&TeleportVersion>) -> Self {
        Self {
            hold_down: policy.hold_down.duration(),
            plain_run: PLAIN_RUN,
            unknown: UNKNOWN,
            mass: MassRule {
                percent: 20,
                agents: 3,
                within: Duration::from_secs(15 * 60),
                hold_down: Duration::from_secs(60 * 60),
            },
            linger: policy.linger.duration(),
            version: version.cloned(),
            acknowledged: policy.acknowledged.clone(),
        }
    }
}
