//! The one place where clocks are read.

use jiff::Timestamp;
use nix::time::ClockId;
use nix::time::clock_gettime;
use selfcheck_core::Clock;
use selfcheck_core::Usec;

/// The host's clocks, now.
#[expect(clippy::disallowed_methods, reason = "this is the one place")]
pub fn now() -> Clock {
    Clock {
        realtime: Timestamp::now(),
        monotonic: usec(ClockId::CLOCK_MONOTONIC),
        boottime: usec(ClockId::CLOCK_BOOTTIME),
    }
}

/// A clock in microseconds. A clock that cannot be read stands at 0, which makes every age 0.
fn usec(clock: ClockId) -> Usec {
    let Ok(time) = clock_gettime(clock) else { return 0 };
    let seconds = Usec::try_from(time.tv_sec()).unwrap_or(0);
    let micros = Usec::try_from(time.tv_nsec() / 1_000).unwrap_or(0);
    seconds.saturating_mul(1_000_000).saturating_add(micros)
}
