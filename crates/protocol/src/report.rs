//! The status of an agent as it travels: typed values, checked on both sides.

use std::collections::BTreeSet;

use jiff::Timestamp;
use selfcheck_core::Basis;
use selfcheck_core::Claim;
use selfcheck_core::DnsLabel;
use selfcheck_core::Finder;
use selfcheck_core::Finding;
use selfcheck_core::Generation;
use selfcheck_core::HelmRelease;
use selfcheck_core::Namespace;
use selfcheck_core::ProxyAddr;
use selfcheck_core::Reason;
use selfcheck_core::Remedy;
use selfcheck_core::RemedyId;
use selfcheck_core::RemedyTarget;
use selfcheck_core::Severity;
use selfcheck_core::Status;
use selfcheck_core::StockView;
use selfcheck_core::Text;
use selfcheck_core::UpdaterKind;
use selfcheck_core::Verdict;

use crate::ClaimedUpdater;
use crate::Hello;
use crate::Role;
use crate::valid;
use crate::wire::teleport::selfcheck::v1 as wire;

/// The most findings of a report; a judgement has a handful.
const FINDINGS: usize = 32;

/// What an agent reports of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Report {
    /// The verdict. One that this version does not know counts as unknown.
    pub verdict: Verdict,
    /// What holds, worst first.
    pub findings: Vec<ReportedFinding>,
    /// The updater judged, if there is one.
    pub updater: Option<ReportedUpdater>,
    /// When the host was looked at.
    pub observed_at: Option<Timestamp>,
    /// When the updater last succeeded.
    pub last_success: Option<Timestamp>,
    /// When it runs next.
    pub next_run: Option<Timestamp>,
    /// What helps, if one command does.
    pub remedy: Option<ReportedRemedy>,
    /// The installation.
    pub namespace: Namespace,
    /// The version of the library that judged; none where nobody did but the auth side.
    pub library_version: Option<Text>,
    /// The agent's Teleport version, without a leading `v`, where that was seen.
    pub agent_version: Option<Text>,
}

/// Something that holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct ReportedFinding {
    /// The reason; `None` for one that this version does not know.
    pub reason: Option<Reason>,
    /// How grave it is here.
    pub severity: Severity,
    /// Since when, where that is known.
    pub since: Option<Timestamp>,
}

/// The updater judged.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ReportedUpdater {
    /// What it is.
    pub kind: UpdaterKind,
    /// Its version, without a leading `v`.
    pub version: Option<Text>,
    /// Its update group.
    pub group: Option<Text>,
}

/// What helps, by its id in the catalogue.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct ReportedRemedy {
    /// The remedy; `None` for one that this version does not know.
    pub id: Option<RemedyId>,
    /// The Helm release that it is for.
    pub release: HelmRelease,
}

/// All that the command depends on which helps an agent. Agents of one group are helped by the same.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct RemedyGroup {
    /// What helps.
    pub remedy: ReportedRemedy,
    /// The installation.
    pub namespace: Namespace,
    /// The kind of the updater judged; none where there is none.
    pub kind: Option<UpdaterKind>,
}

impl RemedyGroup {
    /// The group of a message.
    pub fn from_wire(count: &wire::RemedyCount) -> Self {
        let remedy = count.remedy.clone().unwrap_or_default();
        Self {
            remedy: ReportedRemedy::from_wire(&remedy),
            namespace: remedy.install_suffix.parse().unwrap_or_default(),
            kind: UpdaterKind::named(Text::words(&count.updater_kind)),
        }
    }

    /// Those whom `remedy` helps, in an installation with an updater of this kind or with none.
    pub const fn new(remedy: ReportedRemedy, namespace: Namespace, kind: Option<UpdaterKind>) -> Self {
        Self { remedy, namespace, kind }
    }

    /// What to run, from this program's own catalogue; `None` where it knows nothing that helps. `proxy` is the cluster's, for the remedies that
    /// need it. No object is named that the agent named: a person writes it in, and may compare it with [`claims`](Self::claims).
    pub fn render(&self, proxy: Option<&ProxyAddr>) -> Option<Remedy> {
        let generation = self.kind.as_ref().and_then(UpdaterKind::generation).unwrap_or(Generation::V2);
        let update_config = self.namespace.update_config();
        // The agent's unit stays unnamed: only its own host may name one.
        let mut target = RemedyTarget::new(&self.namespace, generation, &update_config);
        target.proxy = proxy.cloned();
        Some(self.remedy.id?.render(&target))
    }

    /// What the agent says is to be written into the command, each with the word that stands for it. Nobody has looked whether
    /// that is so.
    pub fn claims(&self) -> impl Iterator<Item = (&'static str, &DnsLabel)> {
        self.remedy.release.known()
    }
}

