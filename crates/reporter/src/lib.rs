//! A Teleport agent's end of the inventory stream: opening it and reporting on it; and asking an auth server about its agents.
//!
//! A [`Reporter`] follows the status of a self-check and keeps an auth server told, for as long as there is one to be told. To an
//! auth server that announced this project's extension it sends the report: first on every stream, on every change, when asked for,
//! and a tiny beat otherwise. To a stock auth server it sends the stock fields alone, in the Hello, and opens a new stream where
//! they have changed for good. An auth server that is away, slow or pushing back changes no status.
//!
//! # Examples
//!
//! ```
//! use selfcheck_core::ReportingMode;
//! use selfcheck_reporter::{Reporter, ReporterConfig};
//! use tokio::sync::watch;
//!
//! # let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
//! # runtime.block_on(async {
//! let (statuses, followed) = watch::channel(None); // what publishes statuses, as `selfcheck-daemon`
//! let config = ReporterConfig::new("auth.example.com:3025", "/var/lib/teleport/identity.pem");
//! let reporter = Reporter::new(config, followed);
//! let progress = reporter.progress();
//! let running = tokio::spawn(reporter.run());
//!
//! drop(statuses); // the self-check has ended, and so does the reporter
//! assert!(running.await.expect("no panic").is_ok());
//! assert_eq!(progress.latest().mode, ReportingMode::None);
//! # });
//! ```

#[cfg(test)]
mod against_landed;
mod backoff;
mod client;
mod codec;
mod config;
mod connect;
mod error;
mod progress;
mod reporter;
mod roots;
mod session;
mod socket;
mod stock;
mod tls;
mod trust;
pub mod wire;

pub use client::AuthClient;
pub use config::Neighbour;
pub use config::ReporterConfig;
pub use error::ReportError;
pub use progress::Progress;
pub use progress::ProgressWatch;
pub use reporter::Reporter;
pub use roots::TlsError;
pub use selfcheck_protocol::HostMetadata;
pub use stock::ReadCount;
pub use stock::StockInventory;
