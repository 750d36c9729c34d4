//! The alerts of a fleet: what they say, and keeping them as they should be.
//!
//! Nothing is remembered of what was raised when: the alerts wanted follow from the counts and the policy, and are compared with those there
//! are. So one that somebody took back is raised again while its cause is there.

mod alert;
mod book;
mod keeper;
mod message;
mod shown;
mod store;
mod wanted;

pub use alert::Alert;
pub use alert::AlertAck;
pub use alert::InvalidAlert;
pub use alert::labels;
pub use book::Alerts;
pub use keeper::AlertKeeper;
pub use store::AcknowledgeError;
pub use store::AlertStore;
pub use wanted::IMPAIRED;
pub use wanted::UNACCOMPANIED;
pub use wanted::UNVERIFIED;
