//! The clocks an observation was made at. This crate reads none of them; it only computes.

use jiff::SignedDuration;
use jiff::Timestamp;
use serde::Deserialize;
use serde::Serialize;

/// Microseconds, the unit systemd and the kernel's clocks are read in.
pub type Usec = u64;

/// The three clocks of a host at one instant.
///
/// Ages are taken from `monotonic` (which systemd's timers run on and which stands still while the host is
/// suspended) and `boottime` (which does not); `realtime` is for display and for times written into files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Clock {
    /// Wall-clock time.
    pub realtime: Timestamp,
    /// `CLOCK_MONOTONIC`, in microseconds.
    pub monotonic: Usec,
    /// `CLOCK_BOOTTIME`, in microseconds.
    pub boottime: Usec,
}

impl Clock {
    /// The clocks `elapsed` microseconds later, without a suspend in between.
    #[must_use]
    pub fn after(self, elapsed: Usec) -> Self {
        Self {
            realtime: shift(self.realtime, elapsed),
            monotonic: self.monotonic.saturating_add(elapsed),
            boottime: self.boottime.saturating_add(elapsed),
        }
    }

    /// The clocks at the wall-clock time `realtime`, or `None` if that lies before these clocks.
    #[must_use]
    pub fn at(self, realtime: Timestamp) -> Option<Self> {
        let elapsed = realtime.duration_since(self.realtime).as_micros();
        let elapsed = Usec::try_from(elapsed).ok()?;
        Some(Self { realtime, ..self.after(elapsed) })
    }

    /// The monotonic time of a wall-clock time, 0 if that lies before the boot.
    pub fn monotonic_of(&self, realtime: Timestamp) -> Usec {
        let ahead = i128::from(self.monotonic) + realtime.duration_since(self.realtime).as_micros();
        Usec::try_from(ahead.max(0)).unwrap_or(Usec::MAX)
    }

    /// A wall-clock time as a moment.
    pub fn moment_at(&self, realtime: Timestamp) -> Moment {
        Moment { realtime, monotonic: self.monotonic_of(realtime) }
    }

    /// The wall-clock time of an instant of the monotonic clock.
    pub fn realtime_of(&self, monotonic: Usec) -> Timestamp {
        match monotonic.checked_sub(self.monotonic) {
            Some(ahead) => shift(self.realtime, ahead),
            None => self.realtime.checked_sub(signed(self.monotonic - monotonic)).unwrap_or(Timestamp::MIN),
        }
    }
}

/// `at` moved `by` microseconds into the future, saturating.
pub(crate) fn shift(at: Timestamp, by: Usec) -> Timestamp {
    at.checked_add(signed(by)).unwrap_or(Timestamp::MAX)
}

fn signed(usec: Usec) -> SignedDuration {
    SignedDuration::from_micros(i64::try_from(usec).unwrap_or(i64::MAX))
}

/// One instant, as systemd tells it: by the wall clock and by the monotonic clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Moment {
    /// Wall-clock time, for display.
    pub realtime: Timestamp,
    /// `CLOCK_MONOTONIC` in microseconds, for ages.
    pub monotonic: Usec,
}

impl Moment {
    /// The instant that systemd tells by both clocks in microseconds; `None` where it says that there was none.
    pub fn from_usec(realtime: Usec, monotonic: Usec) -> Option<Self> {
        let realtime = Timestamp::from_microsecond(i64::try_from(realtime).ok()?).ok()?;
        (monotonic != 0).then_some(Self { realtime, monotonic })
    }
}
