//! All agents of one auth server. Whatever happens to one changes the counts by that one: nothing is ever scanned.

use std::collections::VecDeque;
use std::hash::BuildHasher;
use std::hash::RandomState;
use std::sync::Arc;
use std::time::Duration;

use hashbrown::HashMap;
use hashbrown::HashTable;
use jiff::Timestamp;
use selfcheck_core::Basis;
use selfcheck_core::Text;
use selfcheck_core::Verdict;
use selfcheck_inventory::Hello;
use selfcheck_inventory::Report;
use selfcheck_inventory::auth::AgentRecord;
use selfcheck_inventory::auth::Cursor;
use selfcheck_inventory::auth::Farewell;
use selfcheck_inventory::auth::Part;
use selfcheck_inventory::auth::StreamId;
use selfcheck_inventory::auth::Summary;

use crate::FleetConfig;
use crate::counts::Change;
use crate::counts::Counts;
use crate::facts::Vocabulary;
use crate::host::Host;
use crate::marks::Marks;
use crate::seat::Seat;
use crate::seat::Told;
use crate::seat::Tolds;
use crate::slab::Slab;
use crate::slab::Slot;

/// How many agents are told of before others have their turn.
const PART: usize = 64;
/// The order in which agents are told of.
const WORST_FIRST: [Verdict; 7] = [
    Verdict::Unaccompanied,
    Verdict::Impaired,
    Verdict::Unknown,
    Verdict::Held,
    Verdict::Unsupported,
    Verdict::Accompanied,
    Verdict::Exempt,
];

