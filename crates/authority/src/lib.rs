//! A private authority and identities of its own, for trying out what Teleport agents report, and for tests. No real cluster's
//! certificates come from here.
//!
//! # Examples
//!
//! ```
//! use jiff::{SignedDuration, Timestamp};
//! use selfcheck_authority::{Authority, Validity};
//! use selfcheck_protocol::{IdentityFile, Role};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let now = Timestamp::now();
//! let validity = Validity { from: now, to: now + SignedDuration::from_hours(12) };
//! let text = Authority::new("example.com", now)?.issue("host-1", [Role::Node, Role::Instance], validity)?;
//!
//! let identity = IdentityFile::parse("host-1.pem".as_ref(), text.as_bytes())?;
//! assert_eq!(identity.server()?.host_id.as_str(), "host-1");
//! # Ok(())
//! # }
//! ```

mod authority;
mod certificate;
mod error;
mod folder;
mod key;

pub use authority::Authority;
pub use certificate::Validity;
pub use error::IssueError;
