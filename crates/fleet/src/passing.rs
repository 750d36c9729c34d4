//! What time alone brings about.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use jiff::SignedDuration;
use jiff::Timestamp;
use selfcheck_core::policy::AlertAcknowledgement;

use crate::facts::Facts;
use crate::fault::Due;
use crate::fault::Fault;
use crate::fault::FaultState;
use crate::faults::Shared;
use crate::faults::later;
use crate::faults::seconds as whole;
use crate::registry::Registry;
use crate::seat::Awaits;
use crate::seat::Presence;
use crate::slab::Slot;
use crate::targets::Ended;

/// How many agents are compared with their targets at once.
const AT_ONCE: u32 = 1 << 14;
const DAY: Duration = Duration::from_secs(24 * 3600);

impl Registry {
    /// What has become due: agents that count now, those whose next process did not come, those that did not come back, and faults that have
    /// lasted.
    pub(crate) fn pass(&mut self, now: Duration) {
        self.now = self.now.max(now);
        while let Some((slot, generation)) = due(&mut self.settling, now) {
            if self
                .seats
                .get(slot)
                .is_some_and(|seat| seat.generation == generation && seat.presence == Presence::Settling)
            {
                self.unsettled -= 1;
                self.change(slot, |seat, _| seat.presence = Presence::Settled);
            }
        }
        while let Some((slot, wait)) = due(&mut self.awaited, now) {
            if self.still(slot, wait).is_some_and(|(_, awaits)| awaits == Awaits::Process)
                && let Some(seat) = self.seats.get_mut(slot)
            {
                seat.awaits = Awaits::Nothing;
                self.drop_told(slot, |told| told.has_ended);
            }
        }
        while let Some((slot, wait)) = due(&mut self.gone, now) {
            match self.still(slot, wait) {
                Some((Presence::Gone, _)) => self.remove(slot),
                Some((_, Awaits::Report)) => self.drop_ended(slot),
                _ => {}
            }
        }
        self.compare_anew();
        while let Some((due, slot)) = self.faults.next(whole(now)) {
            self.lasts(slot, due);
        }
    }

    /// Compares agents with their targets again after update windows have ended: so many that nobody waits for long, and the next ones another time.
    fn compare_anew(&mut self) {
        let ended = self.windows(self.now);
        if ended != self.ended {
            (self.ended, self.uncompared) = (ended, Some(0));
        }
        let Some(first) = self.uncompared else { return };
        let places = self.seats.places();
        let next = first.saturating_add(AT_ONCE).min(places);
        self.uncompared = (next < places).then_some(next);
        let targets = Arc::clone(&self.targets);
        for place in first..next {
            self.change(Slot::new(place), |seat, words| {
                for told in seat.told.as_mut_slice() {
                    told.facts = targets.compared(told.facts, words, ended);
                }
            });
        }
    }

    /// Which update windows have ended by then.
    fn windows(&self, now: Duration) -> Ended {
        if self.targets.is_empty() { Ended::NONE } else { self.targets.ended(self.wall_at(now)) }
    }

    /// The wall clock by then.
    fn wall_at(&self, now: Duration) -> Timestamp {
        let (told, then) = self.wall;
        let since = SignedDuration::try_from(now.saturating_sub(then)).unwrap_or(SignedDuration::MAX);
        told.checked_add(since).unwrap_or(Timestamp::MAX)
    }

    /// How it stands with an agent, if that wait is its present one.
    fn still(&self, slot: Slot, wait: u32) -> Option<(Presence, Awaits)> {
        self.seats.get(slot).filter(|seat| seat.wait == wait).map(|seat| (seat.presence, seat.awaits))
    }

    /// A fault is to be looked at: it counts from now on, unless it is that of many, or an acknowledged one.
    fn lasts(&mut self, slot: Slot, due: Due) {
        let Some(seat) = self.seats.get_mut(slot).filter(|seat| seat.due == Some(due)) else { return };
        seat.due = None;
        let Some((fault, facts)) = seat.fault.zip(seat.facts()) else { return };
        if fault.state != FaultState::Waiting || seat.presence != Presence::Settled {
            return; // it is looked at again when the agent has settled
        }
        // Those that have only just come back are agents too: few of many must not look like many of few.
        let agents = self.counts.updatable().saturating_add(self.unsettled);
        let shared = self.faults.shared(fault, &facts, &self.words, agents, whole(self.now));
        let until = self.faults.due(fault, &facts, &self.words, shared);
        if until.get() > whole(self.now) {
            return self.faults.wait(slot, seat, until);
        }
        // Looked at again once a day at least: what an agent that changes all the time leaves behind goes with that.
        let day = later(whole(self.now), DAY);
        if let Some(until) = self.acknowledged(slot, &facts).map(|until| until.min(day))
            && let Some(seat) = self.seats.get_mut(slot)
        {
            return self.faults.wait(slot, seat, until);
        }
        self.change(slot, |seat, _| {
            let state = if shared == Shared::ByMany { FaultState::Shared } else { FaultState::Raised };
            seat.fault = Some(Fault { state, ..fault });
        });
    }

    /// Until when an agent is updated by other means, if it is; for ever where that has no end.
    fn acknowledged(&self, slot: Slot, facts: &Facts) -> Option<Due> {
        let wall = self.wall_at(self.now);
        let id = self.seats.get(slot)?.host.id();
        let taken = |given: &&AlertAcknowledgement| {
            given.until.is_none_or(|until| wall < until)
                && given.host_id.as_ref().is_none_or(|host| *host == id)
                && given.group.as_ref().is_none_or(|group| group == self.words.groups.get(facts.group))
                && (given.services.is_empty()
                    || facts
                        .services
                        .iter()
                        .any(|role| given.services.iter().any(|given| *given == *role.name())))
        };
        let given = self.faults.rules().acknowledged.iter().find(taken)?;
        let Some(until) = given.until else { return Some(Due::MAX) };
        let left = Duration::try_from(until.duration_since(wall)).unwrap_or_default();
        Some(later(whole(self.now), left + Duration::from_secs(1)))
    }

    /// Whether anything has become due.
    pub(crate) fn is_due(&self, now: Duration) -> bool {
        let queues = [&self.settling, &self.awaited, &self.gone];
        queues.iter().filter_map(|queue| queue.front()).any(|(due, ..)| *due <= now)
            || self.faults.is_due(whole(now))
            || self.uncompared.is_some()
            || self.windows(now) != self.ended
    }
}

/// The first that is due.
fn due(queue: &mut VecDeque<(Duration, Slot, u32)>, now: Duration) -> Option<(Slot, u32)> {
    let first = queue.front().is_some_and(|(due, ..)| *due <= now).then(|| queue.pop_front()).flatten();
    // What a rush needed is given back.
    if queue.is_empty() && queue.capacity() > 0 {
        *queue = VecDeque::new();
    }
    first.map(|(_, slot, generation)| (slot, generation))
}
