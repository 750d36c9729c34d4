//! The auth server's end: a service that an auth server mounts, and a listener for one that has none.
//!
//! Every agent has one stream. What it says goes, checked and bounded, to a [`Store`]; what it breaks closes that stream alone,
//! with a status that says why, and is counted. Nothing here scans: each stream looks after itself.

mod accounts;
mod admission;
mod alert;
mod alerts;
mod caller;
mod connection;
mod counters;
mod fleet;
mod handshakes;
mod limits;
mod listener;
mod metered;
mod peer;
mod server;
mod service;
mod store;
mod stream;
mod streams;
mod summary;
mod terms;
mod tls;

pub use alert::Alert;
pub use alert::AlertAck;
pub use alert::InvalidAlert;
pub use alert::labels;
pub use alerts::AlertFilter;
pub use alerts::Alerts;
pub use alerts::AlreadyAcknowledged;
pub use caller::Caller;
pub use caller::Signer;
pub use connection::Connection;
pub use counters::Counters;
pub use counters::Outcome;
pub use counters::Subject;
pub use limits::Limits;
pub use limits::Rate;
pub use listener::Gate;
pub use listener::Listener;
pub use server::serve;
pub use server::serve_on;
pub use service::AuthServer;
pub use service::Inventory;
pub use store::AgentRecord;
pub use store::Cursor;
pub use store::Farewell;
pub use store::Filter;
pub use store::Metadata;
pub use store::Part;
pub use store::Store;
pub use store::StreamId;
pub use stream::AgentStream;
pub use summary::Count;
pub use summary::Summary;
