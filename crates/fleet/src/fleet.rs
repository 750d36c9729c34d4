//! The agents of one auth server.

use std::collections::BTreeMap;
use std::collections::HashMap;
use std::ops::Bound;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::PoisonError;
use std::sync::RwLock;
use std::sync::RwLockReadGuard;
use std::sync::RwLockWriteGuard;

use jiff::Timestamp;
use selfcheck_core::Basis;
use selfcheck_core::Text;
use selfcheck_core::Verdict;
use selfcheck_inventory::Hello;
use selfcheck_inventory::Report;
use selfcheck_inventory::auth::AgentRecord;
use selfcheck_inventory::auth::Farewell;
use selfcheck_inventory::auth::Metadata;
use selfcheck_inventory::auth::Store;
use selfcheck_inventory::auth::StreamId;
use selfcheck_inventory::auth::VerdictCount;

use crate::seat::Seat;

/// The agents of one auth server, in memory.
#[derive(Debug, Default)]
pub struct Fleet(RwLock<Agents>);

#[derive(Debug, Default)]
struct Agents {
    seats: BTreeMap<Text, Seat>,
    streams: HashMap<StreamId, Text>,
    counts: BTreeMap<(Verdict, Basis), u64>,
}

impl Agents {
    /// Changes the seat of a stream, and counts it anew.
    fn change(&mut self, agent: &Text, change: impl FnOnce(&mut Seat)) {
        let seat = self.seats.entry(agent.clone()).or_default();
        let before = seat.counted();
        change(seat);
        let after = seat.counted();
        if after.is_none() {
            self.seats.remove(agent);
        }
        if before == after {
            return;
        }
        if let Some(before) = before
            && let Some(count) = self.counts.get_mut(&before)
        {
            *count -= 1;
        }
        if let Some(after) = after {
            *self.counts.entry(after).or_default() += 1;
        }
    }

    fn change_of(&mut self, stream: StreamId, change: impl FnOnce(&mut AgentRecord)) {
        let Some(agent) = self.streams.get(&stream).cloned() else { return };
        self.change(&agent, |seat| {
            if let Some(record) = seat.of(stream) {
                change(record);
            }
        });
    }
}

impl Fleet {
    /// No agents yet.
    pub fn new() -> Self {
        Self::default()
    }

    // Nothing that holds the lock can panic half-way but a visitor, who changes nothing.
    fn read(&self) -> RwLockReadGuard<'_, Agents> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Agents> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Store for Fleet {
    fn joined(&self, stream: StreamId, hello: Arc<Hello>, now: Timestamp) {
        let mut agents = self.write();
        let agent = hello.server_id.clone();
        agents.streams.insert(stream, agent.clone());
        agents.change(&agent, |seat| seat.join(stream, hello, now));
    }

    // What an agent runs on decides nothing yet.
    fn described(&self, _stream: StreamId, _metadata: Metadata) {}

    fn reported(&self, stream: StreamId, report: Report, _last_run: Option<Timestamp>, now: Timestamp) {
        self.write().change_of(stream, |record| {
            record.basis = Basis::Observed;
            if let Some(hello) = record.hello.brought_up_to_date(&report) {
                record.hello = Arc::new(hello);
            }
            record.report = Arc::new(report);
            record.last_heard = now;
        });
    }

    fn heard(&self, stream: StreamId, _last_run: Option<Timestamp>, now: Timestamp) {
        self.write().change_of(stream, |record| record.last_heard = now);
    }

    fn left(&self, stream: StreamId, _farewell: Farewell) {
        let mut agents = self.write();
        if let Some(agent) = agents.streams.remove(&stream) {
            agents.change(&agent, |seat| seat.leave(stream));
        }
    }

    fn len(&self) -> usize {
        self.read().seats.len()
    }

    fn counts(&self) -> Vec<VerdictCount> {
        let agents = self.read();
        let counts = agents.counts.iter().filter(|(_, agents)| **agents > 0);
        counts.map(|(&(verdict, basis), &agents)| VerdictCount { verdict, basis, agents }).collect()
    }

    fn visit(&self, after: Option<&str>, visit: &mut dyn FnMut(&AgentRecord) -> ControlFlow<()>) {
        let agents = self.read();
        let first = match after {
            None | Some("") => Bound::Unbounded,
            Some(after) => Bound::Excluded(Text::new(after)),
        };
        for seat in agents.seats.range((first, Bound::Unbounded)).map(|(_, seat)| seat) {
            if let Some(record) = seat.record()
                && visit(&record).is_break()
            {
                return;
            }
        }
    }
}
