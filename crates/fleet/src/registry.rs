//! All agents of one auth server. Whatever happens to one changes the counts by that one: nothing is ever scanned.

use std::collections::VecDeque;
use std::hash::BuildHasher;
use std::hash::RandomState;
use std::sync::Arc;
use std::time::Duration;

use hashbrown::HashMap;
use hashbrown::HashTable;
use jiff::SignedDuration;
use jiff::Timestamp;
use selfcheck_core::Text;
use selfcheck_core::Verdict;
use selfcheck_core::policy::AlertAcknowledgement;
use selfcheck_inventory::Hello;
use selfcheck_inventory::Report;
use selfcheck_inventory::auth::Farewell;
use selfcheck_inventory::auth::StreamId;
use selfcheck_inventory::auth::Summary;

use crate::FaultKind;
use crate::FaultSummary;
use crate::FleetConfig;
use crate::counts::Change;
use crate::counts::Counts;
use crate::facts::Facts;
use crate::facts::Vocabulary;
use crate::faults::Due;
use crate::faults::Fault;
use crate::faults::FaultCounts;
use crate::faults::FaultState;
use crate::faults::Faults;
use crate::faults::Shared;
use crate::faults::later;
use crate::faults::seconds as whole;
use crate::host::Host;
use crate::marks::Marks;
use crate::seat::Presence;
use crate::seat::Seat;
use crate::seat::Told;
use crate::seat::Tolds;
use crate::slab::Slab;
use crate::slab::Slot;

/// All agents of one auth server. Time is what has passed since the beginning; the wall clock is only told.
#[derive(Debug)]
pub(crate) struct Registry {
    config: FleetConfig,
    pub(crate) seats: Slab<Seat>,
    /// Each with its hash, so that growing looks at no seat.
    hosts: HashTable<(u32, Slot)>,
    hasher: RandomState,
    pub(crate) words: Vocabulary,
    counts: Counts,
    /// Which seats are in which verdict.
    pub(crate) verdicts: [Marks; Verdict::ALL.len()],
    /// The reports of agents that need a person, in full.
    pub(crate) reports: HashMap<StreamId, Arc<Report>>,
    /// Those that have only just come, and when they count.
    settling: VecDeque<(Duration, Slot, u32)>,
    unsettled: u64,
    /// Those whose next process is awaited, and until when.
    awaited: VecDeque<(Duration, Slot, u32)>,
    /// Those that have disappeared, and until when they are remembered.
    gone: VecDeque<(Duration, Slot, u32)>,
    absent: usize,
    faults: Faults,
    generation: u32,
    /// What has passed when something happened last.
    now: Duration,
    /// The wall clock when it was told last, and what had passed then.
    wall: (Timestamp, Duration),
}

/// Where a stream is kept: the seat of its agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    slot: Slot,
    stream: StreamId,
}

impl Registry {
    pub(crate) fn new(config: FleetConfig) -> Self {
        Self {
            seats: Slab::default(),
            hosts: HashTable::new(),
            hasher: RandomState::new(),
            words: Vocabulary::default(),
            counts: Counts::default(),
            verdicts: Default::default(),
            reports: HashMap::new(),
            settling: VecDeque::new(),
            unsettled: 0,
            awaited: VecDeque::new(),
            gone: VecDeque::new(),
            absent: 0,
            faults: Faults::new(config.faults.clone()),
            config,
            generation: 0,
            now: Duration::ZERO,
            wall: (Timestamp::UNIX_EPOCH, Duration::ZERO),
        }
    }

    pub(crate) fn joined(
        &mut self,
        stream: StreamId,
        hello: &Hello,
        wall: Timestamp,
        now: Duration,
    ) -> Place {
        self.pass(now);
        self.wall = (wall, now);
        let told = Told {
            stream,
            has_ended: false,
            hostname: hello.hostname.clone(),
            facts: self.words.claimed(hello),
            heard: seconds(wall),
        };
        let host = Host::new(&hello.server_id);
        let slot = match self.slot(&host) {
            Some(slot) => {
                let presence = self.change(slot, |seat, _| {
                    seat.told.push(told);
                    let before = seat.presence;
                    seat.presence = before.back();
                    before
                });
                if presence == Some(Presence::Gone) {
                    self.absent -= 1;
                    self.settles(slot);
                }
                slot
            }
            None => self.comes(host, told),
        };
        self.pass(now);
        Place { slot, stream }
    }

