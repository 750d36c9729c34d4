//! When a stock auth server is told anew: it reads what an agent says of its updater only from the Hello of a stream.

use std::time::Duration;

use selfcheck_core::Text;
use selfcheck_protocol::ClaimedUpdater;
use selfcheck_protocol::Hello;
use tokio::time::Instant;

/// How long something else must have been the case.
const HOLD: Duration = Duration::from_secs(5 * 60);
/// Over how long the streams of a fleet are spread.
const SPREAD: Duration = Duration::from_secs(5 * 60);
/// No more than one renewal in so long.
const PAUSE: Duration = Duration::from_secs(30 * 60);

/// What a stock auth server is told by a Hello alone, and what may change while an agent runs.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Announcement {
    pub(crate) updater: ClaimedUpdater,
    pub(crate) services: Vec<Text>,
}

impl From<&Hello> for Announcement {
    fn from(hello: &Hello) -> Self {
        Self { updater: hello.updater.clone(), services: hello.services.clone() }
    }
}

/// Decides when a stream is renewed.
#[derive(Debug)]
pub(crate) struct Renewal {
    last: Option<Instant>,
    random: fastrand::Rng,
    /// What the present stream's Hello said.
    said: Announcement,
    /// What is the case instead, and when that is told.
    pending: Option<(Announcement, Instant)>,
}

impl Renewal {
    pub(crate) fn new(random: fastrand::Rng) -> Self {
        Self { last: None, random, said: Announcement::default(), pending: None }
    }

    /// A stream was opened, and its Hello said this.
    pub(crate) fn said(&mut self, said: Announcement) {
        self.said = said;
        self.pending = None;
    }

    /// What is the case now.
    pub(crate) fn holds(&mut self, holds: Announcement, now: Instant) {
        if holds == self.said {
            self.pending = None;
        } else if self.pending.as_ref().is_none_or(|(pending, _)| *pending != holds) {
            let held = now + HOLD + SPREAD.mul_f32(self.random.f32());
            let due = self.last.map_or(held, |last| held.max(last + PAUSE));
            self.pending = Some((holds, due));
        }
    }

    /// When the stream is to be renewed, if it is.
    pub(crate) fn due(&self) -> Option<Instant> {
        self.pending.as_ref().map(|(_, due)| *due)
    }

    /// The stream is renewed now.
    pub(crate) fn renewed(&mut self, now: Instant) {
        self.last = Some(now);
        self.pending = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn updater(kind: &str) -> Announcement {
        let updater = ClaimedUpdater { kind: kind.into(), ..ClaimedUpdater::default() };
        Announcement { updater, services: vec!["Node".into()] }
    }

    #[tokio::test(start_paused = true)]
    async fn only_what_has_held_for_a_while_is_told_anew() {
        let mut renewal = Renewal::new(fastrand::Rng::with_seed(3));
        renewal.said(updater("binary"));
        let start = Instant::now();
        renewal.holds(updater("binary"), start);
        assert_eq!(renewal.due(), None);
        renewal.holds(updater(""), start);
        let due = renewal.due().expect("pending");
        assert!(due >= start + HOLD && due <= start + HOLD + SPREAD);
        renewal.holds(updater(""), start + Duration::from_secs(60));
        assert_eq!(renewal.due(), Some(due), "the same holds on");
        renewal.holds(updater("unit"), start + Duration::from_secs(120));
        assert!(renewal.due() >= Some(start + Duration::from_secs(120) + HOLD), "something else begins anew");
        renewal.holds(updater("binary"), start + Duration::from_secs(180));
        assert_eq!(renewal.due(), None, "what was said is the case again");
    }

    #[tokio::test(start_paused = true)]
    async fn a_stream_is_renewed_at_most_once_in_half_an_hour() {
        let mut renewal = Renewal::new(fastrand::Rng::with_seed(3));
        renewal.said(updater("binary"));
        let start = Instant::now();
        renewal.renewed(start);
        renewal.said(updater(""));
        renewal.holds(updater("binary"), start + Duration::from_secs(10));
        assert_eq!(renewal.due(), Some(start + PAUSE));
    }
}
