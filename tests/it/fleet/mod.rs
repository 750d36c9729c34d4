//! The auth side's counts.

mod alerts;
mod hostile;
mod model;
mod refusing;
mod targets;
mod timeline;

use jiff::Timestamp;
use selfcheck_core::Text;
use selfcheck_core::UpdaterKind;
use selfcheck_core::assess;
use selfcheck_fleet::AgentRecord;
use selfcheck_fleet::AlertAck;
use selfcheck_fleet::Cursor;
use selfcheck_fleet::Store;
use selfcheck_protocol::Hello;
use selfcheck_protocol::Report;
use selfcheck_tests::cases;
use selfcheck_tests::with;

const WALL: Timestamp = Timestamp::UNIX_EPOCH;

/// The report of a case.
fn report(case: usize) -> Report {
    let case = &cases()[case % cases().len()];
    Report::from(&assess(&case.observation, &case.policy, case.observation.clock))
}

/// The report of the first case that has this verdict, or is mostly due to this reason.
fn report_of(code: &str) -> Report {
    let reports = (0..cases().len()).map(report);
    let is_it = |report: &Report| {
        report.verdict.code() == code || report.findings.first().is_some_and(|finding| finding.code() == code)
    };
    let mut wanted = reports.filter(is_it);
    wanted.next().unwrap_or_else(|| panic!("no case of {code}"))
}

/// Somebody knows of an alert, for a day.
fn ack(id: &str, now: Timestamp) -> AlertAck {
    let expires = now + jiff::SignedDuration::from_hours(24);
    AlertAck::new(id.to_owned(), "known".to_owned(), expires)
}

/// The Hello of an agent that has an updater, or says it has none.
fn hello(host: &str, upgrader: &str) -> Hello {
    with(Hello::default(), |hello| {
        hello.version = "18.2.0".into();
        hello.server_id = host.into();
        hello.services = vec!["Node".into()];
        hello.hostname = Text::new(&format!("host-of-{host}"));
        hello.updater.kind = UpdaterKind::named(upgrader.into());
    })
}

/// Everything that a fleet tells of, part after part.
fn everybody(fleet: &impl Store) -> Vec<AgentRecord> {
    let mut all = Vec::new();
    let mut from = Some(Cursor::default());
    while let Some(cursor) = from {
        let part = fleet.part(cursor, None, usize::MAX);
        all.extend(part.agents);
        from = part.next;
    }
    all
}
