//! What an auth server keeps of its agents, behind a small trait.

use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;
use selfcheck_core::Basis;
use selfcheck_core::TeleportVersion;
use selfcheck_core::Text;
use selfcheck_core::Verdict;
use selfcheck_protocol::Filter;
use selfcheck_protocol::Hello;
use selfcheck_protocol::HostMetadata;
use selfcheck_protocol::Report;
use selfcheck_protocol::UpgraderFilter;

use crate::Summary;

/// One stream of an agent, while this process runs. An agent may have several, as during a reload.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StreamId(pub u64);

/// What an auth server keeps of its agents. Its methods are called by the streams themselves and must not block.
pub trait Store: Send + Sync + 'static {
    /// Where a stream is kept, which is not looked for again with every word.
    type Place: Copy + fmt::Debug + Send + Sync + Unpin;

    /// A stream was opened. Its Hello has been checked against the certificate.
    fn joined(&self, stream: StreamId, hello: Hello, now: Timestamp) -> Self::Place;
    /// The agent said what it runs on.
    fn described(&self, place: Self::Place, metadata: HostMetadata);
    /// The agent reported its status.
    fn reported(&self, place: Self::Place, report: Report, last_run: Option<Timestamp>, now: Timestamp);
    /// The agent was heard of; its status is what it was.
    fn heard(&self, place: Self::Place, last_run: Option<Timestamp>, now: Timestamp);
    /// The stream has ended. Nothing more comes of it.
    fn left(&self, place: Self::Place, farewell: Farewell);
    /// How many agents are connected.
    fn len(&self) -> usize;
    /// Whether none are.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }
    /// How many agents of which kind there are.
    fn summary(&self) -> Summary;
    /// One agent.
    fn find(&self, host_id: &str) -> Option<AgentRecord>;
    /// The agents from `from` on, those of the worst verdict first: at most `most`, and no more than can be told without keeping
    /// others waiting. An agent that changes while one asks for the next ones may be told of twice, or not at all.
    fn part(&self, from: Cursor, only: Option<Verdict>, most: usize) -> Part;
}

/// Where a part of the agents begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Cursor(pub u64);

/// Some of the agents.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Part {
    /// These.
    pub agents: Vec<AgentRecord>,
    /// Where the next ones begin; `None` if there are no more.
    pub next: Option<Cursor>,
}

impl Part {
    /// These agents, and where the next ones begin; `None` if there are no more.
    pub const fn new(agents: Vec<AgentRecord>, next: Option<Cursor>) -> Self {
        Self { agents, next }
    }
}

/// How an agent left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Farewell {
    /// Without a word: its stream broke.
    None,
    /// It ends, for ever or until it is started again.
    Goodbye,
    /// Another process of the same agent takes over.
    SoftReload,
}

/// What is known of an agent.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct AgentRecord {
    /// Who it is, as its newest stream says.
    pub hello: Arc<Hello>,
    /// On what ground its report stands.
    pub basis: Basis,
    /// Its report: its own, or its claim judged.
    pub report: Arc<Report>,
    /// When it was last heard of.
    pub last_heard: Timestamp,
}

impl AgentRecord {
    /// What is known of an agent by its newest stream and its report, which stands on this ground, last heard of then.
    pub const fn new(hello: Arc<Hello>, report: Arc<Report>, basis: Basis, last_heard: Timestamp) -> Self {
        Self { hello, basis, report, last_heard }
    }

    /// With a report that the agent has just made, of which the store may have kept no more than it counts by.
    #[must_use]
    pub fn with(mut self, whole: &Report) -> Self {
        self.report = Arc::new(whole.amended(self.report.verdict, &self.report.findings));
        self
    }

    /// Whether it is one of those asked for.
    pub fn is_among(&self, filter: &Filter) -> bool {
        let Self { hello, report, .. } = self;
        let version = hello.version.as_str().parse::<TeleportVersion>().ok();
        let compared = |wanted: &Option<TeleportVersion>,
                        holds: fn(&TeleportVersion, &TeleportVersion) -> bool| {
            wanted
                .as_ref()
                .is_none_or(|wanted| version.as_ref().is_some_and(|version| holds(version, wanted)))
        };
        // An empty word is no condition, as on the wire.
        let is = |wanted: &Option<String>, value: &str| {
            wanted.as_ref().is_none_or(|wanted| wanted.is_empty() || wanted == value)
        };
        let has_upgrader = match &filter.upgrader {
            None => true,
            Some(UpgraderFilter::Without) => hello.updater.kind.is_none(),
            Some(UpgraderFilter::Of(kind)) => hello.updater.kind.as_ref() == Some(kind),
        };
        let runs = |wanted: &str| hello.services.iter().any(|service| service == wanted);
        // As in Teleport, what is no version is older than any.
        let is_older = |than: &TeleportVersion| version.as_ref().is_none_or(|version| version < than);
        is(&filter.server_id, hello.server_id.as_str())
            && (filter.services.is_empty() || filter.services.iter().any(|wanted| runs(wanted)))
            && has_upgrader
            && is(&filter.update_group, hello.updater.group.as_ref().map_or("", Text::as_str))
            && compared(&filter.version, |version, wanted| version == wanted)
            && filter.older_than.as_ref().is_none_or(is_older)
            && compared(&filter.newer_than, |version, wanted| version > wanted)
            && filter.verdict.is_none_or(|wanted| wanted == report.verdict)
            && filter.reason.as_ref().is_none_or(|wanted| {
                wanted.is_empty() || report.findings.iter().any(|finding| finding.code() == wanted)
            })
    }
}
