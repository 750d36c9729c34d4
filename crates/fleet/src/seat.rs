//! One agent's place.

use std::sync::Arc;

use jiff::Timestamp;
use selfcheck_core::Basis;
use selfcheck_core::Namespace;
use selfcheck_core::Verdict;
use selfcheck_inventory::Hello;
use selfcheck_inventory::Report;
use selfcheck_inventory::ReportedFinding;
use selfcheck_inventory::ReportedUpdater;
use selfcheck_inventory::auth::AgentRecord;
use selfcheck_inventory::auth::StreamId;

/// One agent's place: its streams, the newest last, each with what was said on it.
#[derive(Debug, Default)]
pub(crate) struct Seat(Vec<(StreamId, AgentRecord)>);

impl Seat {
    pub(crate) fn join(&mut self, stream: StreamId, hello: Arc<Hello>, now: Timestamp) {
        let report = Arc::new(judged(&hello));
        self.0.reserve_exact(1); // most agents have one stream
        self.0.push((stream, AgentRecord { hello, basis: Basis::Claimed, report, last_heard: now }));
    }

    pub(crate) fn leave(&mut self, stream: StreamId) {
        self.0.retain(|(other, _)| *other != stream);
    }

    pub(crate) fn of(&mut self, stream: StreamId) -> Option<&mut AgentRecord> {
        self.0.iter_mut().find(|(other, _)| *other == stream).map(|(_, record)| record)
    }

    /// What counts: what was last observed of the agent, or else claimed by it. A new stream that has only claimed so far does not outdo a
    /// report.
    pub(crate) fn reported(&self) -> Option<&AgentRecord> {
        let observed = self.0.iter().rev().find(|(_, record)| record.basis == Basis::Observed);
        observed.or_else(|| self.0.last()).map(|(_, record)| record)
    }

    /// The agent: as its newest stream says who it is, with the report that counts.
    pub(crate) fn record(&self) -> Option<AgentRecord> {
        let (_, newest) = self.0.last()?;
        let record = self.reported()?.clone();
        Some(AgentRecord {
            hello: Arc::clone(&newest.hello),
            last_heard: newest.last_heard.max(record.last_heard),
            ..record
        })
    }

    pub(crate) fn counted(&self) -> Option<(Verdict, Basis)> {
        self.reported().map(|record| (record.report.verdict, record.basis))
    }
}

/// The report of an agent that made none: what its claim comes to.
fn judged(hello: &Hello) -> Report {
    let (verdict, reason) = hello.claim().judge();
    let updater = &hello.updater;
    Report {
        verdict,
        findings: vec![ReportedFinding {
            reason: Some(reason),
            severity: reason.entry().severity,
            since: None,
        }],
        updater: (!updater.kind.is_empty()).then(|| ReportedUpdater {
            kind: updater.kind.clone(),
            version: updater.version.clone(),
            group: updater.group.clone(),
        }),
        observed_at: None,
        last_success: None,
        next_run: None,
        remedy: None,
        namespace: Namespace::default(),
        library_version: None,
        agent_version: None,
    }
}
