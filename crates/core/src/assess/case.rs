//! One case under judgement: the evidence, the rules, and the findings so far.

use jiff::Timestamp;

use crate::Clock;
use crate::Evidence;
use crate::EvidenceKind;
use crate::EvidenceValue;
use crate::Generation;
use crate::Observation;
use crate::Policy;
use crate::Reason;
use crate::RemedyId;
use crate::Severity;
use crate::observation::Environment;

use super::horizon::Horizon;

pub(super) struct Case<'a> {
    pub(super) observation: &'a Observation,
    pub(super) policy: &'a Policy,
    pub(super) horizon: Horizon,
    pub(super) findings: Vec<Draft>,
}

/// A finding before it is put into words.
#[derive(Debug)]
pub(super) struct Draft {
    pub(super) reason: Reason,
    pub(super) severity: Severity,
    pub(super) evidence: Evidence,
    pub(super) since: Option<Timestamp>,
    /// The remedy this evidence calls for.
    pub(super) remedy: Option<RemedyId>,
    /// The updater meant.
    pub(super) generation: Generation,
    /// What is the case, where this evidence calls for other words than the catalogue's.
    pub(super) summary: Option<String>,
}

impl<'a> Case<'a> {
    pub(super) const fn new(observation: &'a Observation, policy: &'a Policy, now: Clock) -> Self {
        Self { observation, policy, horizon: Horizon::new(now), findings: Vec::new() }
    }

    /// Whether files alone were looked at: nothing runs, nothing is late.
    pub(super) fn is_static(&self) -> bool {
        self.observation.evidence == EvidenceKind::Static
    }

    /// Whether the agent is in a pod, or whoever looks is, where no service manager of a host is seen.
    pub(super) fn is_in_pod(&self) -> bool {
        let environment = self.observation.environment();
        environment.is_some_and(Environment::is_kubernetes)
            || self.observation.host.in_pod && self.observation.systemd.booted.is_absent()
    }

    /// Whether the host has been up and awake for long enough to blame anything for being late.
    pub(super) fn is_settled(&mut self) -> bool {
        let grace = self.policy.thresholds.boot_grace.usec();
        let resumed = self.observation.systemd.resumed;
        // Both are asked, so that the status holds until the later one ends.
        let awake = resumed.is_none_or(|resumed| self.horizon.is_past(resumed.monotonic, grace));
        self.horizon.is_past_boottime(0, grace) && awake
    }

    /// Whether `reason` was found.
    pub(super) fn has(&self, reason: Reason) -> bool {
        self.findings.iter().any(|draft| draft.reason == reason)
    }

    /// Adds a finding with the catalogue's severity and remedy.
    pub(super) fn find(&mut self, reason: Reason) -> &mut Draft {
        let entry = reason.entry();
        let draft = Draft {
            reason,
            severity: entry.severity,
            evidence: Evidence::new(),
            since: None,
            remedy: entry.remedy,
            generation: Generation::V2,
            summary: None,
        };
        self.findings.push(draft);
        let last = self.findings.len() - 1;
        &mut self.findings[last]
    }
}

impl Draft {
    /// Adds evidence.
    pub(super) fn because(&mut self, name: &str, value: impl Into<EvidenceValue>) -> &mut Self {
        self.evidence.insert(name.to_owned(), value.into());
        self
    }

    /// Adds evidence, if there is any.
    pub(super) fn because_of(&mut self, name: &str, value: Option<impl Into<EvidenceValue>>) -> &mut Self {
        match value {
            Some(value) => self.because(name, value),
            None => self,
        }
    }

    /// Says since when it holds.
    pub(super) const fn since(&mut self, since: Option<Timestamp>) -> &mut Self {
        self.since = since;
        self
    }

    /// Gives it another severity than the catalogue does.
    pub(super) const fn graded(&mut self, severity: Severity) -> &mut Self {
        self.severity = severity;
        self
    }

    /// Gives it the remedy this evidence calls for.
    pub(super) const fn remedied_by(&mut self, remedy: Option<RemedyId>) -> &mut Self {
        self.remedy = remedy;
        self
    }

    /// Says in other words than the catalogue's what is the case.
    pub(super) fn in_words(&mut self, summary: Option<String>) -> &mut Self {
        self.summary = summary;
        self
    }

    /// Says which updater is meant.
    pub(super) const fn of(&mut self, generation: Generation) -> &mut Self {
        self.generation = generation;
        self
    }
}