/// Why a report is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidReport {
    /// It lists more than any judgement finds.
    #[error("a report has {0} findings, more than {FINDINGS}")]
    Findings(usize),
    /// Its installation has a name that Teleport would refuse.
    #[error("the install suffix of a report is not one")]
    Namespace,
}

impl From<&Status> for Report {
    fn from(status: &Status) -> Self {
        let named = |text: &Option<Text>| text.as_ref().and_then(|text| valid::name(text.as_str()));
        let version = |text: &Option<Text>| text.as_ref().and_then(|text| valid::version(text.as_str()));
        Self {
            verdict: status.verdict,
            findings: status.findings.iter().take(FINDINGS).map(ReportedFinding::from).collect(),
            updater: status.updater.as_ref().map(|updater| ReportedUpdater {
                kind: kind(updater.kind.as_str()),
                version: version(&updater.version),
                group: named(&updater.group),
            }),
            observed_at: Some(status.observed_at),
            last_success: status.proof.last_success,
            next_run: status.proof.next_run,
            remedy: status.remedy.as_ref().map(|remedy| ReportedRemedy {
                id: remedy.id.known(),
                // Others than those for pods are for none.
                release: status
                    .agent
                    .kubernetes
                    .clone()
                    .filter(|_| remedy.id.is_kubernetes())
                    .unwrap_or_default(),
            }),
            namespace: status.agent.namespace.clone(),
            library_version: Some(env!("CARGO_PKG_VERSION").into()),
            agent_version: version(&status.agent.version),
        }
    }
}

impl From<&Finding> for ReportedFinding {
    fn from(finding: &Finding) -> Self {
        Self { reason: finding.reason.known(), severity: finding.severity, since: finding.since }
    }
}

impl From<&Hello> for Report {
    /// What an agent without a self-check comes to: its claim judged.
    fn from(hello: &Hello) -> Self {
        let ClaimedUpdater { kind, version, group, .. } = hello.updater.clone();
        let updater = kind.map(|kind| ReportedUpdater { kind, version, group });
        Self::claimed(hello.claim(), updater)
    }
}

impl Report {
    /// That of an agent in this verdict, of whom nothing else is known.
    pub fn new(verdict: Verdict) -> Self {
        Self {
            verdict,
            findings: Vec::new(),
            updater: None,
            observed_at: None,
            last_success: None,
            next_run: None,
            remedy: None,
            namespace: Namespace::default(),
            library_version: None,
            agent_version: None,
        }
    }

    /// What a claim comes to.
    pub(crate) fn claimed(claim: Claim<'_>, updater: Option<ReportedUpdater>) -> Self {
        let (verdict, reason) = claim.judge();
        let finding = |reason: Reason| ReportedFinding {
            reason: Some(reason),
            severity: reason.entry().severity,
            since: None,
        };
        Self {
            verdict,
            findings: reason.map(finding).into_iter().collect(),
            updater,
            observed_at: None,
            last_success: None,
            next_run: None,
            remedy: None,
            namespace: Namespace::default(),
            library_version: None,
            agent_version: Some(Text::new(claim.version)).filter(|version| !version.is_empty()),
        }
    }

    /// The message.
    pub fn to_wire(&self) -> wire::Report {
        wire::Report {
            verdict: verdict_to_wire(self.verdict).into(),
            findings: self.findings.iter().map(|finding| finding.to_wire()).collect(),
            updater: self.updater.as_ref().map(|updater| wire::Updater {
                kind: updater.kind.to_string(),
                version: text(updater.version.as_ref()),
                group: text(updater.group.as_ref()),
            }),
            observed_at: valid::seconds(self.observed_at),
            last_success: valid::seconds(self.last_success),
            next_run: valid::seconds(self.next_run),
            remedy: self.remedy.as_ref().map(|remedy| remedy.to_wire(&self.namespace)),
            namespace: self.namespace.name().to_owned(),
            library_version: text(self.library_version.as_ref()),
            agent_version: text(self.agent_version.as_ref()),
        }
    }

    /// Reads a message. What this version does not know counts as other; what breaks a bound is refused.
    ///
    /// # Errors
    ///
    /// The bound that it breaks. The stream that it came on is to be ended.
    pub fn from_wire(report: &wire::Report) -> Result<Self, InvalidReport> {
        if report.findings.len() > FINDINGS {
            return Err(InvalidReport::Findings(report.findings.len()));
        }
        let remedy = report.remedy.as_ref().map(ReportedRemedy::from_wire);
        let namespace = match report.namespace.as_str() {
            "" => Namespace::default(),
            named => named.parse().map_err(|_| InvalidReport::Namespace)?,
        };
        let report = Self {
            verdict: verdict_from_wire(report.verdict()).unwrap_or(Verdict::Unknown),
            findings: report.findings.iter().map(ReportedFinding::from_wire).collect(),
            updater: report.updater.as_ref().map(|updater| ReportedUpdater {
                kind: kind(&updater.kind),
                version: valid::version(&updater.version),
                group: valid::name(&updater.group),
            }),
            observed_at: valid::instant(report.observed_at),
            last_success: valid::instant(report.last_success),
            next_run: valid::instant(report.next_run),
            remedy,
            namespace,
            library_version: valid::version(&report.library_version),
            agent_version: valid::version(&report.agent_version),
        };
        Ok(report.with_plausible_remedy(|_| true))
    }

