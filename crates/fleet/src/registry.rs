//! All agents of one auth server. Whatever happens to one changes the counts by that one: nobody looks at the others.

use std::collections::VecDeque;
use std::hash::BuildHasher;
use std::hash::RandomState;
use std::sync::Arc;
use std::time::Duration;

use hashbrown::HashMap;
use hashbrown::HashTable;
use jiff::Timestamp;
use selfcheck_core::Text;
use selfcheck_core::Verdict;
use selfcheck_protocol::Hello;
use selfcheck_protocol::Report;

use crate::FleetConfig;
use crate::StreamId;
use crate::counts::Change;
use crate::counts::Counts;
use crate::facts::Vocabulary;
use crate::fault::FaultState;
use crate::faults::Faults;
use crate::faults::Shared;
use crate::faults::seconds as whole;
use crate::host::Host;
use crate::marks::Marks;
use crate::seat::Awaits;
use crate::seat::Heard;
use crate::seat::Presence;
use crate::seat::Seat;
use crate::seat::Told;
use crate::seat::Tolds;
use crate::slab::Slab;
use crate::slab::Slot;
use crate::targets::Ended;
use crate::targets::Targets;

/// All agents of one auth server. Time is what has passed since the beginning; the wall clock is only told.
#[derive(Debug)]
pub(crate) struct Registry {
    pub(crate) config: FleetConfig,
    pub(crate) seats: Slab<Seat>,
    /// Each with its hash, so that growing looks at no seat.
    pub(crate) hosts: HashTable<(u32, Slot)>,
    hasher: RandomState,
    pub(crate) words: Vocabulary,
    pub(crate) counts: Counts,
    /// Which seats are in which verdict.
    pub(crate) verdicts: [Marks; Verdict::ALL.len()],
    /// The reports of agents that need a person, in full.
    pub(crate) reports: HashMap<StreamId, Arc<Report>>,
    /// Those that have only just come, and when they count.
    pub(crate) settling: VecDeque<(Duration, Slot, u32)>,
    pub(crate) unsettled: u64,
    /// Those whose next process is awaited, and until when.
    pub(crate) awaited: VecDeque<(Duration, Slot, u32)>,
    /// Those that have disappeared, and until when they are remembered.
    pub(crate) gone: VecDeque<(Duration, Slot, u32)>,
    pub(crate) absent: usize,
    pub(crate) faults: Faults,
    pub(crate) targets: Arc<Targets>,
    /// Which update windows have ended, as far as agents have been compared with their targets.
    pub(crate) ended: Ended,
    /// Where the agents begin that have not been yet.
    pub(crate) uncompared: Option<u32>,
    generation: u32,
    /// What has passed when something happened last.
    pub(crate) now: Duration,
    /// The wall clock when it was told last, and what had passed then.
    pub(crate) wall: (Timestamp, Duration),
}

