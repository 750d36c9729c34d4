//! What was done, and how long it took.

use std::fmt;
use std::time::Duration;
use std::time::Instant;

use crate::Outcome;

/// What was done so far.
#[derive(Debug, Default)]
pub(crate) struct Steps(Vec<(String, Duration)>);

impl Steps {
    /// Does something, and notes how long it took.
    pub(crate) fn take(&mut self, name: &str, step: impl FnOnce() -> Outcome) -> Outcome {
        let (outcome, time) = timed(step);
        self.note(name, time);
        outcome
    }

    /// Notes what was done elsewhere.
    pub(crate) fn note(&mut self, name: &str, time: Duration) {
        self.0.push((name.to_owned(), time));
    }
}

/// Does something; what came of it, and how long it took.
#[expect(clippy::disallowed_methods, reason = "how long something takes is what is asked")]
pub(crate) fn timed<T>(step: impl FnOnce() -> T) -> (T, Duration) {
    let began = Instant::now();
    let outcome = step();
    (outcome, began.elapsed())
}

impl fmt::Display for Steps {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, time) in &self.0 {
            writeln!(f, "    {:5.1} min  {name}", time.as_secs_f64() / 60.0)?;
        }
        Ok(())
    }
}