    /// An agent that was not there.
    fn comes(&mut self, host: Host, told: Told) -> Slot {
        let hash = self.hash(&host);
        let slot = self.seats.insert(Seat {
            host,
            generation: 0,
            presence: Presence::Settling,
            is_awaited: false,
            fault: None,
            due: None,
            told: Tolds::One(told),
        });
        self.hosts.insert_unique(spread(hash), (hash, slot), |(hash, _)| spread(*hash));
        self.settles(slot);
        self.change(slot, |_, _| {}); // which sees what is wrong with it
        slot
    }

    /// It is to count when it has stayed.
    fn settles(&mut self, slot: Slot) {
        self.generation = self.generation.wrapping_add(1);
        if let Some(seat) = self.seats.get_mut(slot) {
            // What was due for the one before is no longer.
            (seat.generation, seat.is_awaited) = (self.generation, false);
        }
        self.unsettled += 1;
        self.settling.push_back((self.now.saturating_add(self.config.settling), slot, self.generation));
    }

    pub(crate) fn reported(&mut self, place: Place, report: Report, wall: Timestamp, now: Duration) {
        self.pass(now);
        self.wall = (wall, now);
        let Place { slot, stream } = place;
        if self.told(place).is_none() {
            return;
        }
        let ended = self.change(slot, |seat, words| {
            if let Some(told) = seat.told.of(stream) {
                told.facts = words.reported(&told.facts, &report);
                told.heard = seconds(wall);
            }
            // The next process has spoken for itself.
            if seat.told.as_slice().iter().any(|told| told.has_ended) {
                seat.told.retain(|told| !told.has_ended)
            } else {
                Vec::new()
            }
        });
        self.forget(&ended.unwrap_or_default());
        if !needs_a_person(report.verdict) {
            self.reports.remove(&stream);
        } else if self.reports.len() < self.config.reports || self.reports.contains_key(&stream) {
            self.reports.insert(stream, Arc::new(report));
        }
    }

    pub(crate) fn heard(&mut self, place: Place, wall: Timestamp) {
        if let Some(told) = self.told(place) {
            told.heard = seconds(wall);
        }
    }

    pub(crate) fn left(&mut self, place: Place, farewell: Farewell, now: Duration) {
        self.pass(now);
        if farewell != Farewell::SoftReload {
            return self.drop_told(place.slot, |told| told.stream == place.stream && !told.has_ended);
        }
        let Place { slot, stream } = place;
        if self.told(place).is_none() {
            return;
        }
        // One is enough to be taken over from; an agent that reloads and reloads again takes no more room.
        let before = self.change(slot, |seat, _| {
            let before = seat.told.retain(|told| !told.has_ended);
            if let Some(told) = seat.told.of(stream) {
                told.has_ended = true;
            }
            before
        });
        self.forget(&before.unwrap_or_default());
        if let Some(seat) = self.seats.get_mut(slot).filter(|seat| !seat.is_awaited) {
            seat.is_awaited = true;
            self.awaited.push_back((now.saturating_add(self.config.hand_over), slot, seat.generation));
        }
        self.pass(now);
    }

    /// What was said on a stream that has not ended.
    fn told(&mut self, Place { slot, stream }: Place) -> Option<&mut Told> {
        self.seats.get_mut(slot)?.told.of(stream)
    }

    /// What has become due: agents that count now, those whose next process did not come, those that did not come back, and faults that have
    /// lasted.
    pub(crate) fn pass(&mut self, now: Duration) {
        self.now = self.now.max(now);
        while let Some((slot, generation)) = due(&mut self.settling, now) {
            if self.is_still(slot, generation) {
                self.unsettled -= 1;
                let ended = self.change(slot, |seat, _| {
                    seat.presence = Presence::Settled;
                    if seat.is_awaited { Vec::new() } else { seat.told.retain(|told| !told.has_ended) }
                });
                self.forget(&ended.unwrap_or_default());
            }
        }
        while let Some((slot, generation)) = due(&mut self.awaited, now) {
            if self.is_still(slot, generation)
                && let Some(seat) = self.seats.get_mut(slot)
            {
                seat.is_awaited = false;
                self.drop_told(slot, |told| told.has_ended);
            }
        }
        while let Some((slot, generation)) = due(&mut self.gone, now) {
            if self.is_still(slot, generation) {
                self.remove(slot);
            }
        }
        while let Some((due, slot)) = self.faults.next(whole(now)) {
            self.lasts(slot, due);
        }
    }

