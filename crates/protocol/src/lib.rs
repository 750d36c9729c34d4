//! Teleport's inventory stream as messages, with an agent's self-check in its heartbeat: for Teleport agents and auth servers.
//!
//! The messages ([`wire`]) have the names, numbers and types of Teleport's own, so a stock agent speaks to an auth server made
//! with this, and an agent made with this to a stock auth server. Two things ride along, each only where the other side announced
//! that it knows them: the [`Report`] of an agent on itself, and what the auth side answers. Only typed values travel; each side
//! checks what it sends and what it takes.
//!
//! There is no connection in here, no TLS and no gRPC: `selfcheck-reporter` is the agent's end of the stream, and
//! `selfcheck-server` the auth server's.
//!
//! # Examples
//!
//! What a stock auth server tells of an agent is a claim, and judged as one:
//!
//! ```
//! use selfcheck_core::Verdict;
//! use selfcheck_protocol::wire::types::{InstanceSpecV1, InstanceV1, Metadata, ResourceHeader};
//! use selfcheck_protocol::{Instance, ServerFields};
//!
//! let metadata = Metadata { name: "00000000-0000-4000-8000-000000000001".to_owned(), ..Metadata::default() };
//! let header = ResourceHeader { metadata: Some(metadata), ..ResourceHeader::default() };
//! let spec = InstanceSpecV1 { version: "18.2.0".to_owned(), ..InstanceSpecV1::default() };
//! let told = InstanceV1 { header: Some(header), spec: Some(spec) };
//!
//! let instance = Instance::from_wire(told, &ServerFields::of_version(Some("18.2.0"))).expect("it names an agent");
//! assert_eq!(instance.report().verdict, Verdict::Unaccompanied);
//! assert_eq!(instance.report().findings[0].code(), "claims-no-updater");
//! ```

mod answer;
mod codes;
mod connected;
mod conversation;
mod field;
mod filter;
mod finding;
mod hello;
mod host;
pub mod identity;
mod instance;
mod remedy;
mod report;
mod role;
pub mod valid;
pub mod wire;

pub use answer::AgentPage;
pub use answer::AlertFilter;
pub use answer::AlertList;
pub use answer::Count;
pub use answer::FleetSummary;
pub use answer::InventoryCounts;
pub use answer::ListedAgent;
pub use answer::ListedAlert;
pub use codes::OTHER;
pub use codes::basis_from_wire;
pub use codes::basis_to_wire;
pub use codes::severity_from_wire;
pub use codes::severity_to_wire;
pub use codes::verdict_from_wire;
pub use codes::verdict_to_wire;
pub use connected::Connected;
pub use conversation::Announcement;
pub use conversation::Conversation;
pub use conversation::Course;
pub use conversation::Heard;
pub use conversation::OutOfTurn;
pub use field::FIELDS;
pub use field::Field;
pub use field::ServerFields;
pub use field::Since;
pub use filter::Filter;
pub use filter::InvalidFilter;
pub use filter::UpgraderFilter;
pub use finding::ReportedFinding;
pub use hello::ClaimedUpdater;
pub use hello::Hello;
pub use hello::InvalidHello;
pub use host::HostMetadata;
pub use identity::AUTH_SERVER;
pub use identity::CertificateError;
pub use identity::HostIdentity;
pub use identity::IdentityError;
pub use identity::IdentityFile;
pub use instance::FieldValue;
pub use instance::Instance;
pub use instance::InstanceUpdater;
pub use remedy::RemedyGroup;
pub use remedy::ReportedRemedy;
pub use report::InvalidReport;
pub use report::Report;
pub use report::ReportedUpdater;
pub use role::Role;
pub use role::UnknownRole;
