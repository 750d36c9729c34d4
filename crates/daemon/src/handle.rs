//! Holding a running self-check, and asking it.

use std::sync::Arc;

use selfcheck_core::Policy;
use selfcheck_core::Status;
use selfcheck_core::policy::InvalidPolicy;
use tokio::sync::mpsc;
use tokio::sync::oneshot;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::Statuses;
use crate::statuses::Published;

/// What a running self-check can be asked.
#[derive(Debug)]
pub(crate) enum Request {
    /// Look again, and answer with the status of that look.
    Recheck(oneshot::Sender<Arc<Status>>),
    /// Judge by this policy from now on.
    Judge(Box<Policy>),
    /// Answer.
    Ping(oneshot::Sender<()>),
}

/// A running self-check. It ends when this is dropped; [`shutdown`](Self::shutdown) also waits for it.
#[derive(Debug)]
#[must_use = "it ends when it is dropped"]
pub struct SelfCheck {
    handle: Handle,
    stop: Option<oneshot::Sender<()>>,
    task: JoinHandle<()>,
}

/// Asks a running self-check. It does not keep it running.
#[derive(Debug, Clone)]
pub struct Handle {
    published: Published,
    looks: watch::Receiver<u64>,
    requests: mpsc::Sender<Request>,
}

/// The self-check has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the self-check has ended")]
pub struct Ended;

/// Why a self-check does not judge by another policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum JudgeError {
    /// The policy makes no sense; the one before stays.
    #[error("the policy is not valid")]
    Policy(#[source] InvalidPolicy),
    /// The self-check has ended.
    #[error(transparent)]
    Ended(Ended),
}

impl SelfCheck {
    pub(crate) const fn new(handle: Handle, stop: oneshot::Sender<()>, task: JoinHandle<()>) -> Self {
        Self { handle, stop: Some(stop), task }
    }

    /// What asks it, for others to hold.
    pub fn handle(&self) -> Handle {
        self.handle.clone()
    }

    /// See [`Handle::status`].
    pub fn status(&self) -> Option<Arc<Status>> {
        self.handle.status()
    }

    /// See [`Handle::subscribe`].
    pub fn subscribe(&self) -> Statuses {
        self.handle.subscribe()
    }

    /// See [`Handle::recheck`].
    ///
    /// # Errors
    ///
    /// Where the self-check has ended.
    pub async fn recheck(&self) -> Result<Arc<Status>, Ended> {
        self.handle.recheck().await
    }

    /// Ends it, and returns when all of it has ended.
    pub async fn shutdown(mut self) {
        drop(self.stop.take());
        // Its own panics are contained; that of the runtime's end is no matter of anybody's.
        let _ = (&mut self.task).await;
    }
}

impl Drop for SelfCheck {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Handle {
    pub(crate) const fn new(
        published: Published,
        looks: watch::Receiver<u64>,
        requests: mpsc::Sender<Request>,
    ) -> Self {
        Self { published, looks, requests }
    }

    /// The present status; `None` before the first look has ended, and after the self-check has.
    pub fn status(&self) -> Option<Arc<Status>> {
        if self.has_ended() { None } else { self.published.borrow().clone() }
    }

    /// Whether the self-check has ended.
    pub fn has_ended(&self) -> bool {
        self.requests.is_closed()
    }

    /// Follows the status: the present one, as soon as there is one, and then changes only. It ends with the self-check.
    pub fn subscribe(&self) -> Statuses {
        Statuses::new(self.published())
    }

    pub(crate) fn published(&self) -> Published {
        self.published.clone()
    }

    /// Follows the looks, changes or not: how many have ended.
    pub fn looks(&self) -> watch::Receiver<u64> {
        self.looks.clone()
    }

    /// Looks again now, and returns the status of that look. Where less could be seen than before for a passing reason,
    /// that is the last status.
    ///
    /// # Errors
    ///
    /// Where the self-check has ended, before or meanwhile.
    pub async fn recheck(&self) -> Result<Arc<Status>, Ended> {
        self.ask(Request::Recheck).await
    }

    /// Judges by `policy` from the next look on, which follows at once; [`recheck`](Self::recheck) waits for it. Its
    /// `limits` and `kubernetes` count from the next start on.
    ///
    /// # Errors
    ///
    /// Where the policy makes no sense, and the one before stays; or where the self-check has ended.
    pub async fn judge_by(&self, policy: Policy) -> Result<(), JudgeError> {
        policy.check().map_err(JudgeError::Policy)?;
        self.requests.send(Request::Judge(Box::new(policy))).await.map_err(|_| JudgeError::Ended(Ended))
    }

    /// Returns when the self-check has answered, as it does within the time of one look: a sign of life for a watchdog.
    ///
    /// # Errors
    ///
    /// Where the self-check has ended.
    pub async fn ping(&self) -> Result<(), Ended> {
        self.ask(Request::Ping).await
    }

    /// Returns when the self-check has ended.
    pub async fn ended(&self) {
        self.requests.closed().await;
    }

    async fn ask<T>(&self, request: impl FnOnce(oneshot::Sender<T>) -> Request) -> Result<T, Ended> {
        let (answer, answered) = oneshot::channel();
        self.requests.send(request(answer)).await.map_err(|_| Ended)?;
        answered.await.map_err(|_| Ended)
    }
}
