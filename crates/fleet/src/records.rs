//! What a registry tells of its agents.

use std::sync::Arc;

use jiff::Timestamp;
use selfcheck_core::Basis;
use selfcheck_core::Verdict;

use crate::AgentRecord;
use crate::Cursor;
use crate::Part;
use crate::registry::Registry;
use crate::seat::Presence;
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

impl Registry {
    pub(crate) fn find(&self, host_id: &str) -> Option<AgentRecord> {
        self.record(self.slot_of(host_id)?)
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
        let seat = self.seats.get(slot).filter(|seat| seat.presence != Presence::Gone)?;
        let newest = seat.told.as_slice().last()?;
        let reported = seat.reported()?;
        let heard = seat.told.as_slice().iter().map(|told| told.heard).max()?;
        let kept = self.reports.get(&reported.stream).filter(|_| reported.facts.basis == Basis::Observed);
        Some(AgentRecord {
            hello: Arc::new(self.words.hello(seat.host.id(), newest.hostname.clone(), &seat.facts()?)),
            basis: reported.facts.basis,
            report: match kept {
                Some(report) => self.words.amended(report, &reported.facts),
                None => Arc::new(self.words.report(&reported.facts)),
            },
            last_heard: Timestamp::from_second(heard.into()).unwrap_or_default(),
        })
    }
}

/// A cursor is the rank of a verdict and a place.
const fn cursor(rank: usize, place: u32) -> Cursor {
    Cursor((rank as u64) << 32 | place as u64)
}

fn position(Cursor(cursor): Cursor) -> (usize, u32) {
    let place = u32::try_from(cursor & u64::from(u32::MAX)).unwrap_or(u32::MAX);
    (usize::try_from(cursor >> 32).unwrap_or(usize::MAX), place)
}
