//! A private authority and identities of its own, for trying out what Teleport agents report, and for tests. No real cluster's
//! certificates come from here.

mod authority;
mod certificate;
mod folder;
mod key;

pub use authority::Authority;
pub use authority::IssueError;
pub use certificate::Validity;
