//! Keeping the alerts as they should be.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use jiff::SignedDuration;
use jiff::Timestamp;
use selfcheck_core::ProxyAddr;
use selfcheck_core::policy::AlertPolicy;
use tokio::time::Instant;
use tokio::time::MissedTickBehavior;
use tokio::time::interval;

use crate::Alert;
use crate::AlertStore;
use crate::FaultSummary;
use crate::Fleet;
use crate::InvalidAlert;

use super::wanted::AlertRules;
use super::wanted::IDS;
use super::wanted::wanted;

/// How often the alerts are compared with what they should be.
const EVERY: Duration = Duration::from_secs(1);
/// How long an alert lasts that nobody renews, as when this auth server is gone.
const LASTS: SignedDuration = SignedDuration::from_mins(30);
/// An alert is renewed when it lasts for no longer than this.
const RENEW: SignedDuration = SignedDuration::from_mins(15);

/// Keeps the alerts of a fleet as they should be.
#[derive(Debug)]
pub struct AlertKeeper {
    rules: AlertRules,
    linger: Duration,
    /// The most agents of late, and when there were so many. Those that have just disappeared are agents of the cluster still.
    most: (u64, Instant),
}

impl AlertKeeper {
    /// Keeps them as a policy has it. `proxy` is the cluster's, from which updaters are installed. Agents that have disappeared
    /// count among all for as long as their alert lingers.
    pub fn new(policy: &AlertPolicy, proxy: Option<ProxyAddr>) -> Self {
        let (rules, linger) = (AlertRules::new(policy, proxy), policy.linger.duration());
        Self { rules, linger, most: (0, Instant::now()) }
    }

    /// Keeps `alerts` as `fleet` has them until it is dropped. `clock` tells the wall-clock time. An alert that the store does
    /// not take is tried again every second, and logged once.
    pub async fn run(
        mut self,
        fleet: Arc<Fleet>,
        alerts: Arc<dyn AlertStore>,
        clock: fn() -> Timestamp,
    ) -> Infallible {
        let mut ticks = interval(EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut refused = Ok(());
        loop {
            ticks.tick().await;
            let kept = self.keep(&fleet.faults(), &*alerts, clock());
            if let Err(error) = &kept
                && kept != refused
            {
                tracing::error!(%error, "an alert could not be raised; it is tried again");
            }
            refused = kept;
        }
    }

    /// Makes the alerts what they should be. It takes the same time for a fleet of any size.
    ///
    /// # Errors
    ///
    /// Where the store does not take an alert, the last of them; the others are kept nevertheless.
    pub fn keep(
        &mut self,
        faults: &FaultSummary,
        alerts: &dyn AlertStore,
        now: Timestamp,
    ) -> Result<(), InvalidAlert> {
        let of = self.agents(faults.agents);
        let wanted = wanted(faults, of, &self.rules);
        let mut kept = Ok(());
        for id in IDS {
            let there = alerts.get(id, now);
            match (wanted.iter().find(|wanted| wanted.id == id), there) {
                (None, None) => {}
                (None, Some(_)) => _ = alerts.delete(id, now),
                (Some(wanted), there) => {
                    let alert = Alert {
                        id: id.to_owned(),
                        severity: wanted.severity,
                        message: wanted.message.clone(),
                        labels: wanted.labels.clone(),
                        created: there.as_ref().map_or(now, |alert| alert.created),
                        expires: now.checked_add(LASTS).unwrap_or(Timestamp::MAX),
                        agents: Some(wanted.agents),
                    };
                    if there.is_none_or(|there| !is_same(&there, &alert) || is_old(&there, now)) {
                        kept = alerts.upsert(alert, now).and(kept);
                    }
                }
            }
        }
        kept
    }

    /// How many agents the cluster has, where there are `now` so many.
    fn agents(&mut self, now: u64) -> u64 {
        let (most, since) = self.most;
        if now >= most || since.elapsed() > self.linger {
            self.most = (now, Instant::now());
        }
        self.most.0
    }
}

fn is_same(there: &Alert, wanted: &Alert) -> bool {
    let Alert { expires, .. } = there;
    *there == Alert { expires: *expires, ..wanted.clone() }
}

fn is_old(there: &Alert, now: Timestamp) -> bool {
    there.expires.duration_since(now) <= RENEW
}
