//! How many agents there are of what: as it is kept up, and anew.

use crate::FaultKind;
use crate::FaultSummary;
use crate::Summary;
use crate::counts::Change;
use crate::counts::Counts;
use crate::faults::FaultCounts;
use crate::registry::Registry;
use crate::seat::Presence;

impl Registry {
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
}
