//! Agents compared with the versions they should have.

use std::time::Duration;

use jiff::SignedDuration;
use selfcheck_core::Basis;
use selfcheck_core::Policy;
use selfcheck_core::Reason;
use selfcheck_core::Severity;
use selfcheck_core::TeleportVersion;
use selfcheck_core::Verdict;
use selfcheck_core::policy::AlertPolicy;
use selfcheck_core::policy::UpdateTarget;
use selfcheck_fleet::Fleet;
use selfcheck_fleet::FleetConfig;
use selfcheck_fleet::IMPAIRED;
use selfcheck_fleet::Store;
use selfcheck_fleet::StreamId;
use selfcheck_protocol::Hello;
use selfcheck_protocol::Report;
use selfcheck_protocol::ReportedFinding;
use selfcheck_tests::with;

use super::WALL;
use super::hello;
use super::report_of;
use super::timeline::Timeline;

const HOUR: Duration = Duration::from_secs(3600);
const HOLD_DOWN: Duration = Duration::from_secs(600);

fn target(group: Option<&str>, version: &str) -> UpdateTarget {
    let version = TeleportVersion::relaxed(version).expect("a version");
    let target = UpdateTarget::new(version);
    match group {
        Some(group) => target.group(group),
        None => target,
    }
}

/// A report from an agent of this version and group.
fn report(code: &str, version: &str, group: &str) -> Report {
    let mut report = report_of(code);
    report.agent_version = Some(version.into());
    if let Some(updater) = &mut report.updater {
        updater.group = Some(group.into());
    }
    report
}

/// A fleet whose agents should have these versions.
fn fleet(targets: &[UpdateTarget]) -> Fleet {
    let mut policy = Policy::default();
    policy.targets = targets.to_vec();
    Fleet::new(FleetConfig::of(&policy, None))
}

/// What is known of an agent that has only just said this.
fn known(
    targets: &[UpdateTarget],
    hello: Hello,
    report: Option<Report>,
) -> (Verdict, Basis, Vec<&'static str>) {
    let fleet = fleet(targets);
    let place = fleet.joined(StreamId(1), hello, WALL);
    if let Some(report) = report {
        fleet.reported(place, report, None, WALL);
    }
    let record = fleet.find("a1").expect("known");
    let codes = record.report.findings.iter().map(ReportedFinding::code).collect();
    (record.report.verdict, record.basis, codes)
}

#[tokio::test(start_paused = true)]
async fn an_agent_is_behind_when_its_window_is_over_and_until_it_is_updated() {
    let by = Some(WALL + SignedDuration::from_hours(1));
    let targets = vec![with(target(Some("production"), "18.2.0"), |target| target.by = by)];
    let mut timeline = Timeline::with_targets(&AlertPolicy::default(), targets);
    let late = timeline.joins(with(hello("late", "binary"), |hello| hello.version = "18.1.0".into()));
    timeline.reports(late, &report("accompanied", "18.1.0", "production"));
    let there = timeline.joins(hello("there", "binary"));
    timeline.reports(there, &report("accompanied", "18.2.0", "production"));
    let verdict = |timeline: &Timeline, host: &str| timeline.fleet.find(host).expect("known").report.verdict;

    timeline.passes(HOUR.checked_sub(Duration::from_secs(1)).expect("a time")).await;
    assert_eq!(verdict(&timeline, "late"), Verdict::Accompanied);
    timeline.passes(Duration::from_secs(1)).await;
    assert_eq!(verdict(&timeline, "late"), Verdict::Impaired);
    assert_eq!(verdict(&timeline, "there"), Verdict::Accompanied);
    assert_eq!(timeline.fleet.summary(), timeline.fleet.recount());
    timeline.passes(HOLD_DOWN.checked_sub(Duration::from_secs(1)).expect("a time")).await;
    assert_eq!(timeline.changes(), 0);
    timeline.passes(Duration::from_secs(1)).await;
    let message = timeline.message(IMPAIRED).expect("raised");
    assert!(
        message.starts_with("1 of 2 agents have an updater that does not update them (1 behind-target)."),
        "{message}"
    );

    // It says the same again, and then it is updated.
    timeline.reports(late, &report("accompanied", "18.1.0", "production"));
    timeline.passes(Duration::from_secs(5)).await;
    assert_eq!(timeline.message(IMPAIRED).as_deref(), Some(message.as_str()));
    timeline.reports(late, &report("accompanied", "18.2.0", "production"));
    timeline.passes(Duration::from_secs(1)).await;
    assert_eq!((timeline.message(IMPAIRED), verdict(&timeline, "late")), (None, Verdict::Accompanied));
}

