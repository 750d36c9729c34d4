//! Agents at fault, and which of them have been for so long that an alert is due.

use std::collections::BTreeMap;
use std::time::Duration;

use selfcheck_core::Basis;
use selfcheck_core::Reason;
use selfcheck_core::Severity;
use selfcheck_core::TeleportVersion;
use selfcheck_core::Text;
use selfcheck_core::Verdict;
use selfcheck_protocol::Count;

use crate::FaultKind;
use crate::Faulty;
use crate::counts::Change;
use crate::counts::Tally;
use crate::counts::reason_at;
use crate::counts::reason_place;
use crate::facts::Facts;
use crate::facts::Vocabulary;
use crate::fault::Due;
use crate::fault::Fault;
use crate::fault::FaultState;
use crate::rules::FaultRules;
use crate::seat::Seat;
use crate::slab::Slot;

/// Into how many parts the time is cut within which failed runs are one event.
const PARTS: u32 = 15;

/// Agents at fault.
#[derive(Debug)]
pub(crate) struct Faults {
    rules: FaultRules,
    /// Those that wait, by when they are to be looked at again. An agent whose fault ended or changed is looked at in vain.
    waiting: BTreeMap<Due, Vec<Slot>>,
    /// Whether those that began to fail in that part of time are many, as found at that instant.
    found: Option<(u32, u32, Shared)>,
    pub(crate) counts: FaultCounts,
}

/// How many agents are at fault, kept up with every change.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct FaultCounts {
    raised: [Raised; FaultKind::ALL.len()],
    /// Agents whose updater fails, by the part of time in which that began.
    failing: BTreeMap<u32, u64>,
}

/// The agents whose fault counts for an alert.
#[derive(Debug, Default, PartialEq, Eq)]
struct Raised {
    agents: u64,
    claimed: u64,
    shared: u64,
    behind: u64,
    reasons: Tally,
    remedies: Tally,
}

impl Faults {
    pub(crate) fn new(rules: FaultRules) -> Self {
        Self { rules, waiting: BTreeMap::new(), found: None, counts: FaultCounts::default() }
    }

    pub(crate) const fn rules(&self) -> &FaultRules {
        &self.rules
    }

    /// What is wrong with an agent of which `facts` are known now, and `before` was wrong.
    pub(crate) fn of(before: Option<Fault>, facts: &Facts, now: u32) -> Option<Fault> {
        let kind = FaultKind::of(facts.verdict)?;
        let fresh = Fault { kind, since: now, state: FaultState::Waiting };
        // An agent that will not be updated for another reason than before has not been at fault for a shorter time.
        let goes_on = |before: &Fault| (before.kind == FaultKind::Unknown) == (kind == FaultKind::Unknown);
        Some(before.filter(goes_on).map_or(fresh, |before| Fault { kind, ..before }))
    }

    /// Counts a fault, or no longer.
    pub(crate) fn change(&mut self, fault: Fault, facts: &Facts, words: &Vocabulary, change: Change) {
        self.counts.change(&self.rules, fault, facts, words, change);
    }

    /// When it counts; `shared` if it is that of many.
    pub(crate) fn due(&self, fault: Fault, facts: &Facts, words: &Vocabulary, shared: Shared) -> Due {
        let held = match (fault.kind, leading(facts, words), shared) {
            (FaultKind::Unknown, ..) => self.rules.unknown,
            (_, (Some(Reason::RunFailed), _), Shared::ByMany) => self.rules.mass.hold_down,
            (_, (Some(Reason::RunFailed), Severity::Warning), _) => self.rules.plain_run,
            _ => self.rules.hold_down,
        };
        later(fault.since, held)
    }

    /// Whether a fault is one of a mass of failed runs, of so many agents in all.
    pub(crate) fn shared(
        &mut self,
        fault: Fault,
        facts: &Facts,
        words: &Vocabulary,
        agents: u64,
        now: u32,
    ) -> Shared {
        if leading(facts, words).0 != Some(Reason::RunFailed) {
            return Shared::ByFew;
        }
        let part = fault.since / part(&self.rules);
        match self.found {
            Some((of, at, shared)) if (of, at) == (part, now) => shared,
            _ => {
                let shared = self.counts.shared(&self.rules, part, agents);
                self.found = Some((part, now, shared));
                shared
            }
        }
    }

    /// It is to be looked at then.
    pub(crate) fn wait(&mut self, slot: Slot, seat: &mut Seat, due: Due) {
        // If it is looked at earlier, that will be put off.
        if seat.due.is_none_or(|before| due < before) {
            seat.due = Some(due);
            self.waiting.entry(due).or_default().push(slot);
        }
    }

