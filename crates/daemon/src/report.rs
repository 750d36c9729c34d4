//! Keeping an auth server told of the status.

use std::future::Future;

use tokio::sync::watch;

use crate::Handle;

pub use selfcheck_reporter::Neighbour;
pub use selfcheck_reporter::Progress;
pub use selfcheck_reporter::ReportError;
pub use selfcheck_reporter::Reporter;
pub use selfcheck_reporter::ReporterConfig;

impl Handle {
    /// Keeps an auth server told of every status of this self-check. What is returned first does that while it is polled, and ends with
    /// the self-check; the second tells how far it has got, for [`DebugService::with_reporting`](crate::debug::DebugService::with_reporting).
    pub fn report(
        &self,
        config: ReporterConfig,
    ) -> (impl Future<Output = Result<(), ReportError>> + Send + use<>, watch::Receiver<Progress>) {
        let (reporter, progress) = Reporter::new(config);
        (reporter.run(self.published()), progress)
    }
}
