//! The judgement, as it is shown, sent and compared.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::Deserialize;
use serde::Serialize;

use crate::Basis;
use crate::ClusterView;
use crate::Coded;
use crate::EvidenceKind;
use crate::Finding;
use crate::HelmRelease;
use crate::Namespace;
use crate::Reason;
use crate::Remedy;
use crate::Severity;
use crate::StockView;
use crate::Text;
use crate::UpdaterKind;
use crate::Verdict;
use crate::Why;
use crate::observation::FactName;

/// The judgement of one agent.
///
/// It serialises to the JSON of `teleport-selfcheck debug updater-status --format json` (docs/status.md).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Status {
    /// The format of this document.
    pub schema: StatusSchema,
    /// The verdict.
    pub verdict: Verdict,
    /// On what ground it stands.
    pub basis: Basis,
    /// What was looked at.
    pub evidence: EvidenceKind,
    /// The verdict in one line.
    pub summary: String,
    /// The agent judged.
    pub agent: AgentSummary,
    /// The updater judged, if there is one.
    pub updater: Option<UpdaterSummary>,
    /// What holds, worst first.
    pub findings: Vec<Finding>,
    /// What could not be seen.
    pub unseen: Vec<Unseen>,
    /// When the updater ran.
    pub proof: Proof,
    /// What to do, where one command helps.
    pub remedy: Option<Remedy>,
    /// Whether and what the cluster knows.
    pub reporting: Reporting,
    /// When the evidence was seen.
    pub observed_at: Timestamp,
    /// Until when this judgement holds if nothing changes; null if for ever.
    pub holds_until: Option<Timestamp>,
    /// Which change this is, counted by a daemon; null without one.
    pub sequence: Option<u64>,
}

/// The format of a status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum StatusSchema {
    /// The first format.
    #[serde(rename = "teleport.selfcheck/v1")]
    V1,
}

/// The agent judged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct AgentSummary {
    /// Its process id; null if it does not run.
    pub pid: Option<u32>,
    /// Its version, where its executable's path tells.
    pub version: Option<Text>,
    /// The host id it joined the cluster with.
    pub host_id: Option<Text>,
    /// The host's name.
    pub hostname: Option<Text>,
    /// Its installation.
    pub namespace: Namespace,
    /// The systemd unit that runs it, as its process or its installation tells; null where there is none.
    #[serde(default)]
    pub unit: Option<Text>,
    /// Its Teleport roles.
    pub services: Vec<Text>,
    /// In a pod, the Helm release it belongs to, as far as that is known; null elsewhere.
    #[serde(default)]
    pub kubernetes: Option<HelmRelease>,
}

/// The updater judged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct UpdaterSummary {
    /// What it is.
    pub kind: UpdaterKind,
    /// Its own version, where seen.
    pub version: Option<Text>,
    /// Its update group.
    pub group: Option<Text>,
    /// The unit that starts it.
    pub unit: Option<Text>,
}

/// Something that could not be seen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Unseen {
    /// What.
    pub fact: Text,
    /// Why.
    pub why: Text,
}

impl Unseen {
    /// No process of an agent was found where one of this installation would be.
    pub(crate) fn no_agent(namespace: &Namespace) -> Self {
        let why = format!("no agent was found under {} or its pid file", namespace.agent_unit());
        Self { fact: FactName::AgentProcess.as_str().into(), why: Text::new(&why) }
    }

    /// The same where no service manager runs, as in a container.
    pub(crate) fn no_agent_in_container() -> Self {
        Self { fact: FactName::AgentProcess.as_str().into(), why: "no visible process is an agent".into() }
    }

    pub(crate) fn new(fact: FactName, why: Why) -> Self {
        Self { fact: fact.as_str().into(), why: Text::new(&why.to_string()) }
    }
}

/// When the updater ran.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Proof {
    /// The end, or the start, of the last run.
    pub last_run: Option<Timestamp>,
    /// The last run known to have succeeded.
    pub last_success: Option<Timestamp>,
    /// The next run.
    pub next_run: Option<Timestamp>,
}

/// Whether and what the cluster knows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Reporting {
    /// How this status reaches an auth server.
    pub mode: ReportingMode,
    /// Whether a stream to an auth server is open.
    pub connected: bool,
    /// When something was last sent.
    pub last_sent: Option<Timestamp>,
    /// The last sequence an auth server acknowledged.
    pub acked: Option<u64>,
    /// What an unmodified auth server is told; null where that could not be seen.
    pub stock_view: Option<StockView>,
    /// What the agent by itself tells its cluster; null where nobody could see that, no agent runs, or it tells this status
    /// instead.
    #[serde(default)]
    pub cluster_view: Option<ClusterView>,
}

/// How a status reaches an auth server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum ReportingMode {
    /// In the heartbeat, to an auth server that knows the extension.
    Extension,
    /// In the fields stock Teleport has.
    Stock,
    /// Not at all: nobody reports this status.
    None,
}

impl Status {
    /// The finding that decides the verdict, or the first advisory one.
    pub fn leading(&self) -> Option<&Finding> {
        self.findings.first()
    }

    /// Whether no process was found where an agent's would be; if it could only not be seen, that is not known.
    pub fn is_without_process(&self) -> bool {
        let nobody = [Unseen::no_agent(&self.agent.namespace), Unseen::no_agent_in_container()];
        self.agent.pid.is_none() && nobody.iter().any(|nobody| self.unseen.contains(nobody))
    }

    /// Whether this fact is among what [could not be seen](Self::unseen).
    pub fn is_unseen(&self, fact: FactName) -> bool {
        self.unseen.iter().any(|unseen| unseen.fact == *fact.as_str())
    }

    /// `verdict`, or `verdict.reason` where a reason leads to the verdict; of the characters `a-z`, `0-9`,
    /// `.` and `-`.
    pub fn label(&self) -> String {
        let leads = |finding: &&Finding| match finding.reason {
            Coded::Known(reason) => reason.verdict() == Some(self.verdict),
            // What a newer version found leads to its verdict, unless it only advises.
            Coded::Other(_) => finding.severity != Severity::Advisory && self.verdict != Verdict::Accompanied,
        };
        match self.leading().filter(leads) {
            Some(finding) => format!("{}.{}", self.verdict, finding.reason.code()),
            None => self.verdict.to_string(),
        }
    }

    /// Whether somebody who acts on the one would do the same on the other: verdict and reasons are the same. Severity, rights
    /// and memory may differ between those who look.
    pub fn agrees_with(&self, other: &Self) -> bool {
        self.verdict == other.verdict && self.reasons() == other.reasons()
    }

    fn reasons(&self) -> BTreeSet<&Coded<Reason>> {
        self.findings.iter().map(|finding| &finding.reason).collect()
    }

    /// Whether the two differ in what matters: verdict, updater, agent, findings by reason, severity and
    /// stable evidence, what was unseen, or the remedy. Times and ages are no difference.
    pub fn differs_from(&self, other: &Self) -> bool {
        // In any order.
        fn findings(status: &Status) -> Vec<impl PartialEq> {
            let mut identities: Vec<_> = status.findings.iter().map(Finding::identity).collect();
            identities.sort_unstable();
            identities
        }
        self.verdict != other.verdict
            || self.updater != other.updater
            || self.agent != other.agent
            || self.unseen != other.unseen
            || self.remedy != other.remedy
            || findings(self) != findings(other)
    }
}
