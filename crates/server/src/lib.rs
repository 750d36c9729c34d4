//! The auth server's end of Teleport agents' inventory streams: services that an auth server mounts, and a listener for one that
//! has none.
//!
//! Every agent has one stream. What it says goes, checked and bounded, to a [`Store`](selfcheck_fleet::Store); what it breaks
//! closes that stream alone, with a status that says why, and is counted. Nothing here scans: each stream looks after itself.
//!
//! # Examples
//!
//! ```
//! use jiff::Timestamp;
//! use selfcheck_authority::{Authority, Validity};
//! use selfcheck_core::{Policy, TeleportVersion};
//! use selfcheck_fleet::Store;
//! use selfcheck_protocol::{IdentityFile, Role};
//! use selfcheck_server::{AuthServer, Builder, Listener};
//! use tokio::net::TcpListener;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
//! # runtime.block_on(async {
//! // An authority of its own; a cluster's auth server has its identity already.
//! let now = Timestamp::now();
//! let validity = Validity { from: now, to: now + jiff::SignedDuration::from_hours(1) };
//! let identity = Authority::new("example.com", now)?.issue("auth-1", [Role::Auth], validity)?;
//! let identity = IdentityFile::parse("auth-1".as_ref(), identity.as_bytes())?;
//!
//! let listener = Listener::new(TcpListener::bind("127.0.0.1:0").await?, &identity, Timestamp::now)?;
//! let who = AuthServer::new(TeleportVersion::new(18, 2, 0), "auth-1");
//! let server = Builder::new(who, &Policy::default(), Timestamp::now).build();
//! let inventory = server.inventory().clone();
//! server.serve(listener, async { /* until the process is told to end */ }).await?;
//! assert_eq!(inventory.store().summary().agents, 0);
//! # Ok(())
//! # })
//! # }
//! ```

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
mod shared;
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
pub use service::Inventory;
pub use shared::AuthServer;
pub use stream::AgentStream;
pub use tls::TlsError;
