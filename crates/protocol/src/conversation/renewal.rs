//! When a stock auth server is told anew: it reads what an agent says of its updater only from the Hello of a stream.
use std::time::Duration;

use super::Announcement;

/// How long something else must have been the case.
const HOLD: Duration = Duration::from_secs(5 * 60);
/// Over how long the streams of a fleet are spread.
const SPREAD: Duration = Duration::from_secs(5 * 60);
/// No more than one renewal in so long.
const PAUSE: Duration = Duration::from_secs(30 * 60);

/// Decides when a stream is renewed.
#[derive(Debug)]
pub(super) struct Renewal {
    /// What the stream's Hello said.
    said: Announcement,
    /// When a stream was last renewed.
    last: Option<Duration>,
    random: fastrand::Rng,
    /// What is the case instead, and when that is told.
    pending: Option<(Announcement, Duration)>,
}

impl Renewal {
    pub(super) const fn new(said: Announcement, random: fastrand::Rng) -> Self {
        Self { said, last: None, random, pending: None }
    }

    /// When a stream was last renewed.
    pub(super) const fn after(&mut self, last: Option<Duration>) {
        self.last = last;
    }

    /// What is the case now.
    pub(super) fn holds(&mut self, holds: Announcement, now: Duration) {
        if holds == self.said {
            self.pending = None;
        } else if self.pending.as_ref().is_none_or(|(pending, _)| *pending != holds) {
            let held = now + HOLD + SPREAD.mul_f32(self.random.f32());
            let due = self.last.map_or(held, |last| held.max(last + PAUSE));
            self.pending = Some((holds, due));
        }
    }

    /// When the stream is to be renewed, if it is.
    pub(super) fn due(&self) -> Option<Duration> {
        self.pending.as_ref().map(|(_, due)| *due)
    }
}

#[cfg(test)]
mod tests {
    use selfcheck_core::Text;
    use selfcheck_core::UpdaterKind;

    use super::*;
    use crate::ClaimedUpdater;
    use crate::Hello;

    fn updater(kind: &str) -> Announcement {
        let updater = ClaimedUpdater { kind: UpdaterKind::named(kind.into()), ..ClaimedUpdater::default() };
        let services = vec![Text::from("Node")];
        Announcement::from(&Hello { services, updater, ..Hello::default() })
    }

    const fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn only_what_has_held_for_a_while_is_told_anew() {
        let mut renewal = Renewal::new(updater("binary"), fastrand::Rng::with_seed(3));
        let start = seconds(1000);
        renewal.holds(updater("binary"), start);
        assert_eq!(renewal.due(), None);
        renewal.holds(updater(""), start);
        let due = renewal.due().expect("pending");
        assert!(due >= start + HOLD && due <= start + HOLD + SPREAD);
        renewal.holds(updater(""), start + seconds(60));
        assert_eq!(renewal.due(), Some(due), "the same holds on");
        renewal.holds(updater("unit"), start + seconds(120));
        assert!(renewal.due() >= Some(start + seconds(120) + HOLD), "something else begins anew");
        renewal.holds(updater("binary"), start + seconds(180));
        assert_eq!(renewal.due(), None, "what was said is the case again");
    }

    #[test]
    fn a_stream_is_renewed_at_most_once_in_half_an_hour() {
        let start = seconds(1000);
        let mut renewal = Renewal::new(updater(""), fastrand::Rng::with_seed(3));
        renewal.after(Some(start));
        renewal.holds(updater("binary"), start + seconds(10));
        assert_eq!(renewal.due(), Some(start + PAUSE));
    }
}
