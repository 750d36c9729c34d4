//! The auth server's end of Teleport agents' inventory streams: services that an auth server mounts, and a listener for one that
//! has none.
//!
//! Every agent has one stream. What it says goes, checked and bounded, to a [`Store`](selfcheck_fleet::Store); what it breaks
//! closes that stream alone, with a status that says why, and is counted. Nothing here scans: each stream looks after itself.

mod accounts;
mod admission;
mod builder;
mod caller;
mod codec;
mod connection;
mod fleet_service;
mod handshakes;
mod limits;
mod listener;
mod metered;
mod peer;
mod server;
mod service;
mod stream;
mod streams;
mod tally;
mod terms;
mod tls;
pub mod wire;

pub use builder::Builder;
pub use builder::ServeError;
pub use builder::Server;
pub use caller::Caller;
pub use caller::Signer;
pub use connection::Connection;
pub use limits::Limits;
pub use limits::Rate;
pub use listener::Gate;
pub use listener::Listener;
pub use server::serve;
pub use server::serve_on;
pub use service::AuthServer;
pub use service::Inventory;
pub use stream::AgentStream;
pub use tls::TlsError;
