//! Where the cluster's alerts are kept, behind a small trait.

use std::fmt;

use jiff::Timestamp;
use selfcheck_protocol::AlertFilter;

use super::Alert;
use super::AlertAck;
use super::InvalidAlert;
use super::shown::shown;

/// Where the cluster's alerts are kept, and who knows of them. Its methods are called by requests and by the
/// [`AlertKeeper`](crate::AlertKeeper), and must not block: what is kept elsewhere is written there by somebody else. Nothing
/// that has ended by `now` is told of. All of an alert is kept, [`agents`](Alert::agents) too, or the keeper takes it for another
/// one; so is how many there were when it was acknowledged ([`AlertAck::agents`]). Which of its alerts are shown to whom is
/// decided here, by Teleport's rules.
pub trait AlertStore: fmt::Debug + Send + Sync + 'static {
    /// Keeps an alert, in place of the one with its id. An acknowledgement that it [has outgrown](AlertAck::is_outgrown_by) is
    /// taken back.
    ///
    /// # Errors
    ///
    /// Where the alert is none that a cluster shows, or there is no room for another one. The keeper tries again with the next
    /// second.
    fn upsert(&self, alert: Alert, now: Timestamp) -> Result<(), InvalidAlert>;
    /// Takes an alert back. Whether there was one.
    fn delete(&self, id: &str, now: Timestamp) -> bool;
    /// All alerts, acknowledged or not, in any order.
    fn all(&self, now: Timestamp) -> Vec<Alert>;
    /// Somebody knows of an alert, which is hidden. Whoever asks says nothing of [`agents`](AlertAck::agents): the store keeps as
    /// many as the alert has now, or the next time that the alert is raised takes the acknowledgement back.
    ///
    /// # Errors
    ///
    /// Where somebody already knows of it, or there is no room for another acknowledgement.
    fn acknowledge(&self, ack: AlertAck, now: Timestamp) -> Result<(), AcknowledgeError>;
    /// Who knows of what.
    fn acknowledgements(&self, now: Timestamp) -> Vec<AlertAck>;
    /// Shows an alert again, or all of them where the id is `*`.
    fn clear_acknowledgements(&self, id: &str, now: Timestamp);

    /// One alert, acknowledged or not.
    fn get(&self, id: &str, now: Timestamp) -> Option<Alert> {
        self.all(now).into_iter().find(|alert| alert.id == id)
    }

    /// The alerts asked for that are shown, the gravest and then the newest first.
    fn list(&self, wanted: &AlertFilter, now: Timestamp) -> Vec<Alert> {
        shown(self.all(now).iter(), self.acknowledgements(now).iter(), wanted)
    }
}

/// Why an alert is not acknowledged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AcknowledgeError {
    /// Somebody has done so before.
    #[error("the alert is acknowledged already")]
    Already,
    /// There is no room for another one.
    #[error("there are as many acknowledgements as are kept; take some back")]
    Full,
}