#[tokio::test(start_paused = true)]
async fn the_target_is_that_of_the_group_or_else_of_the_others() {
    let targets =
        [target(Some("default"), "18.2.0"), target(Some("production"), "18.1.0"), target(None, "18.3.0")];
    for (version, group, expected) in [
        ("18.1.9", "", Verdict::Impaired),
        ("18.2.0", "", Verdict::Accompanied),
        ("18.2.0-rc.1", "default", Verdict::Impaired),
        ("18.1.0", "production", Verdict::Accompanied),
        ("18.2.0", "elsewhere", Verdict::Impaired),
        ("18.3.1", "elsewhere", Verdict::Accompanied),
        ("no version", "elsewhere", Verdict::Accompanied),
    ] {
        let said = with(hello("a1", "binary"), |hello| hello.version = version.into());
        let (verdict, ..) = known(&targets, said, Some(report("accompanied", version, group)));
        assert_eq!(verdict, expected, "{version} in `{group}`");
    }
    let (verdict, ..) =
        known(&targets[1..2], hello("a1", "binary"), Some(report("accompanied", "1.0.0", "default")));
    assert_eq!(verdict, Verdict::Accompanied, "nobody says what it should have");
}

#[tokio::test(start_paused = true)]
async fn only_an_agent_that_seems_well_is_behind() {
    let targets = [target(None, "19.0.0")];
    for code in ["updates-disabled", "control-plane", "timer-masked", "no-updater", "unknown"] {
        let report = report(code, "18.2.0", "default");
        let (verdict, _, codes) = known(&targets, hello("a1", "binary"), Some(report.clone()));
        let own: Vec<_> = report.findings.iter().map(ReportedFinding::code).collect();
        assert_eq!((verdict, codes), (report.verdict, own), "{code}");
    }
    // One that only claims to have an updater is compared too: there is nothing else to judge it by.
    let (verdict, basis, codes) = known(&targets, hello("a1", "unit"), None);
    assert_eq!(
        (verdict, basis, codes),
        (Verdict::Impaired, Basis::Claimed, vec!["behind-target", "unproven"])
    );
}

#[tokio::test(start_paused = true)]
async fn a_group_that_no_target_names_is_told_where_groups_are_named() {
    let targets = [target(Some("production"), "18.2.0")];
    let codes = |targets: &[UpdateTarget], group: &str| {
        known(targets, hello("a1", "binary"), Some(report("accompanied", "18.2.0", group)))
    };
    let (verdict, _, found) = codes(&targets, "prodution");
    assert_eq!((verdict, found), (Verdict::Accompanied, vec!["group-unknown"]));
    for group in ["production", "default", ""] {
        assert_eq!(codes(&targets, group).2, Vec::<&str>::new(), "{group}");
    }
    assert_eq!(codes(&[target(None, "18.2.0")], "prodution").2, Vec::<&str>::new());
    // An agent that a person has to look after keeps what it reported, with its times.
    let fleet = fleet(&targets);
    let place = fleet.joined(StreamId(1), hello("a1", "binary"), WALL);
    let masked = report("timer-masked", "18.2.0", "prodution");
    fleet.reported(place, masked.clone(), None, WALL);
    let told = fleet.find("a1").expect("known").report;
    let advice = ReportedFinding::new(Some(Reason::GroupUnknown), Severity::Advisory);
    let findings = masked.findings.iter().copied().chain([advice]).collect();
    assert_eq!(*told, with(masked, |report| report.findings = findings));
}
