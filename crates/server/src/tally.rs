//! Counting what came about, and telling of what was refused.

use std::fmt;
use std::sync::Arc;

use parking_lot::Mutex;
use selfcheck_fleet::Counters;
use selfcheck_fleet::Outcome;
use tokio::time::Instant;

use crate::Rate;
use crate::limits::Bucket;
use crate::limits::since;

/// How much of what was refused is told, so that whoever is refused all the time fills no log.
const TOLD: Rate = Rate { burst: 20, per_second: 1.0 };

/// Counts what came about, and tells of what was refused.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    counters: Arc<Counters>,
    told: Mutex<Told>,
}

/// What was told of late.
#[derive(Debug, Default)]
struct Told {
    bucket: Bucket,
    /// Since when it counts.
    since: Option<Instant>,
    /// How many more there were.
    untold: u64,
}

impl Tally {
    pub(crate) fn counters(&self) -> &Arc<Counters> {
        &self.counters
    }

    pub(crate) fn count(&self, outcome: Outcome) {
        self.counters.count(outcome);
    }

    /// Counts something that `whom` was refused, and tells of it unless there was much to tell of late.
    pub(crate) fn refuse(&self, outcome: Outcome, whom: &dyn fmt::Display, why: &str) {
        self.count(outcome);
        let now = Instant::now();
        let mut told = self.told.lock();
        let after = since(*told.since.get_or_insert(now), now);
        if told.bucket.take(TOLD, after) {
            let untold = std::mem::take(&mut told.untold);
            drop(told);
            tracing::debug!(outcome = outcome.word(), %whom, why, untold, "refused");
        } else {
            told.untold += 1;
        }
    }
}
