//! Waiting for what the test has no event for.

use std::time::Duration;

use tokio::time::Instant;

/// Far longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(20);

/// Asks until `is_so`, or fails the test.
pub fn eventually(what: &str, is_so: impl Fn() -> bool) {
    eventually_within(PATIENCE, what, is_so);
}

/// The same for what takes longer.
pub fn eventually_within(patience: Duration, what: &str, is_so: impl Fn() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < patience, "still not so: {what}");
    }
}
