//! When to look: pure time logic.
use std::time::Duration;

use selfcheck_core::observation::FactName;
use tokio::time::Instant;

/// After news, looking waits until there is none for so long; what happens together is then seen together.
const QUIET: Duration = Duration::from_millis(50);
/// But news is seen after so long even if more keeps coming.
const NEWS_WAITS_AT_MOST: Duration = Duration::from_millis(150);
/// Looks begin at least so far apart: ten in a second.
const APART: Duration = Duration::from_millis(100);
/// Even if nothing is told, a look is taken after about so long.
const SAFETY: Duration = Duration::from_secs(15 * 60);
/// The same where some changes cannot be told.
const SAFETY_WHERE_NOT_TOLD: Duration = Duration::from_secs(60);
/// How far a safety look is moved at random to either side, as a share of its distance.
const JITTER: f64 = 0.2;
/// The first and the longest wait after a look that could not see, doubled from one to the next.
const AFTER_BLIND: [Duration; 2] = [Duration::from_millis(100), Duration::from_secs(60)];
/// The same after a panic.
const AFTER_PANIC: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(5 * 60)];

/// How a look went, as far as it decides when to look again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Look {
    /// It saw what it needs, and its status holds for so long if nothing changes.
    Saw {
        /// For ever if `None`.
        holds_for: Option<Duration>,
        told: Told,
    },
    /// Something could not be seen, for a reason that may pass.
    Blind {
        /// How long what is said all the same holds; for ever if `None`.
        holds_for: Option<Duration>,
        /// What was not seen.
        unseen: Vec<FactName>,
    },
    /// It panicked.
    Panicked,
}

/// Whether changes are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Told {
    All,
    Some,
}

/// Decides when to look.
#[derive(Debug)]
pub(crate) struct Cadence {
    random: fastrand::Rng,
    /// When the last look began.
    began: Option<Instant>,
    /// When to look if there is no news.
    scheduled: Instant,
    /// The first and the last news since the last look began.
    news: Option<(Instant, Instant)>,
    /// Somebody wants a look, whatever there is to see.
    asked: bool,
    /// What the last look could not see, and how many in a row could not.
    unseen: Vec<FactName>,
    blind: u32,
    /// The last panic, and how many there were without a pause.
    panicked: Option<Instant>,
    panics: u32,
}

impl Cadence {
    /// The first look is due at once.
    pub(crate) const fn new(now: Instant, random: fastrand::Rng) -> Self {
        Self {
            random,
            began: None,
            scheduled: now,
            news: None,
            asked: false,
            unseen: Vec::new(),
            blind: 0,
            panicked: None,
            panics: 0,
        }
    }

    /// When to look next.
    pub(crate) fn due(&self) -> Instant {
        let news = self.news.map(|(first, last)| (last + QUIET).min(first + NEWS_WAITS_AT_MOST));
        let wanted = if self.asked { self.began } else { None }.into_iter().chain(news);
        let earliest = self.began.map(|began| began + APART);
        let due = wanted.fold(self.scheduled, Instant::min);
        earliest.map_or(due, |earliest| due.max(earliest))
    }

    /// Something changed.
    pub(crate) fn noticed(&mut self, now: Instant) {
        let first = self.news.map_or(now, |(first, _)| first);
        self.news = Some((first, now));
    }

    /// Somebody asked for a look.
    pub(crate) const fn asked(&mut self) {
        self.asked = true;
    }

    /// A look begins.
    pub(crate) const fn begin(&mut self, now: Instant) {
        self.began = Some(now);
        self.news = None;
        self.asked = false;
    }

