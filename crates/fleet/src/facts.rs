//! What is known of an agent, in numbers: most agents of a fleet are alike.

use std::sync::Arc;

use selfcheck_core::Basis;
use selfcheck_core::Namespace;
use selfcheck_core::Reason;
use selfcheck_core::Severity;
use selfcheck_core::Text;
use selfcheck_core::UpdaterKind;
use selfcheck_core::UpdaterStatus;
use selfcheck_core::Verdict;
use selfcheck_protocol::ClaimedUpdater;
use selfcheck_protocol::Hello;
use selfcheck_protocol::OTHER;
use selfcheck_protocol::RemedyGroup;
use selfcheck_protocol::Report;
use selfcheck_protocol::ReportedFinding;
use selfcheck_protocol::ReportedRemedy;
use selfcheck_protocol::ReportedUpdater;
use selfcheck_protocol::Role;

use crate::names::Id;
use crate::names::Names;

/// How many words of a kind are told apart.
const WORDS: u32 = 4096;
const KINDS: u32 = 64;
const FINDINGS: u32 = 1 << 14;
const REMEDIES: u32 = 1024;

/// The kinds of updaters there are, and none. Others come from newer agents, or from ones that lie.
fn usual_kinds() -> impl Iterator<Item = Option<UpdaterKind>> {
    [None].into_iter().chain(UpdaterKind::KNOWN.map(Some))
}

/// The most findings of one agent that are told apart, as many as a report may have.
const FINDINGS_EACH: usize = 32;

/// A reason, unless it is one that this version does not know, and how grave it is.
pub(crate) type Finding = (Option<Reason>, Severity);
/// Findings of one agent.
pub(crate) type Findings = Box<[Finding]>;

/// What is known of an agent, in numbers that a [`Vocabulary`] has the words for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Facts {
    pub(crate) verdict: Verdict,
    pub(crate) basis: Basis,
    pub(crate) findings: Id,
    pub(crate) remedy: Id,
    pub(crate) version: Id,
    pub(crate) kind: Id,
    pub(crate) group: Id,
    pub(crate) services: Roles,
    /// Of which kind and version.
    pub(crate) updater: Id,
    pub(crate) updater_status: Option<UpdaterStatus>,
}

/// Roles, a bit each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Roles(u16);

// There is a bit for each.
const _: () = assert!(Role::ALL.len() <= u16::BITS as usize);

impl Roles {
    fn of(services: &[Text]) -> Self {
        let named = services.iter().filter_map(|name| name.as_str().parse::<Role>().ok());
        Self(named.fold(0, |bits, role| bits | 1 << role as u16))
    }

    pub(crate) fn iter(self) -> impl Iterator<Item = Role> {
        Role::ALL.iter().copied().filter(move |role| self.0 & 1 << *role as u16 != 0)
    }
}

/// The words in use. What is taken from it has to be released.
#[derive(Debug)]
pub(crate) struct Vocabulary {
    pub(crate) versions: Names<Text>,
    pub(crate) kinds: Names<Option<UpdaterKind>>,
    pub(crate) groups: Names<Text>,
    /// Kinds of updaters, each with a version.
    pub(crate) updaters: Names<(Option<UpdaterKind>, Text)>,
    pub(crate) findings: Names<Findings>,
    pub(crate) remedies: Names<Option<RemedyGroup>>,
}

impl Default for Vocabulary {
    fn default() -> Self {
        let other = || Text::from(OTHER);
        let other_kind = || Some(UpdaterKind::other());
        let remedy = RemedyGroup::new(ReportedRemedy::OTHER, Namespace::default(), None);
        Self {
            versions: Names::new(other(), [Text::default()], WORDS),
            kinds: Names::new(other_kind(), usual_kinds(), KINDS),
            groups: Names::new(other(), ["", "default"].map(Text::from), WORDS),
            updaters: Names::new((other_kind(), other()), [Default::default()], WORDS),
            findings: Names::new([(None, Severity::Advisory)].into(), [], FINDINGS),
            remedies: Names::new(Some(remedy), [None], REMEDIES),
        }
    }
}

impl Vocabulary {
    /// What a Hello claims.
    pub(crate) fn claimed(&mut self, hello: &Hello) -> Facts {
        let (verdict, reason) = hello.claim().judge();
        Facts {
            verdict,
            basis: Basis::Claimed,
            findings: self
                .findings
                .take(&reason.map(|reason| (Some(reason), reason.entry().severity)).into_iter().collect()),
            remedy: self.remedies.take(&None),
            version: self.versions.take(&hello.version),
            kind: self.kinds.take(&hello.updater.kind),
            group: self.groups.take(hello.updater.group.as_ref().unwrap_or(&Text::default())),
            services: Roles::of(&hello.services),
            updater: self.updaters.take(&build(&hello.updater)),
            updater_status: hello.updater.status,
        }
    }

