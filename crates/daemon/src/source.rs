//! Where observations come from.

use std::future::Future;
use std::time::Duration;

use selfcheck_core::Observation;
use selfcheck_probe::Change;
use selfcheck_probe::Probe;
use selfcheck_probe::Target;
use selfcheck_probe::Watch;

/// Where a self-check has its observations from: this host, or something that plays one.
pub trait Source: Send + 'static {
    /// Looks once. It must end by itself.
    fn look(&mut self) -> impl Future<Output = Observation> + Send;

    /// Waits for a change since the last look began; for ever if none can be told. It may be dropped at any time, and must
    /// lose no change by that.
    fn changed(&mut self) -> impl Future<Output = ()> + Send;

    /// Whether every change is told. If not, looks are taken more often.
    fn is_complete(&self) -> bool;
}

/// The host this process runs on.
#[derive(Debug)]
pub struct HostSource {
    watch: Watch,
    time: Duration,
}

impl HostSource {
    /// The agent `target` and its updater, on the system bus at `bus_address`. A look takes at most `time`.
    pub fn new(target: Target, bus_address: impl Into<String>, time: Duration) -> Self {
        Self { watch: Watch::new(Probe::new(target, bus_address)), time }
    }
}

impl Source for HostSource {
    async fn look(&mut self) -> Observation {
        self.watch.look(self.time).await
    }

    async fn changed(&mut self) {
        let change: Change = self.watch.changed().await;
        tracing::trace!(?change, "something changed");
    }

    fn is_complete(&self) -> bool {
        self.watch.is_complete()
    }
}