    /// The look that began last has ended like this; or it had, and waiting for the next one panicked.
    pub(crate) fn end(&mut self, now: Instant, look: Look) {
        let wait = match look {
            Look::Saw { holds_for, told } => {
                self.unseen.clear();
                let safety = self.jittered(match told {
                    Told::All => SAFETY,
                    Told::Some => SAFETY_WHERE_NOT_TOLD,
                });
                holds_for.map_or(safety, |holds| holds.min(safety))
            }
            Look::Blind { holds_for, unseen } => {
                // What is new is retried soon, however long something else has been out of sight.
                self.blind = if self.unseen == unseen { self.blind.saturating_add(1) } else { 0 };
                self.unseen = unseen;
                let retry = self.backoff(AFTER_BLIND, self.blind);
                holds_for.map_or(retry, |holds| holds.min(retry))
            }
            Look::Panicked => {
                // Looks in between prove nothing: it may be the waiting that panics.
                let paused = self.panicked.is_none_or(|last| now > last + SAFETY);
                self.panics = if paused { 0 } else { self.panics.saturating_add(1) };
                self.panicked = Some(now);
                self.backoff(AFTER_PANIC, self.panics)
            }
        };
        self.scheduled = now + wait;
    }

    fn backoff(&mut self, [first, longest]: [Duration; 2], before: u32) -> Duration {
        self.jittered(first.saturating_mul(2_u32.saturating_pow(before)).min(longest))
    }

