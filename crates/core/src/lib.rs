//! Vocabulary and judgement of `teleport-selfcheck`: is a Teleport agent accompanied by an updater that will
//! really update it?
//!
//! Data flows one way. Somebody looks at a host and writes down an [`Observation`]; [`assess`] turns it, with a
//! [`Policy`] and the present time, into a [`Status`]: a [`Verdict`], the [`Finding`]s that lead to it, what could
//! not be seen, and the one [`Remedy`]. This crate does no input or output, reads no clock and keeps no state, so
//! the same evidence always leads to the same judgement, on the agent's host, in a test and on the auth server.
//!
//! Stock Teleport infers an updater from an environment variable or a path, once, when the agent starts. That
//! cannot tell a masked timer, a failing updater or one removed an hour ago from a working one. The judgement here
//! rests on what systemd and the updater's own state file say now, and an error while looking is never taken for
//! absence: [`Fact`] keeps the three apart.
//!
//! # Examples
//!
//! ```
//! use selfcheck_core::{Clock, EvidenceKind, Fact, Observation, Policy, Verdict, Why, assess};
//!
//! # fn main() -> Result<(), jiff::Error> {
//! let clock = Clock { realtime: "2026-11-27T03:00:00Z".parse()?, monotonic: 60_000_000, boottime: 60_000_000 };
//! let mut observation = Observation::new(clock, EvidenceKind::Live);
//! observation.host.os = "linux".into();
//! observation.systemd.booted = Fact::Present("/run/systemd/system".into());
//! observation.v2.config = Fact::Absent;
//! observation.v2.timer = Fact::Unreadable(Why::Denied); // an error is not absence
//!
//! let status = assess(&observation, &Policy::default(), clock);
//! assert_eq!(status.verdict, Verdict::Unknown);
//! assert_eq!(status.findings[0].reason.code(), "bus-denied");
//! # Ok(())
//! # }
//! ```

mod assess;
mod claim;
mod clock;
mod cluster_view;
mod coded;
mod dns_label;
mod fact;
mod finding;
mod helm_release;
pub mod layout;
mod namespace;
pub mod observation;
pub mod policy;
mod proxy_addr;
mod reason;
mod remedy;
mod revision;
mod status;
mod stock;
mod teleport_version;
mod text;
mod updater;
mod verdict;

pub use assess::assess;
pub use assess::remember;
pub use claim::Claim;
pub use clock::Clock;
pub use clock::Moment;
pub use clock::Usec;
pub use cluster_view::ClusterView;
pub use coded::Code;
pub use coded::Coded;
pub use coded::UnknownCode;
pub use dns_label::DnsLabel;
pub use dns_label::NotALabel;
pub use fact::Fact;
pub use fact::Why;
pub use finding::Evidence;
pub use finding::EvidenceValue;
pub use finding::Finding;
pub use helm_release::HelmRelease;
pub use namespace::InvalidSuffix;
pub use namespace::Namespace;
pub use observation::Observation;
pub use policy::Policy;
pub use proxy_addr::InvalidProxyAddr;
pub use proxy_addr::ProxyAddr;
pub use reason::Effect;
pub use reason::Entry;
pub use reason::Finder;
pub use reason::Reason;
pub use remedy::KubernetesTarget;
pub use remedy::Remedy;
pub use remedy::RemedyId;
pub use remedy::RemedyTarget;
pub use remedy::Step;
pub use remedy::Updates;
pub use remedy::Writes;
pub use remedy::shell_word;
pub use revision::Edition;
pub use revision::InvalidRevision;
pub use revision::Revision;
pub use status::AgentSummary;
pub use status::Proof;
pub use status::Reporting;
pub use status::ReportingMode;
pub use status::Status;
pub use status::StatusSchema;
pub use status::Unseen;
pub use status::UpdaterSummary;
pub use stock::StockView;
pub use stock::UpdaterStatus;
pub use teleport_version::InvalidVersion;
pub use teleport_version::TeleportVersion;
pub use text::Text;
pub use text::printable;
pub use updater::Generation;
pub use updater::UpdaterKind;
pub use verdict::Basis;
pub use verdict::EvidenceKind;
pub use verdict::Severity;
pub use verdict::Verdict;
