//! What an auth server knows of the agents connected to it: each one's report, or its claim judged; and how many of which kind there
//! are, at any instant and without looking at them again.
//!
//! A [`Store`] is what an auth server keeps of its agents, and a [`Fleet`] is one in memory; `selfcheck-server` tells it what
//! they say. An [`AlertKeeper`] keeps the cluster's alerts in an [`AlertStore`] as the counts have them. An agent is known
//! while it has a stream, and for a moment longer while another process of it takes over; two streams of one agent count once.
//! It counts once it has been connected for a while, so that agents that come back at once, as after a restart, are not counted
//! half.
//!
//! # Examples
//!
//! ```
//! use std::time::Duration;
//!
//! use selfcheck_core::Verdict;
//! use selfcheck_fleet::{Fleet, FleetConfig, Store, StreamId};
//! use selfcheck_protocol::{Hello, Report};
//!
//! # fn main() -> Result<(), jiff::Error> {
//! let now = "2026-11-27T03:00:00Z".parse()?;
//! let fleet = Fleet::new(FleetConfig::default().settling(Duration::ZERO));
//! let mut hello = Hello::default();
//! hello.server_id = "00000000-0000-4000-8000-000000000001".into();
//! hello.version = "18.2.0".into();
//!
//! let place = fleet.joined(StreamId(1), hello, now);
//! fleet.reported(place, Report::new(Verdict::Impaired), None, now);
//! let summary = fleet.summary();
//! assert_eq!((summary.agents, summary.verdicts[0].of.0), (1, Verdict::Impaired));
//! # Ok(())
//! # }
//! ```

mod alerts;
mod config;
mod counters;
mod counts;
mod facts;
mod fault;
mod faults;
mod faulty;
mod fleet;
mod host;
mod leaving;
mod marks;
mod metrics;
mod names;
mod passing;
mod records;
mod recount;
mod registry;
mod rivals;
mod rules;
mod seat;
mod slab;
mod store;
mod summary;
mod targets;

pub use alerts::AcknowledgeError;
pub use alerts::Alert;
pub use alerts::AlertAck;
pub use alerts::AlertKeeper;
pub use alerts::AlertStore;
pub use alerts::Alerts;
pub use alerts::IMPAIRED;
pub use alerts::InvalidAlert;
pub use alerts::UNACCOMPANIED;
pub use alerts::UNVERIFIED;
pub use alerts::labels;
pub use config::FleetConfig;
pub use counters::Counters;
pub use counters::Outcome;
pub use counters::Subject;
pub use faulty::FaultKind;
pub use faulty::FaultSummary;
pub use faulty::Faulty;
pub use fleet::Fleet;
pub use metrics::FleetMetrics;
pub use registry::Place;
pub use store::AgentRecord;
pub use store::Cursor;
pub use store::Farewell;
pub use store::Part;
pub use store::Store;
pub use store::StreamId;
pub use summary::Summary;
