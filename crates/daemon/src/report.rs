//! Keeping an auth server told of the status.
//!
//! ```no_run
//! # async fn agent(check: selfcheck_daemon::SelfCheck) -> Result<(), selfcheck_daemon::report::ReportError> {
//! use selfcheck_daemon::report::ReporterConfig;
//!
//! let config = ReporterConfig::new("auth.example.com:3025", "/var/lib/teleport/identity.pem");
//! check.handle().report(config).run().await
//! # }
//! ```

use selfcheck_reporter::HostMetadata;

use crate::Handle;

pub use selfcheck_reporter::Neighbour;
pub use selfcheck_reporter::Progress;
pub use selfcheck_reporter::ProgressWatch;
pub use selfcheck_reporter::ReportError;
pub use selfcheck_reporter::Reporter;
pub use selfcheck_reporter::ReporterConfig;

impl Handle {
    /// Keeps an auth server told of every status of this self-check, while [`Reporter::run`] is polled; it ends with the
    /// self-check. [`Reporter::progress`] tells how far it has got, for
    /// [`DebugService::with_reporting`](crate::debug::DebugService::with_reporting).
    pub fn report(&self, config: ReporterConfig) -> Reporter {
        Reporter::new(config.or_host(this_host), self.published())
    }
}

/// What this runs on, as Teleport tells it.
fn this_host() -> HostMetadata {
    let host = selfcheck_probe::this_host();
    let mut metadata = HostMetadata::default();
    metadata.os = host.os;
    metadata.os_version = host.os_version.unwrap_or_default();
    metadata.architecture = host.architecture.unwrap_or_default();
    metadata
}
