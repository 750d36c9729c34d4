//! How many agents of which kind there are, kept up with every change.

use selfcheck_core::Basis;
use selfcheck_core::Reason;
use selfcheck_core::Verdict;
use selfcheck_protocol::Count;
use selfcheck_protocol::Role;

use crate::Summary;
use crate::facts::Facts;
use crate::facts::Vocabulary;
use crate::names::Id;
use crate::names::Names;

/// The grounds, as places among the counts.
const BASES: [Basis; 2] = [Basis::Observed, Basis::Claimed];

/// How many agents of which kind there are.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    agents: u64,
    verdicts: Tally,
    /// Those that are not known come last.
    reasons: Tally,
    services: Tally,
    kinds: Tally,
    versions: Tally,
    groups: Tally,
    updaters: Tally,
    remedies: Tally,
}

/// Counts by place.
#[derive(Debug, Default)]
pub(crate) struct Tally(Vec<u64>);

/// What a count is changed by.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Change {
    More,
    Less,
}

impl Tally {
    pub(crate) fn change(&mut self, place: usize, change: Change) {
        if place >= self.0.len() {
            self.0.resize(place + 1, 0);
        }
        let count = &mut self.0[place];
        *count = change.of(*count);
    }

    fn get(&self, place: usize) -> u64 {
        self.0.get(place).copied().unwrap_or(0)
    }

    /// The places that anything counts for.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (usize, u64)> {
        self.0.iter().copied().enumerate().filter(|(_, agents)| *agents > 0)
    }

    pub(crate) fn named<T: Clone + Eq + std::hash::Hash>(&self, names: &Names<T>) -> Vec<Count<T>> {
        self.iter().map(|(place, agents)| Count { of: names.get(Id::at(place)).clone(), agents }).collect()
    }
}

impl PartialEq for Tally {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl Eq for Tally {}

impl Change {
    pub(crate) const fn of(self, count: u64) -> u64 {
        match self {
            Self::More => count.saturating_add(1),
            Self::Less => count.saturating_sub(1),
        }
    }
}

impl Counts {
    /// An agent counts that did not, or no longer does.
    pub(crate) fn change(&mut self, facts: &Facts, words: &Vocabulary, change: Change) {
        self.agents = change.of(self.agents);
        self.verdicts.change(verdict_place(facts.verdict, facts.basis), change);
        for (reason, _) in words.findings.get(facts.findings) {
            self.reasons.change(reason_place(*reason), change);
        }
        for role in facts.services.iter() {
            self.services.change(role as usize, change);
        }
        self.kinds.change(facts.kind.index(), change);
        self.versions.change(facts.version.index(), change);
        self.groups.change(facts.group.index(), change);
        self.updaters.change(facts.updater.index(), change);
        self.remedies.change(facts.remedy.index(), change);
    }

    /// The agents that an updater is meant for.
    pub(crate) fn updatable(&self) -> u64 {
        let meant = [Verdict::Accompanied, Verdict::Held, Verdict::Impaired, Verdict::Unaccompanied];
        let counts = meant.iter().flat_map(|verdict| BASES.map(|basis| verdict_place(*verdict, basis)));
        counts.map(|place| self.verdicts.get(place)).sum()
    }

    pub(crate) fn summary(&self, words: &Vocabulary, settling: u64) -> Summary {
        let verdict = |place: usize| (Verdict::ALL[place / BASES.len()], BASES[place % BASES.len()]);
        let remedies = self.remedies.named(&words.remedies).into_iter();
        Summary {
            agents: self.agents,
            settling,
            verdicts: self
                .verdicts
                .iter()
                .map(|(place, agents)| Count { of: verdict(place), agents })
                .collect(),
            reasons: self
                .reasons
                .iter()
                .map(|(place, agents)| Count { of: reason_at(place), agents })
                .collect(),
            services: self
                .services
                .iter()
                .map(|(place, agents)| Count { of: Role::ALL[place], agents })
                .collect(),
            kinds: self.kinds.named(&words.kinds),
            versions: self.versions.named(&words.versions),
            groups: self.groups.named(&words.groups),
            updaters: self.updaters.named(&words.updaters),
            remedies: remedies
                .filter_map(|count| Some(Count { of: count.of?, agents: count.agents }))
                .collect(),
        }
    }
}

const fn verdict_place(verdict: Verdict, basis: Basis) -> usize {
    let basis = match basis {
        Basis::Observed => 0,
        Basis::Claimed => 1,
    };
    verdict as usize * BASES.len() + basis
}

/// The place of a reason among the counts. Those that are not known come last.
pub(crate) fn reason_place(reason: Option<Reason>) -> usize {
    reason.map_or(Reason::catalogue().len(), |reason| reason as usize)
}

/// The reason of a place.
pub(crate) fn reason_at(place: usize) -> Option<Reason> {
    Reason::catalogue().get(place).map(|entry| entry.reason)
}
