//! The self-check that a Teleport agent links: it watches the host, looks when something changed, judges, and publishes.
//!
//! # Examples
//!
//! ```toml
//! [dependencies]
//! selfcheck-daemon = { version = "0.1", features = ["report"] } # without the feature it brings neither TLS nor gRPC
//! tokio = { version = "1", features = ["macros", "net", "rt", "time"] }
//! ```
//!
//! ```
//! use selfcheck_daemon::{SelfCheck, Target};
//!
//! #[tokio::main(flavor = "current_thread")]
//! async fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     let check = SelfCheck::builder().target(Target::this_process()).start()?;
//!     let mut statuses = check.subscribe();
//!     if let Some(status) = statuses.next().await {
//!         println!("{}: {}", status.verdict, status.summary); // the present one, and then each that has changed
//!     }
//!     let status = check.recheck().await?; // looks again now; `check.status()` is the present one without a look
//!     println!("last run: {:?}, next changes by itself: {:?}", status.proof.last_run, status.holds_until);
//!     check.shutdown().await;
//!     Ok(())
//! }
//! ```
//!
//! [`Statuses::next`] may be dropped while it waits, as in `select!`, and is `None` once the self-check has ended. A status is
//! shared ([`Arc`](std::sync::Arc)); its [`Verdict`] is an enum of seven. [`SelfCheck::handle`] gives what asks it, to be
//! cloned and held elsewhere.
//!
//! With the feature `report` an auth server is told of every status, beside whatever else follows it:
//!
//! ```no_run
//! # #[cfg(feature = "report")]
//! # mod example {
//! use selfcheck_daemon::report::ReporterConfig;
//! use selfcheck_daemon::{SelfCheck, Target};
//!
//! # #[expect(dead_code)]
//! #[tokio::main(flavor = "current_thread")]
//! async fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     let check = SelfCheck::builder().target(Target::this_process().version("18.2.0")).start()?;
//!     let config = ReporterConfig::new("auth.example.com:3025", "/var/lib/teleport/identity.pem");
//!     let reporter = check.handle().report(config);
//!     let mut progress = reporter.progress(); // `next()` waits for the next step, `latest()` is how far it has got
//!     let reporting = tokio::spawn(reporter.run());
//!     while let Some(step) = progress.next().await {
//!         println!("connected: {}, acknowledged: {:?}, trouble: {:?}", step.connected, step.acked, step.trouble);
//!         break; // an agent goes on until it is told to stop
//!     }
//!     check.shutdown().await; // the reporter says goodbye, for four seconds at most
//!     reporting.await??;
//!     Ok(())
//! }
//! # }
//! # fn main() {}
//! ```
//!
//! What goes wrong while it reports is tried again, ever more rarely; `Reporter::run` ends by itself only where nobody
//! was to be told from the first. The identity file is read again for every connection, and no crypto provider has to
//! be installed.
//!
//! # What it asks of the agent
//!
//! A tokio 1 runtime of any kind with its time and IO drivers (`enable_all`), and where it wants metrics a registry of prometheus
//! 0.14. On it runs one task, which ends with [`SelfCheck::shutdown`] or when the [`SelfCheck`] is dropped; the connection to the
//! bus brings its own reader, which ends with it. Files are read on the runtime's blocking pool, a bounded number at a time.
//! Nothing is global: no signal handler, no environment, no log subscriber, no metric that was not asked for. Starting opens
//! nothing and never blocks, and a panic in here is contained, counted and followed by a fresh start.
//!
//! On what is not Linux, and where neither systemd nor Kubernetes runs, it works and says `unsupported`; what this user may not
//! see is named in the status.
//!
//! # What it costs
//!
//! Between changes it sleeps until the instant at which the present status stops holding, at most some fifteen minutes. systemd,
//! the file system and the clock wake it earlier; bursts are coalesced, and there are never more than ten looks in a second.
//!
//! # What is published
//!
//! Subscribers are told of *changes*: another verdict, updater, agent, set of findings, of things unseen, or remedy. Each raises
//! [`Status::sequence`]. Times, and words that go with them, move on silently in the present status. A look that for a passing
//! reason, such as a bus that is being restarted, saw less than the one before changes nothing for a while: the last status
//! stays, with its age.

mod builder;
mod cadence;
pub mod debug;
mod engine;
mod handle;
mod memory;
mod metrics;
#[cfg(feature = "report")]
pub mod report;
mod source;
mod statuses;
mod textfile;

pub use builder::SelfCheckBuilder;
pub use builder::StartError;
pub use handle::Ended;
pub use handle::Handle;
pub use handle::JudgeError;
pub use handle::SelfCheck;
pub use selfcheck_core::Finding;
pub use selfcheck_core::Observation;
pub use selfcheck_core::Policy;
pub use selfcheck_core::Reason;
pub use selfcheck_core::Severity;
pub use selfcheck_core::Status;
pub use selfcheck_core::Verdict;
pub use selfcheck_core::policy;
pub use selfcheck_probe::ApiServer;
pub use selfcheck_probe::SYSTEM_BUS;
pub use selfcheck_probe::Target;
pub use source::HostSource;
pub use source::Source;
pub use statuses::Statuses;
pub use textfile::Textfile;