    /// One that is to be looked at now.
    pub(crate) fn next(&mut self, now: u32) -> Option<(Due, Slot)> {
        let mut first = self.waiting.first_entry().filter(|first| first.key().get() <= now)?;
        let due = *first.key();
        let next = first.get_mut().pop();
        if first.get().is_empty() {
            first.remove();
        }
        next.map(|slot| (due, slot))
    }

    pub(crate) fn is_due(&self, now: u32) -> bool {
        self.waiting.first_key_value().is_some_and(|(due, _)| due.get() <= now)
    }
}

/// Whether a fault is that of many at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shared {
    ByFew,
    ByMany,
}

impl FaultCounts {
    pub(crate) fn change(
        &mut self,
        rules: &FaultRules,
        fault: Fault,
        facts: &Facts,
        words: &Vocabulary,
        change: Change,
    ) {
        let (reason, _) = leading(facts, words);
        if reason == Some(Reason::RunFailed) {
            let part = fault.since / part(rules);
            let failing = self.failing.entry(part).or_default();
            *failing = change.of(*failing);
            if *failing == 0 {
                self.failing.remove(&part);
            }
        }
        if fault.state == FaultState::Waiting {
            return;
        }
        let raised = &mut self.raised[fault.kind as usize];
        let is_behind = is_behind(rules, words.versions.get(facts.version));
        for (count, holds) in [
            (&mut raised.agents, true),
            (&mut raised.claimed, facts.basis == Basis::Claimed),
            (&mut raised.shared, fault.state == FaultState::Shared && reason == Some(Reason::RunFailed)),
            (&mut raised.behind, is_behind),
        ] {
            if holds {
                *count = change.of(*count);
            }
        }
        raised.reasons.change(reason_place(reason), change);
        raised.remedies.change(facts.remedy.index(), change);
    }

    /// Whether around that part of time so many began to fail that something they share is to blame. Those that work again do not count.
    fn shared(&self, rules: &FaultRules, part: u32, agents: u64) -> Shared {
        let from = |first: u32| {
            self.failing.range(first..first.saturating_add(PARTS)).map(|(_, agents)| agents).sum::<u64>()
        };
        let most = (part.saturating_sub(PARTS - 1)..=part).map(from).max().unwrap_or(0);
        let is_most = most.saturating_mul(100) > agents.saturating_mul(rules.mass.percent);
        if is_most && most >= rules.mass.agents { Shared::ByMany } else { Shared::ByFew }
    }

    pub(crate) fn of(&self, kind: FaultKind, words: &Vocabulary) -> Faulty {
        let raised = &self.raised[kind as usize];
        let reasons = raised.reasons.iter();
        Faulty {
            agents: raised.agents,
            claimed: raised.claimed,
            shared: raised.shared,
            behind: raised.behind,
            reasons: reasons.map(|(place, agents)| Count { of: reason_at(place), agents }).collect(),
            remedies: raised.remedies.named(&words.remedies),
        }
    }
}

/// What an agent's verdict is mostly due to.
fn leading(facts: &Facts, words: &Vocabulary) -> (Option<Reason>, Severity) {
    words.findings.get(facts.findings).first().copied().unwrap_or((None, Severity::Advisory))
}

fn part(rules: &FaultRules) -> u32 {
    seconds(rules.mass.within / PARTS).max(1)
}

/// Whether an agent is a major version or more behind the auth server.
fn is_behind(rules: &FaultRules, version: &Text) -> bool {
    let major = TeleportVersion::major;
    let agent = version.as_str().parse::<TeleportVersion>().ok();
    agent.as_ref().map(major).zip(rules.version.as_ref().map(major)).is_some_and(|(agent, auth)| agent < auth)
}

pub(crate) fn seconds(time: Duration) -> u32 {
    u32::try_from(time.as_secs()).unwrap_or(u32::MAX)
}

/// So long after that instant, at the earliest.
pub(crate) fn later(since: u32, held: Duration) -> Due {
    Due::new(since.saturating_add(seconds(held))).unwrap_or(Due::MIN)
}

impl FaultKind {
    const fn of(verdict: Verdict) -> Option<Self> {
        match verdict {
            Verdict::Unaccompanied => Some(Self::Unaccompanied),
            Verdict::Impaired => Some(Self::Impaired),
            Verdict::Unknown => Some(Self::Unknown),
            _ => None,
        }
    }
}