    fn is_still(&self, slot: Slot, generation: u32) -> bool {
        self.seats.get(slot).is_some_and(|seat| seat.generation == generation)
    }

    /// A fault is to be looked at: it counts from now on, unless it is that of many, or an acknowledged one.
    fn lasts(&mut self, slot: Slot, due: Due) {
        let Some(seat) = self.seats.get_mut(slot).filter(|seat| seat.due == Some(due)) else { return };
        seat.due = None;
        let Some((fault, facts)) = seat.fault.zip(seat.facts()) else { return };
        if fault.state != FaultState::Waiting || seat.presence != Presence::Settled {
            return; // it is looked at again when the agent has settled
        }
        let shared = self.faults.shared(fault, &facts, &self.words, self.counts.updatable(), whole(self.now));
        let until = self.faults.due(fault, &facts, &self.words, shared);
        if until.get() > whole(self.now) {
            return self.faults.wait(slot, seat, until);
        }
        if let Some(until) = self.acknowledged(slot, &facts)
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
        let (told, then) = self.wall;
        let wall = told.checked_add(SignedDuration::try_from(self.now.saturating_sub(then)).ok()?).ok()?;
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
    }

    /// Drops what was said on some streams of an agent, and the agent with the last one. If something is wrong with it, it is remembered for a
    /// while: disappearing mends nothing, and whoever comes back is at fault for no shorter time.
    fn drop_told(&mut self, slot: Slot, is_over: impl Fn(&Told) -> bool) {
        // What is remembered of the time before it came back is no stream.
        let is_last = |seat: &Seat| {
            seat.told.as_slice().iter().all(|told| is_over(told) || (told.has_ended && !seat.is_awaited))
        };
        let was = self.seats.get(slot).map(|seat| (seat.presence, is_last(seat), seat.fault.is_some()));
        let Some((presence, is_last, is_at_fault)) = was.filter(|(presence, ..)| *presence != Presence::Gone)
        else {
            return;
        };
        if !is_last {
            let gone = self.change(slot, |seat, _| seat.told.retain(|told| !is_over(told)));
            return self.forget(&gone.unwrap_or_default());
        }
        if presence == Presence::Settling {
            self.unsettled -= 1;
        }
        self.absent += 1;
        let gone = self.change(slot, |seat, _| {
            seat.presence = Presence::Gone;
            let kept = seat.reported().map(|told| told.stream);
            let gone = seat.told.retain(|told| Some(told.stream) == kept);
            seat.told.end();
            gone
        });
        self.forget(&gone.unwrap_or_default());
        if !is_at_fault {
            return self.remove(slot);
        }
        self.generation = self.generation.wrapping_add(1);
        if let Some(seat) = self.seats.get_mut(slot) {
            seat.generation = self.generation;
            for told in seat.told.as_slice() {
                self.reports.remove(&told.stream);
            }
        }
        let linger = self.faults.rules().linger;
        self.gone.push_back((self.now.saturating_add(linger), slot, self.generation));
    }

    /// Forgets an agent that is gone.
    fn remove(&mut self, slot: Slot) {
        let gone = self.change(slot, |seat, _| seat.told.retain(|_| false));
        self.forget(&gone.unwrap_or_default());
        let Some(seat) = self.seats.remove(slot) else { return };
        self.absent -= 1;
        let hash = spread(self.hash(&seat.host));
        if let Ok(entry) = self.hosts.find_entry(hash, |(_, other)| *other == slot) {
            entry.remove();
        }
    }

