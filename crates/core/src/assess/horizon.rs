//! Time in the judgement: whether something lies long enough back, and when that answer will change.

use jiff::Timestamp;

use crate::Clock;
use crate::Usec;
use crate::clock::shift;

/// Answers questions about time and remembers the earliest instant at which an answer changes.
#[derive(Debug)]
pub(super) struct Horizon {
    now: Clock,
    earliest: Option<Usec>,
}

impl Horizon {
    pub(super) const fn new(now: Clock) -> Self {
        Self { now, earliest: None }
    }

    /// Whether `since`, an instant of the monotonic clock, lies at least `length` back.
    pub(super) fn is_past(&mut self, since: Usec, length: Usec) -> bool {
        self.reached(self.now.monotonic, since.saturating_add(length))
    }

    /// The same for an instant of the boot-time clock, which counts suspended time too.
    pub(super) fn is_past_boottime(&mut self, since: Usec, length: Usec) -> bool {
        self.reached(self.now.boottime, since.saturating_add(length))
    }

    /// Whether the wall clock has reached `instant` and `length` more.
    pub(super) fn is_past_realtime(&mut self, instant: Timestamp, length: Usec) -> bool {
        let left = shift(instant, length).duration_since(self.now.realtime);
        if left.is_zero() || left.is_negative() {
            return true;
        }
        let whole = left.as_micros();
        let rounded_up = if left.subsec_nanos() % 1_000 == 0 { whole } else { whole + 1 };
        self.note(Usec::try_from(rounded_up).unwrap_or(Usec::MAX));
        false
    }

    /// Until when the answers given hold.
    pub(super) fn holds_until(&self) -> Option<Timestamp> {
        self.earliest.map(|left| shift(self.now.realtime, left))
    }

    fn reached(&mut self, clock: Usec, instant: Usec) -> bool {
        match instant.checked_sub(clock) {
            None | Some(0) => true,
            Some(left) => {
                self.note(left);
                false
            }
        }
    }

    fn note(&mut self, left: Usec) {
        self.earliest = Some(self.earliest.map_or(left, |earliest| earliest.min(left)));
    }
}