    fn jittered(&mut self, wait: Duration) -> Duration {
        wait.mul_f64(1.0 - JITTER + 2.0 * JITTER * self.random.f64())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use selfcheck_core::Generation;

    const MS: Duration = Duration::from_millis(1);

    fn cadence(now: Instant) -> Cadence {
        Cadence::new(now, fastrand::Rng::with_seed(7))
    }

    fn looked(now: Instant, look: Look) -> Cadence {
        let mut cadence = cadence(now);
        cadence.begin(now);
        cadence.end(now, look);
        cadence
    }

    const FOR_EVER: Look = Look::Saw { holds_for: None, told: Told::All };

    #[tokio::test(start_paused = true)]
    async fn the_first_look_is_due_at_once() {
        let now = Instant::now();
        assert_eq!(cadence(now).due(), now);
    }

    #[tokio::test(start_paused = true)]
    async fn a_status_is_judged_anew_when_it_stops_holding() {
        let now = Instant::now();
        let holds = Duration::from_secs(100);
        let cadence = looked(now, Look::Saw { holds_for: Some(holds), told: Told::All });
        assert_eq!(cadence.due(), now + holds);
        // One that has stopped holding at once still leaves room between looks.
        let cadence = looked(now, Look::Saw { holds_for: Some(Duration::ZERO), told: Told::All });
        assert_eq!(cadence.due(), now + APART);
    }

    #[tokio::test(start_paused = true)]
    async fn a_safety_look_comes_some_time() {
        let now = Instant::now();
        let mut seen = std::collections::BTreeSet::new();
        let mut cadence = cadence(now);
        for _ in 0..1_000 {
            cadence.begin(now);
            cadence.end(now, FOR_EVER);
            let wait = cadence.due() - now;
            assert!(wait >= SAFETY.mul_f64(0.8) && wait <= SAFETY.mul_f64(1.2), "{wait:?}");
            seen.insert(wait.as_secs() / 60);
        }
        assert_eq!(seen.into_iter().collect::<Vec<_>>(), [12, 13, 14, 15, 16, 17]);
        let soon = looked(now, Look::Saw { holds_for: None, told: Told::Some }).due() - now;
        assert!(soon <= SAFETY_WHERE_NOT_TOLD.mul_f64(1.2));
    }

    #[tokio::test(start_paused = true)]
    async fn news_is_seen_once_it_is_quiet_and_soon_in_any_case() {
        let now = Instant::now();
        let mut cadence = looked(now, FOR_EVER);
        let later = now + Duration::from_secs(10);
        cadence.noticed(later);
        assert_eq!(cadence.due(), later + QUIET);
        for wait in 1..40 {
            cadence.noticed(later + 10 * wait * MS);
        }
        assert_eq!(cadence.due(), later + NEWS_WAITS_AT_MOST);
        cadence.begin(later + NEWS_WAITS_AT_MOST);
        cadence.end(later + NEWS_WAITS_AT_MOST, FOR_EVER);
        assert!(cadence.due() > later + Duration::from_secs(60));
    }

    #[tokio::test(start_paused = true)]
    async fn whatever_happens_there_are_ten_looks_in_a_second_at_most() {
        let start = Instant::now();
        let mut cadence = cadence(start);
        let mut looks = 0;
        for passed in 0..1_000 {
            let now = start + passed * MS;
            for _ in 0..10 {
                cadence.noticed(now);
                cadence.asked();
            }
            if cadence.due() <= now {
                looks += 1;
                cadence.begin(now);
                cadence.end(now, FOR_EVER);
            }
        }
        assert_eq!(looks, 10);
    }

    #[tokio::test(start_paused = true)]
    async fn who_asks_is_served_at_once() {
        let now = Instant::now();
        let mut cadence = looked(now, FOR_EVER);
        cadence.asked();
        assert_eq!(cadence.due(), now + APART);
    }

    /// The waits after looks that all went like this.
    fn waits(cadence: &mut Cadence, now: Instant, look: &Look) -> Vec<Duration> {
        let wait = |_| {
            cadence.begin(now);
            cadence.end(now, look.clone());
            cadence.scheduled - now
        };
        (0..40).map(wait).collect()
    }

    fn is_about(wait: Duration, expected: Duration) -> bool {
        wait >= expected.mul_f64(0.8) && wait <= expected.mul_f64(1.2)
    }

    fn blind(unseen: FactName) -> Look {
        Look::Blind { holds_for: None, unseen: vec![unseen] }
    }

    #[tokio::test(start_paused = true)]
    async fn what_cannot_be_seen_is_looked_for_ever_more_rarely() {
        let now = Instant::now();
        for (look, [first, longest]) in
            [(blind(FactName::Timer(Generation::V2)), AFTER_BLIND), (Look::Panicked, AFTER_PANIC)]
        {
            let waits = waits(&mut cadence(now), now, &look);
            assert!(is_about(waits[0], first) && is_about(waits[39], longest), "{waits:?}");
            assert!(waits[1] > waits[0] && waits[2] > waits[1], "{waits:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_just_lost_from_sight_is_looked_for_soon() {
        let now = Instant::now();
        let mut cadence = cadence(now);
        waits(&mut cadence, now, &blind(FactName::AgentConfig));
        assert!(is_about(
            waits(&mut cadence, now, &blind(FactName::Timer(Generation::V2)))[0],
            AFTER_BLIND[0]
        ));
        waits(&mut cadence, now, &FOR_EVER);
        assert!(is_about(
            waits(&mut cadence, now, &blind(FactName::Timer(Generation::V2)))[0],
            AFTER_BLIND[0]
        ));
    }

    #[tokio::test(start_paused = true)]
    async fn who_sees_only_a_part_still_judges_anew_in_time() {
        let now = Instant::now();
        let mut cadence = cadence(now);
        waits(&mut cadence, now, &blind(FactName::AgentConfig));
        let holds = Duration::from_secs(1);
        cadence.end(now, Look::Blind { holds_for: Some(holds), unseen: vec![FactName::AgentConfig] });
        assert_eq!(cadence.scheduled, now + holds);
    }

    #[tokio::test(start_paused = true)]
    async fn panics_count_until_there_are_none_for_a_while() {
        let now = Instant::now();
        let mut cadence = cadence(now);
        waits(&mut cadence, now, &Look::Panicked);
        // Looks that went well prove nothing yet.
        cadence.end(now, FOR_EVER);
        cadence.end(now, Look::Panicked);
        assert!(is_about(cadence.scheduled - now, AFTER_PANIC[1]));
        let later = now + SAFETY + MS;
        cadence.end(later, Look::Panicked);
        assert!(is_about(cadence.scheduled - later, AFTER_PANIC[0]));
    }
}
