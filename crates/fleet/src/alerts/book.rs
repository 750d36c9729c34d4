//! The cluster alerts of an auth server and who knows of them, in memory.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;

use jiff::Timestamp;
use selfcheck_core::policy::AlertSeverity;
use selfcheck_protocol::AlertFilter;

use super::AcknowledgeError;
use super::Alert;
use super::AlertAck;
use super::AlertStore;
use super::InvalidAlert;
use super::labels;

/// The most alerts, and acknowledgements, that are kept.
const MOST: usize = 1000;
/// The most bytes of all alerts. Whoever lists them takes 4 MiB at once.
const MOST_BYTES: usize = 1 << 20;
/// What stands for all acknowledgements.
const ALL: &str = "*";
/// The growth, in percent, that makes an acknowledgement void.
const GROWTH: u64 = 20;

/// The cluster alerts of an auth server and who knows of them, in memory.
#[derive(Debug, Default)]
pub struct Alerts(Mutex<Book>);

#[derive(Debug, Default)]
struct Book {
    alerts: BTreeMap<String, Alert>,
    acks: BTreeMap<String, AlertAck>,
    /// The bytes of all alerts.
    bytes: usize,
}

impl AlertStore for Alerts {
    fn upsert(&self, alert: Alert, now: Timestamp) -> Result<(), InvalidAlert> {
        alert.check()?;
        let mut book = self.book(now);
        // Those about agents are few, and nobody else's alerts keep them out.
        let others = || book.alerts.values().filter(|alert| alert.agents.is_none()).count();
        if alert.agents.is_none() && !book.alerts.contains_key(&alert.id) && others() >= MOST {
            return Err(InvalidAlert::Full);
        }
        let before = book.alerts.get(&alert.id).map_or(0, Alert::size);
        if alert.agents.is_none() && book.bytes - before + alert.size() > MOST_BYTES {
            return Err(InvalidAlert::Full);
        }
        if book.acks.get(&alert.id).is_some_and(|ack| has_outgrown(ack.agents, alert.agents)) {
            book.acks.remove(&alert.id);
        }
        book.bytes = book.bytes - before + alert.size();
        book.alerts.insert(alert.id.clone(), alert);
        Ok(())
    }

    fn delete(&self, id: &str, now: Timestamp) -> bool {
        let mut book = self.book(now);
        let removed = book.alerts.remove(id);
        book.bytes -= removed.as_ref().map_or(0, Alert::size);
        removed.is_some()
    }

    fn get(&self, id: &str, now: Timestamp) -> Option<Alert> {
        self.book(now).alerts.get(id).cloned()
    }

    fn list(&self, wanted: &AlertFilter, now: Timestamp) -> Vec<Alert> {
        let book = self.book(now);
        let spoken_for = if wanted.with_superseded { HashMap::new() } else { book.spoken_for(wanted) };
        let takes = |alert: &&Alert| book.takes(wanted, &spoken_for, alert);
        let mut found: Vec<_> = book.alerts.values().filter(takes).cloned().collect();
        found.sort_by_key(|alert| (Reverse(alert.severity), Reverse(alert.created)));
        found
    }

    fn acknowledge(&self, ack: AlertAck, now: Timestamp) -> Result<(), AcknowledgeError> {
        let mut book = self.book(now);
        if book.acks.contains_key(&ack.id) {
            return Err(AcknowledgeError::Already);
        }
        if book.acks.len() >= MOST {
            return Err(AcknowledgeError::Full);
        }
        let agents = book.alerts.get(&ack.id).and_then(|alert| alert.agents);
        book.acks.insert(ack.id.clone(), AlertAck { agents, ..ack });
        Ok(())
    }

    fn acknowledgements(&self, now: Timestamp) -> Vec<AlertAck> {
        self.book(now).acks.values().cloned().collect()
    }

    fn clear_acknowledgements(&self, id: &str, now: Timestamp) {
        let mut book = self.book(now);
        if id == ALL {
            book.acks.clear();
        } else {
            book.acks.remove(id);
        }
    }
}

impl Alerts {
    /// What there is, without what has ended. Nothing that holds the lock can panic half-way.
    fn book(&self, now: Timestamp) -> MutexGuard<'_, Book> {
        let mut book = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Book { alerts, bytes, .. } = &mut *book;
        alerts.retain(|_, alert| {
            let stays = now < alert.expires;
            *bytes -= if stays { 0 } else { alert.size() };
            stays
        });
        book.acks.retain(|_, ack| now < ack.expires);
        book
    }
}

impl Book {
    fn takes(&self, wanted: &AlertFilter, spoken_for: &HashMap<&str, AlertSeverity>, alert: &Alert) -> bool {
        wanted.severity.is_none_or(|least| alert.severity >= least)
            && wanted.id.as_ref().is_none_or(|id| *id == alert.id)
            && wanted.labels.iter().all(|(key, value)| alert.label(key) == Some(value))
            && (wanted.with_acknowledged || !self.acks.contains_key(&alert.id))
            && (wanted.with_untargeted || is_targeted(alert))
            && spoken_for.get(&*alert.id).is_none_or(|severity| *severity <= alert.severity)
    }

    /// The alerts that others speak for, each with the gravest of those. As Teleport's code has it: only a graver alert that is
    /// shown speaks for another.
    fn spoken_for(&self, wanted: &AlertFilter) -> HashMap<&str, AlertSeverity> {
        let is_shown = |alert: &&Alert| {
            is_targeted(alert) && (wanted.with_acknowledged || !self.acks.contains_key(&alert.id))
        };
        let mut spoken_for = HashMap::new();
        for alert in self.alerts.values().filter(is_shown) {
            if let Some(other) = alert.label(labels::SUPERSEDES) {
                let severity = spoken_for.entry(other).or_insert(alert.severity);
                *severity = alert.severity.max(*severity);
            }
        }
        spoken_for
    }
}

/// Whether somebody is meant to see it; who asks here may see all.
fn is_targeted(alert: &Alert) -> bool {
    alert.label(labels::PERMIT_ALL) == Some("yes") || alert.label(labels::VERB_PERMIT).is_some()
}

/// Whether an alert is about so many more agents than it was acknowledged for that it has to be seen again.
fn has_outgrown(known: Option<u64>, now: Option<u64>) -> bool {
    // One that was acknowledged before it was raised was about nobody.
    let known = known.unwrap_or(0);
    now.is_some_and(|now| now.saturating_mul(100) > known.saturating_mul(100 + GROWTH))
}
