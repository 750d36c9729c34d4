//! Two connections of one identity that report different things, as those of a cloned host or of a stolen file do.
//!
//! What was reported last counts. An agent that reloads has two for a moment, of which the older has nothing to say any more once
//! the newer has reported. So it takes one that goes on beside another to contradict it.

use selfcheck_core::Basis;
use selfcheck_core::Reason;
use selfcheck_core::Verdict;

use crate::StreamId;
use crate::facts::Facts;
use crate::facts::Findings;
use crate::facts::Vocabulary;
use crate::facts::is_found_here;
use crate::names::Id;
use crate::registry::Registry;
use crate::seat::Heard;
use crate::seat::Told;
use crate::seat::Tolds;
use crate::slab::Slot;

/// What an agent says of itself, apart from what is found here.
type Own = (Verdict, Findings, [Id; 5]);

impl Tolds {
    /// What it means that something is heard on this stream.
    pub(crate) fn heard_on(&self, stream: StreamId) -> Heard {
        let Self::Several(tolds) = self else { return Heard::Alone };
        let mut reports = tolds.iter().rev().filter(|told| is_live(told)).skip(1);
        let is_beside = reports.any(|told| told.stream == stream);
        if is_beside { Heard::Beside } else { Heard::Alone }
    }
}

impl Registry {
    /// Says with what counts of an agent whether another connection contradicts it, or no longer that one does.
    pub(crate) fn dispute(&mut self, slot: Slot, heard: Heard) {
        let Some(seat) = self.seats.get(slot) else { return };
        let told = seat.told.as_slice();
        let was_disputed = told.iter().any(|told| self.words.is_disputed(&told.facts));
        if told.len() < 2 && !was_disputed {
            return;
        }
        let reports: Vec<_> = told.iter().filter(|told| is_live(told)).collect();
        let differ =
            reports.windows(2).any(|pair| self.words.own(&pair[0].facts) != self.words.own(&pair[1].facts));
        let is_disputed = differ && (was_disputed || heard == Heard::Beside);
        let counted = seat.reported().map(|told| told.stream).filter(|_| is_disputed);
        let is_as_it_was =
            told.iter().all(|told| self.words.is_disputed(&told.facts) == (Some(told.stream) == counted));
        if is_as_it_was {
            return;
        }
        self.change(slot, |seat, words| {
            for told in seat.told.as_mut_slice() {
                told.facts = if Some(told.stream) == counted {
                    words.disputed(told.facts)
                } else {
                    words.undisputed(told.facts)
                };
            }
        });
    }
}

/// Whether it was reported, on a stream that is open.
fn is_live(told: &Told) -> bool {
    !told.has_ended && told.facts.basis == Basis::Observed
}

impl Vocabulary {
    fn is_disputed(&self, facts: &Facts) -> bool {
        self.findings.get(facts.findings).iter().any(|(reason, _)| *reason == Some(Reason::DuplicateIdentity))
    }

    fn own(&self, facts: &Facts) -> Own {
        let findings = self.findings.get(facts.findings);
        let own: Findings = findings.iter().copied().filter(|finding| !is_found_here(*finding)).collect();
        let is_behind = findings.iter().any(|(reason, _)| *reason == Some(Reason::BehindTarget));
        // Being behind is found of what reports that all is well.
        let verdict = if is_behind { Verdict::Accompanied } else { facts.verdict };
        (verdict, own, [facts.remedy, facts.version, facts.kind, facts.group, facts.updater])
    }

    fn disputed(&mut self, facts: Facts) -> Facts {
        if self.is_disputed(&facts) {
            return facts;
        }
        let reason = Reason::DuplicateIdentity;
        let found = (Some(reason), reason.entry().severity);
        let all: Findings = self.findings.get(facts.findings).iter().copied().chain([found]).collect();
        Facts { findings: self.findings.exchange(facts.findings, &all), ..facts }
    }

    fn undisputed(&mut self, facts: Facts) -> Facts {
        if !self.is_disputed(&facts) {
            return facts;
        }
        let is_other = |(reason, _): &(Option<Reason>, _)| *reason != Some(Reason::DuplicateIdentity);
        let others: Findings = self.findings.get(facts.findings).iter().copied().filter(is_other).collect();
        Facts { findings: self.findings.exchange(facts.findings, &others), ..facts }
    }
}