    /// Reads what an agent says of itself whose certificate has these roles. What only the auth side can find is not for an agent
    /// to say, and counts as other.
    ///
    /// # Errors
    ///
    /// As [`from_wire`](Self::from_wire).
    pub fn from_agent(report: &wire::Report, roles: &BTreeSet<Role>) -> Result<Self, InvalidReport> {
        let mut report = Self::from_wire(report)?;
        for finding in &mut report.findings {
            finding.reason = finding.reason.filter(|reason| reason.entry().finder == Finder::Host);
        }
        let runs_in_pods = roles.iter().any(|role| role.is_of_kube_agent());
        Ok(report.with_plausible_remedy(|remedy| runs_in_pods || !remedy.is_kubernetes()))
    }

    /// A remedy is a claim: it stays where the catalogue names it for a reason that was reported and for the kind of updater, and
    /// where `suits` says that the agent may be one that it helps. Any other counts as one that is not known, and names nothing.
    fn with_plausible_remedy(mut self, suits: impl Fn(RemedyId) -> bool) -> Self {
        let kind = self.updater.as_ref().map(|updater| &updater.kind);
        let is_named = |id: RemedyId| {
            let mut reasons = self.findings.iter().filter_map(|finding| finding.reason);
            reasons.any(|reason| {
                reason.verdict().unwrap_or(Verdict::Accompanied) == self.verdict && reason.entry().names(id)
            })
        };
        // A tool would take such a suffix for a flag.
        let is_flag = self.namespace.suffix().is_some_and(|suffix| suffix.starts_with('-'));
        let is_plausible = |id: RemedyId| !is_flag && is_named(id) && id.suits(kind) && suits(id);
        if self.remedy.as_ref().is_some_and(|remedy| !remedy.id.is_some_and(is_plausible)) {
            self.remedy = Some(ReportedRemedy::OTHER);
        }
        if let Some(remedy) = &mut self.remedy
            && !remedy.id.is_some_and(RemedyId::is_kubernetes)
        {
            remedy.release = HelmRelease::UNKNOWN; // it is for none
        }
        self
    }

    /// With what the auth side found beside it: `verdict` and `findings` hold, and those of them that are the report's own keep their times.
    /// Without anything that only the auth side can find it is the same.
    #[must_use]
    pub fn amended(&self, verdict: Verdict, findings: &[ReportedFinding]) -> Self {
        let mut amended = self.clone();
        let by_auth = |finding: &ReportedFinding| {
            finding.reason.is_some_and(|reason| reason.entry().finder == Finder::Auth)
        };
        if findings.iter().any(by_auth) {
            let own = |found: &ReportedFinding| {
                self.findings.iter().copied().find(|own| own.reason == found.reason).unwrap_or(*found)
            };
            amended.verdict = verdict;
            amended.findings = findings.iter().map(own).collect();
        }
        amended
    }

    /// What helps, with all that the command depends on.
    pub fn remedy_group(&self) -> Option<RemedyGroup> {
        Some(RemedyGroup {
            remedy: self.remedy.clone()?,
            namespace: self.namespace.clone(),
            kind: self.updater.as_ref().map(|updater| updater.kind.clone()),
        })
    }

    /// The updater as stock Teleport would be told of it; `None` where the report says nothing new of it.
    pub fn stock_updater(&self) -> Option<ClaimedUpdater> {
        match &self.updater {
            // A verdict of unknown says nothing new of the updater, but for the one that stock Teleport has a word for.
            _ if self.verdict == Verdict::Unknown
                && !(self.updater.is_some() && self.finds(Reason::ConfigDenied)) =>
            {
                None
            }
            Some(updater) => {
                let view = StockView::of_updater(&updater.kind, &|reason| self.finds(reason));
                Some(match view.external_upgrader {
                    None => ClaimedUpdater::default(), // of none there is no version
                    Some(_) => ClaimedUpdater::new(&view, updater.version.clone(), updater.group.clone()),
                })
            }
            None => Some(ClaimedUpdater::default()),
        }
    }

    /// Whether this reason is among the findings.
    pub fn finds(&self, reason: Reason) -> bool {
        self.findings.iter().any(|finding| finding.reason == Some(reason))
    }

