//! The cluster alerts of an auth server and who knows of them, in memory.

use std::collections::BTreeMap;

use jiff::Timestamp;
use parking_lot::Mutex;
use parking_lot::MutexGuard;
use selfcheck_protocol::AlertFilter;

use super::AcknowledgeError;
use super::Alert;
use super::AlertAck;
use super::AlertStore;
use super::InvalidAlert;
use super::shown::shown;

/// The most alerts, and acknowledgements, that are kept.
const MOST: usize = 1000;
/// The most bytes of all alerts. Whoever lists them takes 4 MiB at once.
const MOST_BYTES: usize = 1 << 20;
/// What stands for all acknowledgements.
const ALL: &str = "*";

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
        if book.acks.get(&alert.id).is_some_and(|ack| ack.is_outgrown_by(&alert)) {
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

    fn all(&self, now: Timestamp) -> Vec<Alert> {
        self.book(now).alerts.values().cloned().collect()
    }

    fn list(&self, wanted: &AlertFilter, now: Timestamp) -> Vec<Alert> {
        let book = self.book(now);
        shown(book.alerts.values(), book.acks.values(), wanted)
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
    /// What there is, without what has ended.
    fn book(&self, now: Timestamp) -> MutexGuard<'_, Book> {
        let mut book = self.0.lock();
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
