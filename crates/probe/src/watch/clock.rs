//! Being told that the wall clock was set or that the host woke from sleep.

use nix::sys::time::TimeSpec;
use nix::sys::timerfd::ClockId;
use nix::sys::timerfd::Expiration;
use nix::sys::timerfd::TimerFd;
use nix::sys::timerfd::TimerFlags;
use nix::sys::timerfd::TimerSetTimeFlags;
use tokio::io::unix::AsyncFd;

use super::descriptor::Owner;
use super::descriptor::register;

/// A wall-clock time that never comes, as far as the kernel can say it: in the year 2262.
const NEVER: i64 = 9_000_000_000;

/// A timer of the wall clock that is never due. The kernel cancels it when that clock jumps, also by a sleep.
#[derive(Debug, Default)]
pub(super) struct ClockWatch(Option<AsyncFd<Owner<TimerFd>>>);

impl ClockWatch {
    /// Makes the timer, and sets it again after a jump.
    pub(super) fn arm(&mut self) {
        if self.0.is_none() {
            self.0 = timer()
                .and_then(register)
                .inspect_err(|error| tracing::debug!(%error, "jumps of the clock are not told"))
                .ok();
        }
    }

    /// Waits for a jump.
    pub(super) async fn changed(&mut self) {
        let Some(timer) = &self.0 else { return std::future::pending().await };
        if let Ok(mut ready) = timer.readable().await {
            // Read and set again, else it stays readable.
            let _ = timer.get_ref().0.wait();
            let _ = set(&timer.get_ref().0, NEVER);
            ready.clear_ready();
        } else {
            self.0 = None; // its runtime is ending
        }
    }

    pub(super) const fn is_complete(&self) -> bool {
        self.0.is_some()
    }
}

fn timer() -> std::io::Result<TimerFd> {
    let timer = TimerFd::new(ClockId::CLOCK_REALTIME, TimerFlags::TFD_NONBLOCK | TimerFlags::TFD_CLOEXEC)?;
    set(&timer, NEVER)?;
    Ok(timer)
}

fn set(timer: &TimerFd, due: i64) -> std::io::Result<()> {
    let flags = TimerSetTimeFlags::TFD_TIMER_ABSTIME | TimerSetTimeFlags::TFD_TIMER_CANCEL_ON_SET;
    Ok(timer.set(Expiration::OneShot(TimeSpec::new(due, 0)), flags)?)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn a_clock_that_runs_as_it_should_is_no_change() {
        let mut watch = ClockWatch::default();
        watch.arm();
        assert!(watch.is_complete());
        assert!(tokio::time::timeout(Duration::from_millis(20), watch.changed()).await.is_err());
    }

    #[tokio::test]
    async fn a_jump_is_told_once() {
        let mut watch = ClockWatch::default();
        watch.arm();
        // Setting the machine's clock is not for a test; a timer that is due is as readable as one that was cancelled.
        set(&watch.0.as_ref().expect("armed").get_ref().0, 1).expect("set");
        tokio::time::timeout(Duration::from_secs(20), watch.changed()).await.expect("told");
        assert!(tokio::time::timeout(Duration::from_millis(20), watch.changed()).await.is_err());
        assert!(watch.is_complete());
    }
}
