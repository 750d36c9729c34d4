//! The agent's end of the inventory stream: as it is, and written by hand.

mod agent;
pub mod bare;
pub mod calls;
mod raw;

pub use agent::Agent;
pub use agent::HEALTHY;
pub use agent::MASKED;
pub use agent::status;
pub use raw::Raw;
pub use raw::hello;

/// Far longer than anything here takes.
pub const PATIENCE: std::time::Duration = std::time::Duration::from_secs(20);

/// Waits until `is_so`, or fails the test.
pub async fn eventually(what: &str, is_so: impl Fn() -> bool) {
    let waiting = async {
        while !is_so() {
            tokio::task::yield_now().await;
        }
    };
    let waited = tokio::time::timeout(PATIENCE, waiting).await;
    assert!(waited.is_ok(), "still not so: {what}");
}