    /// The finding that leads to the verdict, or the first one.
    pub fn leading(&self) -> Option<&ReportedFinding> {
        self.findings.first()
    }
}

/// What stands for a value that this version does not know.
pub const OTHER: &str = "other";

impl ReportedRemedy {
    /// One that this version does not know, or that cannot be what helps.
    pub const OTHER: Self = Self { id: None, release: HelmRelease::UNKNOWN };

    /// The message, for an installation.
    pub fn to_wire(&self, namespace: &Namespace) -> wire::Remedy {
        wire::Remedy {
            id: self.id.map_or(OTHER, RemedyId::code).to_owned(),
            install_suffix: namespace.suffix().unwrap_or_default().to_owned(),
            release: label(self.release.name.as_ref()),
            kube_namespace: label(self.release.namespace.as_ref()),
        }
    }

    pub(crate) fn from_wire(remedy: &wire::Remedy) -> Self {
        Self {
            id: remedy.id.parse().ok(),
            release: HelmRelease::new(remedy.release.parse().ok(), remedy.kube_namespace.parse().ok()),
        }
    }
}

/// The kind that this word stands for, which counts as other where it is none.
fn kind(word: &str) -> UpdaterKind {
    valid::name(word).and_then(UpdaterKind::named).unwrap_or_else(|| UpdaterKind::Other(OTHER.into()))
}

fn text(text: Option<&Text>) -> String {
    text.map(Text::to_string).unwrap_or_default()
}

fn label(label: Option<&DnsLabel>) -> String {
    label.map(DnsLabel::to_string).unwrap_or_default()
}

impl ReportedUpdater {
    /// One of this kind.
    pub const fn new(kind: UpdaterKind, version: Option<Text>, group: Option<Text>) -> Self {
        Self { kind, version, group }
    }
}

impl ReportedFinding {
    /// One that holds nobody knows since when. Of a reason that this version does not know, it is `None`.
    pub const fn new(reason: Option<Reason>, severity: Severity) -> Self {
        Self { reason, severity, since: None }
    }

    /// Its code, or `other`.
    pub fn code(&self) -> &'static str {
        self.reason.map_or(OTHER, Reason::code)
    }

    fn to_wire(self) -> wire::Finding {
        let severity = match self.severity {
            Severity::Critical => wire::Severity::Critical,
            Severity::Warning => wire::Severity::Warning,
            Severity::Advisory => wire::Severity::Advisory,
        };
        wire::Finding {
            reason: self.code().to_owned(),
            severity: severity.into(),
            since: valid::seconds(self.since),
        }
    }

    fn from_wire(finding: &wire::Finding) -> Self {
        let severity = match finding.severity() {
            wire::Severity::Critical => Severity::Critical,
            wire::Severity::Warning => Severity::Warning,
            wire::Severity::Advisory | wire::Severity::Unspecified => Severity::Advisory,
        };
        Self { reason: finding.reason.parse().ok(), severity, since: valid::instant(finding.since) }
    }
}

/// A verdict on the wire.
pub fn verdict_to_wire(verdict: Verdict) -> wire::Verdict {
    match verdict {
        Verdict::Accompanied => wire::Verdict::Accompanied,
        Verdict::Exempt => wire::Verdict::Exempt,
        Verdict::Held => wire::Verdict::Held,
        Verdict::Impaired => wire::Verdict::Impaired,
        Verdict::Unaccompanied => wire::Verdict::Unaccompanied,
        Verdict::Unknown => wire::Verdict::Unknown,
        Verdict::Unsupported => wire::Verdict::Unsupported,
    }
}

/// A verdict from the wire; `None` if none was named.
pub fn verdict_from_wire(verdict: wire::Verdict) -> Option<Verdict> {
    Some(match verdict {
        wire::Verdict::Unspecified => return None,
        wire::Verdict::Accompanied => Verdict::Accompanied,
        wire::Verdict::Exempt => Verdict::Exempt,
        wire::Verdict::Held => Verdict::Held,
        wire::Verdict::Impaired => Verdict::Impaired,
        wire::Verdict::Unaccompanied => Verdict::Unaccompanied,
        wire::Verdict::Unknown => Verdict::Unknown,
        wire::Verdict::Unsupported => Verdict::Unsupported,
    })
}

/// A basis on the wire.
pub const fn basis_to_wire(basis: Basis) -> wire::Basis {
    match basis {
        Basis::Observed => wire::Basis::Observed,
        Basis::Claimed => wire::Basis::Claimed,
    }
}

/// A basis from the wire. One that this version does not know is no more than a claim.
pub const fn basis_from_wire(basis: wire::Basis) -> Basis {
    match basis {
        wire::Basis::Observed => Basis::Observed,
        wire::Basis::Claimed | wire::Basis::Unspecified => Basis::Claimed,
    }
}