/// Where a stream is kept: the seat of its agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    pub(crate) slot: Slot,
    pub(crate) stream: StreamId,
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
            targets: Arc::new(Targets::new(&config.targets)),
            ended: Ended::NONE,
            uncompared: None,
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
        let claimed = self.words.claimed(hello);
        let told = Told {
            stream,
            has_ended: false,
            hostname: hello.hostname.clone(),
            facts: self.targets.compared(claimed, &mut self.words, self.ended),
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
                    self.remembers(slot);
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
            awaits: Awaits::Nothing,
            wait: 0,
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
        let generation = self.next();
        if let Some(seat) = self.seats.get_mut(slot) {
            // What was due for the one before is no longer.
            seat.generation = generation;
        }
        self.unsettled += 1;
        self.settling.push_back((self.now.saturating_add(self.config.settling), slot, generation));
    }

    /// A number that nothing waits for yet.
    const fn next(&mut self) -> u32 {
        self.generation = self.generation.wrapping_add(1);
        self.generation
    }

    /// What is kept of a stream that has ended waits, for the next process or for as long as a fault is remembered.
    pub(crate) fn waits(&mut self, slot: Slot, awaits: Awaits) {
        let wait = self.next();
        let Some(seat) = self.seats.get_mut(slot) else { return };
        (seat.awaits, seat.wait) = (awaits, wait);
        let (queue, time) = match awaits {
            Awaits::Process => (&mut self.awaited, self.config.hand_over),
            Awaits::Nothing | Awaits::Report => (&mut self.gone, self.faults.rules().linger),
        };
        queue.push_back((self.now.saturating_add(time), slot, wait));
    }

    /// An agent has come back, or its report has gone before any other: what it reported is remembered until it reports again, or for a while.
    fn remembers(&mut self, slot: Slot) {
        if self.seats.get(slot).is_some_and(Seat::remembers_a_report) {
            self.waits(slot, Awaits::Report);
        } else {
            self.drop_ended(slot);
        }
    }

    /// What is kept of streams that have ended is no longer needed.
    pub(crate) fn drop_ended(&mut self, slot: Slot) {
        let ended = self.change(slot, |seat, _| {
            seat.awaits = Awaits::Nothing;
            seat.told.retain(|told| !told.has_ended)
        });
        self.forget(&ended.unwrap_or_default());
    }

    pub(crate) fn reported(&mut self, place: Place, report: Report, wall: Timestamp, now: Duration) {
        self.pass(now);
        self.wall = (wall, now);
        let Place { slot, stream } = place;
        let Some(seat) = self.seats.get_mut(slot) else { return };
        if seat.told.of(stream).is_none() {
            return;
        }
        let heard = seat.told.heard_on(stream);
        let (targets, windows) = (Arc::clone(&self.targets), self.ended);
        let mut verdict = report.verdict;
        let ended = self.change(slot, |seat, words| {
            if let Some(told) = seat.told.of(stream) {
                let reported = words.reported(&told.facts, &report);
                told.facts = targets.compared(reported, words, windows);
                told.heard = seconds(wall);
                verdict = told.facts.verdict;
            }
            seat.told.promote(stream);
            // The next process has spoken for itself.
            if seat.awaits == Awaits::Nothing {
                return Vec::new();
            }
            seat.awaits = Awaits::Nothing;
            seat.told.retain(|told| !told.has_ended)
        });
        self.forget(&ended.unwrap_or_default());
        self.dispute(slot, heard);
        if !verdict.needs_attention() {
            self.reports.remove(&stream);
        } else if self.reports.len() < self.config.reports || self.reports.contains_key(&stream) {
            self.reports.insert(stream, Arc::new(report));
        }
    }

    pub(crate) fn heard(&mut self, place: Place, wall: Timestamp) -> Heard {
        let Place { slot, stream } = place;
        let Some(seat) = self.seats.get_mut(slot) else { return Heard::Alone };
        let Some(told) = seat.told.of(stream) else { return Heard::Alone };
        told.heard = seconds(wall);
        seat.told.heard_on(stream)
    }

    /// A stream goes on beside another of the same identity.
    pub(crate) fn goes_on_beside(&mut self, place: Place, now: Duration) {
        self.pass(now);
        self.dispute(place.slot, Heard::Beside);
    }

    /// What was said on a stream that has not ended.
    pub(crate) fn told(&mut self, Place { slot, stream }: Place) -> Option<&mut Told> {
        self.seats.get_mut(slot)?.told.of(stream)
    }

    /// Changes a seat, and counts it anew.
    pub(crate) fn change<R>(
        &mut self,
        slot: Slot,
        change: impl FnOnce(&mut Seat, &mut Vocabulary) -> R,
    ) -> Option<R> {
        let seat = self.seats.get_mut(slot)?;
        let before = (seat.facts(), seat.fault);
        if let Some(before) = before.0 {
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
        // Another group or service may be an acknowledged one.
        let is_moved =
            before.0.is_some_and(|before| (before.group, before.services) != (after.group, after.services));
        if let Some(fault) = seat.fault.as_mut().filter(|_| is_moved) {
            fault.state = FaultState::Waiting;
        }
        if let Some(fault) = seat.fault {
            self.faults.change(fault, &after, &self.words, Change::More);
            // Where nothing is different it is looked at when it would have been.
            let is_new = seat.due.is_none() || before != (Some(after), Some(fault));
            if is_new && fault.state == FaultState::Waiting && seat.presence == Presence::Settled {
                let due = self.faults.due(fault, &after, &self.words, Shared::ByFew);
                self.faults.wait(slot, seat, due);
            }
        }
        Some(changed)
    }

    pub(crate) fn forget(&mut self, gone: &[Told]) {
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
    pub(crate) fn hash(&self, host: &Host) -> u32 {
        self.hasher.hash_one(host) as u32
    }

    pub(crate) fn len(&self) -> usize {
        self.hosts.len() - self.absent
    }

    pub(crate) fn slot_of(&self, host_id: &str) -> Option<Slot> {
        self.slot(&Host::new(&Text::new(host_id)))
    }
}

/// A hash of the width that tables want.
pub(crate) const fn spread(hash: u32) -> u64 {
    (hash as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

fn seconds(wall: Timestamp) -> u32 {
    u32::try_from(wall.as_second()).unwrap_or(0)
}
