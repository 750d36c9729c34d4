//! The status of an agent as it travels: typed values, checked on both sides.

use std::collections::BTreeSet;

use jiff::Timestamp;
use selfcheck_core::Claim;
use selfcheck_core::Finder;
use selfcheck_core::HelmRelease;
use selfcheck_core::Namespace;
use selfcheck_core::Reason;
use selfcheck_core::RemedyId;
use selfcheck_core::Status;
use selfcheck_core::StockView;
use selfcheck_core::Text;
use selfcheck_core::UpdaterKind;
use selfcheck_core::Verdict;

use crate::ClaimedUpdater;
use crate::RemedyGroup;
use crate::ReportedFinding;
use crate::ReportedRemedy;
use crate::Role;
use crate::valid;
use crate::verdict_from_wire;
use crate::verdict_to_wire;
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

/// The kind that this word stands for, which counts as other where it is none.
fn kind(word: &str) -> UpdaterKind {
    valid::name(word).and_then(UpdaterKind::named).unwrap_or_else(UpdaterKind::other)
}

fn text(text: Option<&Text>) -> String {
    text.map(Text::to_string).unwrap_or_default()
}

impl ReportedUpdater {
    /// One of this kind.
    pub const fn new(kind: UpdaterKind, version: Option<Text>, group: Option<Text>) -> Self {
        Self { kind, version, group }
    }
}
