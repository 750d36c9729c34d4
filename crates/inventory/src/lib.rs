//! Teleport's inventory stream, both ends, with an agent's self-check in its heartbeat.
//!
//! The messages ([`wire`]) have the names, numbers and types of Teleport's own, so a stock agent speaks to the auth end here, and the
//! agent's end here to a stock auth server. Two things ride along, each only where the other side announced that it knows them: the
//! [`Report`] of an agent on itself, and what the auth side answers. Only typed values travel; each side checks what it sends and what
//! it takes.
//!
//! Without features there are the messages and what they mean, for somebody who has a stream already. The feature `agent` brings the
//! agent's end, `auth` the auth server's, and `issue` a private authority to try both out.

#[cfg(feature = "agent")]
pub mod agent;
#[cfg(feature = "auth")]
pub mod auth;
#[cfg(feature = "tls")]
pub mod codec;
#[cfg(feature = "agent")]
mod connected;
#[cfg(feature = "agent")]
mod field;
mod hello;
#[cfg(feature = "tls")]
mod identity;
#[cfg(feature = "agent")]
mod instance;
#[cfg(feature = "issue")]
pub mod issue;
mod report;
mod role;
mod severity;
#[cfg(feature = "tls")]
mod tls;
mod valid;
pub mod wire;

#[cfg(feature = "agent")]
pub use connected::Connected;
#[cfg(feature = "agent")]
pub use field::FIELDS;
#[cfg(feature = "agent")]
pub use field::Field;
#[cfg(feature = "agent")]
pub use field::ServerFields;
#[cfg(feature = "agent")]
pub use field::Since;
pub use hello::ClaimedUpdater;
pub use hello::Hello;
pub use hello::InvalidHello;
#[cfg(feature = "tls")]
pub use identity::CertificateError;
#[cfg(feature = "tls")]
pub use identity::HostIdentity;
#[cfg(feature = "tls")]
pub use identity::IdentityError;
#[cfg(feature = "tls")]
pub use identity::IdentityFile;
#[cfg(feature = "agent")]
pub use instance::FieldValue;
#[cfg(feature = "agent")]
pub use instance::Instance;
#[cfg(feature = "agent")]
pub use instance::InstanceUpdater;
pub use report::InvalidReport;
pub use report::OTHER;
pub use report::RemedyGroup;
pub use report::Report;
pub use report::ReportedFinding;
pub use report::ReportedRemedy;
pub use report::ReportedUpdater;
pub use report::basis_from_wire;
pub use report::verdict_from_wire;
pub use report::verdict_to_wire;
pub use role::Role;
pub use severity::severity_from_wire;
#[cfg(feature = "tls")]
pub use tls::TlsError;
pub use valid::relaxed_version;
