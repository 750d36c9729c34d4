//! How agents leave: what is kept of them, and for how long.

use std::time::Duration;

use selfcheck_core::Basis;

use crate::Farewell;
use crate::registry::Place;
use crate::registry::Registry;
use crate::registry::spread;
use crate::seat::Awaits;
use crate::seat::Heard;
use crate::seat::Presence;
use crate::seat::Told;
use crate::slab::Slot;

impl Registry {
    /// A stream has ended.
    pub(crate) fn left(&mut self, place: Place, farewell: Farewell, now: Duration) {
        self.leaves(place, farewell, now);
        self.dispute(place.slot, Heard::Alone); // what is gone contradicts nobody
    }

    fn leaves(&mut self, place: Place, farewell: Farewell, now: Duration) {
        self.pass(now);
        if farewell != Farewell::SoftReload {
            return self.drop_told(place.slot, |told| told.stream == place.stream && !told.has_ended);
        }
        let Place { slot, stream } = place;
        if self.told(place).is_none() {
            return;
        }
        // One is enough to be taken over from; an agent that reloads and reloads again takes no more room. A report counts for more than a claim.
        let before = self.change(slot, |seat, _| {
            let is_claim = seat.told.of(stream).is_some_and(|told| told.facts.basis == Basis::Claimed);
            if is_claim && seat.fault.is_some() && seat.remembers_a_report() {
                return seat.told.retain(|told| told.stream != stream);
            }
            let before = seat.told.retain(|told| !told.has_ended);
            seat.told.end(stream);
            before
        });
        self.forget(&before.unwrap_or_default());
        if self.seats.get(slot).is_some_and(|seat| seat.awaits != Awaits::Process) {
            self.waits(slot, Awaits::Process);
        }
        self.pass(now);
    }

    /// Drops what was said on some streams of an agent, and the agent with the last one. If something is wrong with it, it is remembered for a
    /// while: disappearing mends nothing, and whoever comes back is at fault for no shorter time.
    pub(crate) fn drop_told(&mut self, slot: Slot, is_over: impl Fn(&Told) -> bool) {
        let was =
            self.seats.get(slot).map(|seat| (seat.presence, seat.is_over(&is_over), seat.fault.is_some()));
        let Some((presence, is_last, is_at_fault)) = was.filter(|(presence, ..)| *presence != Presence::Gone)
        else {
            return;
        };
        if !is_last {
            return self.drop_some(slot, is_over);
        }
        if presence == Presence::Settling {
            self.unsettled -= 1;
        }
        self.absent += 1;
        let gone = self.change(slot, |seat, _| {
            seat.presence = Presence::Gone;
            let kept = seat.reported().map(|told| told.stream);
            let gone = seat.told.retain(|told| Some(told.stream) == kept);
            if let Some(kept) = kept {
                seat.told.end(kept);
            }
            gone
        });
        self.forget(&gone.unwrap_or_default());
        if !is_at_fault {
            return self.remove(slot);
        }
        for told in self.seats.get(slot).iter().flat_map(|seat| seat.told.as_slice()) {
            self.reports.remove(&told.stream);
        }
        self.waits(slot, Awaits::Nothing);
    }

    /// Drops what was said on some streams of an agent that has others. A report of a fault stays for a while where the others only claim.
    fn drop_some(&mut self, slot: Slot, is_over: impl Fn(&Told) -> bool) {
        let mut kept = None;
        let gone = self.change(slot, |seat, _| {
            kept = seat.lost_report(&is_over);
            let gone = seat.told.retain(|told| !is_over(told) || Some(told.stream) == kept);
            if let Some(kept) = kept {
                seat.told.end(kept);
            }
            gone
        });
        self.forget(&gone.unwrap_or_default());
        // Where the next process is awaited, that decides when it goes.
        if kept.is_some() && self.seats.get(slot).is_some_and(|seat| seat.awaits != Awaits::Process) {
            self.waits(slot, Awaits::Report);
        }
    }

    /// Forgets an agent that is gone.
    pub(crate) fn remove(&mut self, slot: Slot) {
        let gone = self.change(slot, |seat, _| seat.told.retain(|_| false));
        self.forget(&gone.unwrap_or_default());
        let Some(seat) = self.seats.remove(slot) else { return };
        self.absent -= 1;
        let hash = spread(self.hash(&seat.host));
        if let Ok(entry) = self.hosts.find_entry(hash, |(_, other)| *other == slot) {
            entry.remove();
        }
    }
}
