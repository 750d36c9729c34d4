//! How long to wait after a failure.

use std::time::Duration;

/// The first and the longest wait, doubled from one to the next, and up to twice as long at random.
const WAITS: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(5 * 60)];

/// Failures of one kind in a row.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Backoff {
    failures: u32,
}

impl Backoff {
    /// How long to wait after one more failure: longer from one to the next, and as long as the server says.
    pub(super) fn wait(&mut self, said: Option<Duration>) -> Duration {
        let [first, longest] = WAITS;
        let doubled = first.saturating_mul(1 << self.failures.min(16)).min(longest);
        self.failures = self.failures.saturating_add(1);
        doubled.mul_f64(1.0 + fastrand::f64()).max(said.unwrap_or_default())
    }

    /// There was none.
    pub(super) const fn succeeded(&mut self) {
        self.failures = 0;
    }
}