/// All agents of one auth server. Time is what has passed since the beginning; the wall clock is only told.
#[derive(Debug)]
pub(crate) struct Registry {
    config: FleetConfig,
    seats: Slab<Seat>,
    /// Each with its hash, so that growing looks at no seat.
    hosts: HashTable<(u32, Slot)>,
    hasher: RandomState,
    words: Vocabulary,
    counts: Counts,
    /// Which seats are in which verdict.
    verdicts: [Marks; Verdict::ALL.len()],
    /// The reports of agents that need a person, in full.
    reports: HashMap<StreamId, Arc<Report>>,
    /// Those that have only just come, and when they count.
    settling: VecDeque<(Duration, Slot, u32)>,
    unsettled: u64,
    /// Those whose next process is awaited, and until when.
    awaited: VecDeque<(Duration, Slot, u32)>,
    generation: u32,
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
            config,
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
            generation: 0,
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
        let told = Told {
            stream,
            has_ended: false,
            hostname: hello.hostname.clone(),
            facts: self.words.claimed(hello),
            heard: seconds(wall),
        };
        let host = Host::new(&hello.server_id);
        if let Some(slot) = self.slot(&host) {
            self.change(slot, |seat, _| seat.told.push(told));
            return Place { slot, stream };
        }
        self.generation = self.generation.wrapping_add(1);
        let facts = told.facts;
        let seat = Seat {
            host,
            generation: self.generation,
            is_settled: false,
            is_awaited: false,
            told: Tolds::One(told),
        };
        let hash = self.hash(&seat.host);
        let slot = self.seats.insert(seat);
        self.hosts.insert_unique(spread(hash), (hash, slot), |(hash, _)| spread(*hash));
        self.verdicts[facts.verdict as usize].set(slot);
        self.unsettled += 1;
        self.settling.push_back((now.saturating_add(self.config.settling), slot, self.generation));
        self.pass(now);
        Place { slot, stream }
    }

    pub(crate) fn reported(&mut self, place: Place, report: Report, wall: Timestamp, now: Duration) {
        self.pass(now);
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

    /// What has become due: agents that count now, and those whose next process did not come.
    pub(crate) fn pass(&mut self, now: Duration) {
        while let Some(&(_, slot, generation)) = self.settling.front().filter(|(due, ..)| *due <= now) {
            self.settling.pop_front();
            if let Some(seat) = self.seats.get_mut(slot).filter(|seat| seat.generation == generation) {
                seat.is_settled = true;
                self.unsettled -= 1;
                if let Some(facts) = seat.facts() {
                    self.counts.change(&facts, &self.words, Change::More);
                }
            }
        }
        while let Some(&(_, slot, generation)) = self.awaited.front().filter(|(due, ..)| *due <= now) {
            self.awaited.pop_front();
            if let Some(seat) = self.seats.get_mut(slot).filter(|seat| seat.generation == generation) {
                seat.is_awaited = false;
                self.drop_told(slot, |told| told.has_ended);
            }
        }
        // What a rush needed is given back.
        for queue in [&mut self.settling, &mut self.awaited] {
            if queue.is_empty() && queue.capacity() > 0 {
                *queue = VecDeque::new();
            }
        }
    }

    /// Whether anything has become due.
    pub(crate) fn is_due(&self, now: Duration) -> bool {
        let due = [self.settling.front().map(|due| due.0), self.awaited.front().map(|due| due.0)];
        due.into_iter().flatten().any(|due| due <= now)
    }

    /// Drops what was said on some streams of an agent, and the agent with the last one.
    fn drop_told(&mut self, slot: Slot, is_over: impl Fn(&Told) -> bool) {
        let gone = self.change(slot, |seat, _| seat.told.retain(|told| !is_over(told)));
        self.forget(&gone.unwrap_or_default());
        let is_empty = self.seats.get(slot).is_some_and(|seat| seat.told.as_slice().is_empty());
        if is_empty && let Some(seat) = self.seats.remove(slot) {
            if !seat.is_settled {
                self.unsettled -= 1;
            }
            let hash = spread(self.hash(&seat.host));
            if let Ok(entry) = self.hosts.find_entry(hash, |(_, other)| *other == slot) {
                entry.remove();
            }
        }
    }

    /// Changes a seat, and counts it anew.
    fn change<R>(&mut self, slot: Slot, change: impl FnOnce(&mut Seat, &mut Vocabulary) -> R) -> Option<R> {
        let seat = self.seats.get_mut(slot)?;
        if let Some(before) = seat.facts() {
            self.verdicts[before.verdict as usize].clear(slot);
            if seat.is_settled {
                self.counts.change(&before, &self.words, Change::Less);
            }
        }
        let changed = change(seat, &mut self.words);
        if let Some(after) = seat.facts() {
            self.verdicts[after.verdict as usize].set(slot);
            if seat.is_settled {
                self.counts.change(&after, &self.words, Change::More);
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
        self.hosts.len()
    }

    pub(crate) fn summary(&self) -> Summary {
        self.counts.summary(&self.words, self.unsettled)
    }

    /// The counts anew, from every single agent: what [`summary`](Self::summary) must be equal to.
    pub(crate) fn recount(&self) -> Summary {
        let mut counts = Counts::default();
        let mut settling = 0;
        for seat in self.seats.iter() {
            match seat.facts() {
                Some(facts) if seat.is_settled => counts.change(&facts, &self.words, Change::More),
                _ => settling += 1,
            }
        }
        counts.summary(&self.words, settling)
    }

    pub(crate) fn find(&self, host_id: &str) -> Option<AgentRecord> {
        self.record(self.slot(&Host::new(&Text::new(host_id)))?)
    }

    pub(crate) fn part(&self, from: Cursor, only: Option<Verdict>, most: usize) -> Part {
        let mut part = Part::default();
        let most = most.min(PART);
        let (first, mut place) = position(from);
        for (rank, verdict) in WORST_FIRST.into_iter().enumerate().skip(first) {
            let wanted = only.is_none_or(|only| only == verdict);
            while let Some(slot) = self.verdicts[verdict as usize].next(place).filter(|_| wanted) {
                if part.agents.len() >= most {
                    part.next = Some(cursor(rank, place));
                    return part;
                }
                part.agents.extend(self.record(slot));
                place = slot.index() + 1;
            }
            place = 0;
        }
        part
    }

    fn record(&self, slot: Slot) -> Option<AgentRecord> {
        let seat = self.seats.get(slot)?;
        let newest = seat.told.as_slice().last()?;
        let reported = seat.reported()?;
        let heard = seat.told.as_slice().iter().map(|told| told.heard).max()?;
        let kept = self.reports.get(&reported.stream).filter(|_| reported.facts.basis == Basis::Observed);
        Some(AgentRecord {
            hello: Arc::new(self.words.hello(seat.host.id(), newest.hostname.clone(), &seat.facts()?)),
            basis: reported.facts.basis,
            report: kept.cloned().unwrap_or_else(|| Arc::new(self.words.report(&reported.facts))),
            last_heard: Timestamp::from_second(heard.into()).unwrap_or_default(),
        })
    }
}

/// A hash of the width that tables want.
const fn spread(hash: u32) -> u64 {
    (hash as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

/// Whether somebody has to look after an agent of this verdict.
const fn needs_a_person(verdict: Verdict) -> bool {
    matches!(verdict, Verdict::Unaccompanied | Verdict::Impaired | Verdict::Unknown)
}

fn seconds(wall: Timestamp) -> u32 {
    u32::try_from(wall.as_second()).unwrap_or(0)
}

/// A cursor is the rank of a verdict and a place.
const fn cursor(rank: usize, place: u32) -> Cursor {
    Cursor((rank as u64) << 32 | place as u64)
}

fn position(Cursor(cursor): Cursor) -> (usize, u32) {
    let place = u32::try_from(cursor & u64::from(u32::MAX)).unwrap_or(u32::MAX);
    (usize::try_from(cursor >> 32).unwrap_or(usize::MAX), place)
}
