//! Looking again and again, and being told when that is worth while.

mod clock;
mod descriptor;
mod files;
mod places;

use std::time::Duration;

use selfcheck_core::Clock;
use selfcheck_core::Moment;
use selfcheck_core::Observation;
use selfcheck_core::Usec;
use tokio::time::Instant;

use crate::bus::Names;
use crate::clock as host_clock;
use crate::look::Probe;

use clock::ClockWatch;
use files::FileWatch;
use places::Places;

/// The two clocks of a host are read this far apart at most, in microseconds; a sleep is longer.
const LEAST_SLEEP: Usec = 1_000_000;
/// The share of a look's time in which it has to listen everywhere: one in this many.
const ARMING_SHARE: u32 = 4;

/// A probe that is told of changes by systemd, the file system and the clock.
///
/// Each [`look`](Self::look) arms what [`changed`](Self::changed) then waits for, before it reads anything: so
/// whatever changes while it looks, or after, is told. Nothing runs between the two, and nothing wakes the process
/// but the bus, changes in folders that are listened in, and a Kubernetes API that is asked. It holds three descriptors: the bus, inotify and a
/// timer for the clock; and one more for the connection to that API.
#[derive(Debug)]
pub struct Watch {
    probe: Probe,
    files: FileWatch,
    clock: ClockWatch,
    /// Where to listen, by what the last look found.
    places: Option<Places>,
    /// The last look found that it had not listened everywhere.
    is_misplaced: bool,
    is_told_by_systemd: bool,
    slept: Slept,
}

/// What a watch is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Change {
    /// systemd tells of a change, or the connection to it has ended.
    Systemd,
    /// A file that matters has changed, or may have before it was known to matter.
    Files,
    /// The wall clock was set, or the host woke from sleep.
    Clock,
    /// The Kubernetes API tells of a change, or must be asked anew.
    Kubernetes,
}

impl Watch {
    /// Watches what `probe` looks at. Nothing is opened before the first look.
    pub fn new(mut probe: Probe) -> Self {
        probe.bus.watch();
        probe.kubernetes.watch();
        Self {
            probe,
            files: FileWatch::default(),
            clock: ClockWatch::default(),
            places: None,
            is_misplaced: false,
            is_told_by_systemd: false,
            slept: Slept::default(),
        }
    }

    /// Looks once, as [`Probe::look`] does, within `time`.
    pub async fn look(&mut self, time: Duration) -> Observation {
        let began = Instant::now();
        self.clock.arm();
        let places = self.places.take().unwrap_or_else(|| Places::before_the_first_look(self.probe.target()));
        // A path may lead to a dead network mount, which must not take all the time.
        self.files.arm(&places, began + time / ARMING_SHARE).await;
        let mut observation = self.probe.look(time.saturating_sub(began.elapsed())).await;
        let found = Places::of(&observation, self.probe.target());
        // What lies elsewhere than was assumed may have changed before it was listened to.
        self.is_misplaced = found != places;
        self.places = Some(found);
        let units = Names::of(&observation.agent.namespace);
        self.is_told_by_systemd = observation.systemd.booted.is_absent() || self.probe.bus.tells_of(&units);
        if observation.systemd.resumed.is_none() {
            observation.systemd.resumed = self.slept.woke(host_clock::now());
        }
        observation
    }

    /// Waits for a change since the last look began. Before the first look, and where nothing can be watched, it waits
    /// for ever.
    ///
    /// It may be dropped at any time; no change is lost.
    pub async fn changed(&mut self) -> Change {
        if std::mem::take(&mut self.is_misplaced) {
            return Change::Files;
        }
        tokio::select! {
            () = self.probe.bus.changed() => Change::Systemd,
            () = self.files.changed() => Change::Files,
            () = self.clock.changed() => Change::Clock,
            () = self.probe.kubernetes.changed() => Change::Kubernetes,
        }
    }

    /// Whether every change is told. If not, what goes untold is found by looking from time to time.
    pub fn is_complete(&self) -> bool {
        self.files.is_complete() && self.clock.is_complete() && self.is_told_by_systemd
    }
}

/// When the host woke from sleep, told by its two clocks.
#[derive(Debug, Default)]
struct Slept {
    /// How far boot time was ahead of monotonic time.
    ahead: Option<Usec>,
    woke: Option<Moment>,
}

impl Slept {
    /// When the host last woke, as far as it slept since the first call.
    fn woke(&mut self, now: Clock) -> Option<Moment> {
        let ahead = now.boottime.saturating_sub(now.monotonic);
        let before = self.ahead.replace(ahead).unwrap_or(ahead);
        if ahead > before.saturating_add(LEAST_SLEEP) {
            self.woke = Some(Moment { realtime: now.realtime, monotonic: now.monotonic });
        }
        self.woke
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clock(monotonic: Usec, boottime: Usec) -> Clock {
        Clock { realtime: "2026-11-22T10:00:00Z".parse().expect("time"), monotonic, boottime }
    }

    #[test]
    fn a_sleep_is_seen_by_two_clocks() {
        let mut slept = Slept::default();
        // What it slept before is none of its business.
        assert_eq!(slept.woke(clock(1_000_000, 9_000_000)), None);
        assert_eq!(slept.woke(clock(2_000_000, 10_000_010)), None);
        assert_eq!(slept.woke(clock(3_000_000, 900_000_000)).expect("woke").monotonic, 3_000_000);
        assert_eq!(slept.woke(clock(8_000_000, 905_000_000)).expect("remembered").monotonic, 3_000_000);
    }
}
