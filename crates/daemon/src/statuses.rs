//! Following the status.

use std::sync::Arc;

use selfcheck_core::Status;
use tokio::sync::watch;

/// The status published last; `None` before the first look has ended.
pub(crate) type Published = watch::Receiver<Option<Arc<Status>>>;

/// Follows the status of a self-check; see [`Handle::subscribe`](crate::Handle::subscribe).
#[derive(Debug, Clone)]
#[must_use = "it tells nothing before it is asked"]
pub struct Statuses(Published);

impl Statuses {
    pub(crate) const fn new(published: Published) -> Self {
        Self(published)
    }

    /// At first the present status, as soon as there is one, and then each change; of several since it was asked last, the last.
    /// `None` once the self-check has ended.
    ///
    /// Nothing is lost where this is dropped before it has answered, as in a `select!`.
    pub async fn next(&mut self) -> Option<Arc<Status>> {
        loop {
            self.0.changed().await.ok()?;
            let status = self.0.borrow_and_update().clone();
            if status.is_some() {
                return status;
            }
        }
    }

    /// The present status, whether [`next`](Self::next) has told it or not; `None` before the first look has ended.
    pub fn latest(&self) -> Option<Arc<Status>> {
        self.0.borrow().clone()
    }
}