    /// What a report says of an agent of which `before` was known, which takes its place.
    pub(crate) fn reported(&mut self, before: &Facts, report: &Report) -> Facts {
        let mut room = [(None, Severity::Advisory); FINDINGS_EACH];
        let mut facts = Facts {
            verdict: report.verdict,
            basis: Basis::Observed,
            findings: self.findings.exchange_slice(before.findings, findings(report, &mut room)),
            remedy: self.remedies.exchange(before.remedy, &report.remedy_group()),
            ..*before
        };
        if let Some(version) = &report.agent_version {
            facts.version = self.versions.exchange(before.version, version);
        }
        if let Some(updater) = report.stock_updater() {
            facts.kind = self.kinds.exchange(before.kind, &updater.kind);
            facts.updater = self.updaters.exchange(before.updater, &build(&updater));
            facts.group = self.groups.exchange(before.group, &updater.group.unwrap_or_default());
            facts.updater_status = updater.status;
        }
        facts
    }

    pub(crate) fn release(&mut self, facts: &Facts) {
        self.findings.release(facts.findings);
        self.remedies.release(facts.remedy);
        self.versions.release(facts.version);
        self.updaters.release(facts.updater);
        self.kinds.release(facts.kind);
        self.groups.release(facts.group);
    }

    fn updater(&self, facts: &Facts) -> ClaimedUpdater {
        let mut updater = ClaimedUpdater::default();
        updater.kind.clone_from(self.kinds.get(facts.kind));
        updater.version = some(&self.updaters.get(facts.updater).1);
        updater.group = some(self.groups.get(facts.group));
        updater.status = facts.updater_status;
        updater
    }

    /// The Hello that says this.
    pub(crate) fn hello(&self, server_id: Text, hostname: Text, facts: &Facts) -> Hello {
        let mut hello = Hello::default();
        hello.version = self.versions.get(facts.version).clone();
        hello.server_id = server_id;
        hello.services = facts.services.iter().map(|role| role.name().into()).collect();
        hello.hostname = hostname;
        hello.updater = self.updater(facts);
        hello
    }

    /// A report with what was found here.
    pub(crate) fn amended(&self, report: &Arc<Report>, facts: &Facts) -> Arc<Report> {
        if !self.findings.get(facts.findings).iter().copied().any(is_found_here) {
            return Arc::clone(report);
        }
        Arc::new(report.amended(facts.verdict, &self.reported_findings(facts)))
    }

    fn reported_findings(&self, facts: &Facts) -> Vec<ReportedFinding> {
        let found = self.findings.get(facts.findings).iter();
        found.map(|&(reason, severity)| ReportedFinding::new(reason, severity)).collect()
    }

    /// The report that says this, without the times.
    pub(crate) fn report(&self, facts: &Facts) -> Report {
        let updater = self.updater(facts);
        let group = self.remedies.get(facts.remedy).as_ref();
        let mut report = Report::new(facts.verdict);
        report.findings = self.reported_findings(facts);
        report.updater = updater.kind.map(|kind| ReportedUpdater::new(kind, updater.version, updater.group));
        report.remedy = group.map(|group| group.remedy.clone());
        report.namespace = group.map(|group| group.namespace.clone()).unwrap_or_default();
        report.agent_version = some(self.versions.get(facts.version));
        report
    }
}

/// Whether it is none of the agent's own.
pub(crate) fn is_found_here(finding: Finding) -> bool {
    is_compared(finding) || finding.0 == Some(Reason::DuplicateIdentity)
}

/// Whether it was found by comparing.
pub(crate) fn is_compared((reason, _): Finding) -> bool {
    matches!(reason, Some(Reason::BehindTarget | Reason::GroupUnknown))
}

/// Each reason once: agents are counted, not findings.
fn findings<'a>(report: &Report, room: &'a mut [Finding; FINDINGS_EACH]) -> &'a [Finding] {
    let mut found = 0;
    for finding in &report.findings {
        if found < room.len() && room[..found].iter().all(|(reason, _)| *reason != finding.reason) {
            room[found] = (finding.reason, finding.severity);
            found += 1;
        }
    }
    &room[..found]
}

/// The kind of an updater with its version.
fn build(updater: &ClaimedUpdater) -> (Option<UpdaterKind>, Text) {
    (updater.kind.clone(), updater.version.clone().unwrap_or_default())
}

fn some(text: &Text) -> Option<Text> {
    (!text.is_empty()).then(|| text.clone())
}