    /// Changes a seat, and counts it anew.
    fn change<R>(&mut self, slot: Slot, change: impl FnOnce(&mut Seat, &mut Vocabulary) -> R) -> Option<R> {
        let seat = self.seats.get_mut(slot)?;
        if let Some(before) = seat.facts() {
            self.verdicts[before.verdict as usize].clear(slot);
            if seat.presence == Presence::Settled {
                self.counts.change(&before, &self.words, Change::Less);
            }
            if let Some(fault) = seat.fault {
                self.faults.change(fault, &before, &self.words, Change::Less);
            }
        }
        let changed = change(seat, &mut self.words);
        let Some(after) = seat.facts() else {
            seat.fault = None;
            return Some(changed);
        };
        if seat.presence != Presence::Gone {
            self.verdicts[after.verdict as usize].set(slot);
        }
        if seat.presence == Presence::Settled {
            self.counts.change(&after, &self.words, Change::More);
        }
        seat.fault = Faults::of(seat.fault, &after, whole(self.now));
        if let Some(fault) = seat.fault {
            self.faults.change(fault, &after, &self.words, Change::More);
            if fault.state == FaultState::Waiting && seat.presence == Presence::Settled {
                let due = self.faults.due(fault, &after, &self.words, Shared::ByFew);
                self.faults.wait(slot, seat, due);
            }
        }
        Some(changed)
    }

    fn forget(&mut self, gone: &[Told]) {
        for told in gone {
            self.words.release(&told.facts);
            self.reports.remove(&told.stream);
        }
    }

    fn slot(&self, host: &Host) -> Option<Slot> {
        let hash = self.hash(host);
        let is_it = |(other, slot): &(u32, Slot)| {
            *other == hash && self.seats.get(*slot).is_some_and(|seat| seat.host == *host)
        };
        self.hosts.find(spread(hash), is_it).map(|(_, slot)| *slot)
    }

    #[expect(clippy::cast_possible_truncation, reason = "half of a hash is one")]
    fn hash(&self, host: &Host) -> u32 {
        self.hasher.hash_one(host) as u32
    }

    pub(crate) fn len(&self) -> usize {
        self.hosts.len() - self.absent
    }

    pub(crate) fn summary(&self) -> Summary {
        self.counts.summary(&self.words, self.unsettled)
    }

    /// The counts anew, from every single agent: what [`summary`](Self::summary) must be equal to.
    pub(crate) fn recount(&self) -> Summary {
        let mut counts = Counts::default();
        let mut settling = 0;
        for seat in self.seats.iter() {
            match (seat.facts(), seat.presence) {
                (Some(facts), Presence::Settled) => counts.change(&facts, &self.words, Change::More),
                (_, Presence::Settling) => settling += 1,
                _ => {}
            }
        }
        counts.summary(&self.words, settling)
    }

    pub(crate) fn faults(&self) -> FaultSummary {
        self.fault_summary(&self.faults.counts)
    }

    /// The agents at fault, anew from every single agent: what [`faults`](Self::faults) must be equal to.
    pub(crate) fn recount_faults(&self) -> FaultSummary {
        let mut counts = FaultCounts::default();
        for (fault, facts) in self.seats.iter().filter_map(|seat| seat.fault.zip(seat.facts())) {
            counts.change(self.faults.rules(), fault, &facts, &self.words, Change::More);
        }
        self.fault_summary(&counts)
    }

    fn fault_summary(&self, counts: &FaultCounts) -> FaultSummary {
        FaultSummary {
            agents: self.counts.updatable(),
            unaccompanied: counts.of(FaultKind::Unaccompanied, &self.words),
            impaired: counts.of(FaultKind::Impaired, &self.words),
            unknown: counts.of(FaultKind::Unknown, &self.words),
        }
    }

    pub(crate) fn slot_of(&self, host_id: &str) -> Option<Slot> {
        self.slot(&Host::new(&Text::new(host_id)))
    }
}

/// A hash of the width that tables want.
const fn spread(hash: u32) -> u64 {
    (hash as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15)
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

/// Whether somebody has to look after an agent of this verdict.
const fn needs_a_person(verdict: Verdict) -> bool {
    matches!(verdict, Verdict::Unaccompanied | Verdict::Impaired | Verdict::Unknown)
}

fn seconds(wall: Timestamp) -> u32 {
    u32::try_from(wall.as_second()).unwrap_or(0)
}
