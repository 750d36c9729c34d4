//! Agents that replay what was recorded elsewhere.

use std::sync::Arc;

use selfcheck_core::Clock;
use selfcheck_core::Observation;
use selfcheck_daemon::Source;
use tokio::sync::watch;
use tokio::time::Instant;

/// Something that was recorded, as if it were seen now.
#[derive(Debug, Clone)]
pub(super) struct Replay {
    recorded: watch::Receiver<Arc<Observation>>,
    began: Instant,
}

impl Replay {
    /// Replays whatever is the latest of `recorded`.
    pub(super) fn new(recorded: watch::Receiver<Arc<Observation>>) -> Self {
        Self { recorded, began: Instant::now() }
    }
}

impl Source for Replay {
    async fn look(&mut self) -> Observation {
        let seen = Observation::clone(&self.recorded.borrow_and_update());
        let passed = u64::try_from(self.began.elapsed().as_micros()).unwrap_or(u64::MAX);
        let clock: Clock = seen.clock.after(passed);
        Observation { clock, ..seen }
    }

    async fn changed(&mut self) {
        if self.recorded.changed().await.is_err() {
            std::future::pending::<()>().await; // nothing more was recorded
        }
    }

    fn is_complete(&self) -> bool {
        true
    }
}
