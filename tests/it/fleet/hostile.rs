//! Agents that want to fill the auth server's memory, or its summary.

use std::time::Duration;

use selfcheck_core::Policy;
use selfcheck_core::Text;
use selfcheck_core::UpdaterKind;
use selfcheck_core::Verdict;
use selfcheck_fleet::AgentRecord;
use selfcheck_fleet::Farewell;
use selfcheck_fleet::Fleet;
use selfcheck_fleet::FleetConfig;
use selfcheck_fleet::Store;
use selfcheck_fleet::StreamId;
use selfcheck_fleet::Summary;
use selfcheck_protocol::ClaimedUpdater;
use selfcheck_protocol::Count;
use selfcheck_protocol::ReportedFinding;
use selfcheck_tests::cases;
use selfcheck_tests::with;

use super::WALL;
use super::hello;
use super::report;

const AGENTS: u64 = 100_000;

fn fleet() -> Fleet {
    Fleet::new(FleetConfig::default().settling(Duration::ZERO))
}

fn all_but_a_few_are_other<T: PartialEq>(counts: &[Count<T>], other: &T, most: usize) {
    assert!(counts.len() <= most, "{}", counts.len());
    let other = counts.iter().find(|count| count.of == *other).expect("other");
    assert!(other.agents > AGENTS - 4097, "{}", other.agents);
    assert_eq!(counts.iter().map(|count| count.agents).sum::<u64>(), AGENTS);
}

#[tokio::test]
async fn a_hundred_thousand_versions_and_groups_are_other() {
    let fleet = fleet();
    let mut places = Vec::new();
    for number in 0..AGENTS {
        let named = |what: &str| Text::new(&format!("{what}{number}"));
        let updater = with(ClaimedUpdater::default(), |updater| {
            (updater.kind, updater.group) = (UpdaterKind::named(named("k")), Some(named("g")));
        });
        let host = format!("host-{number}");
        let hello =
            with(hello(&host, ""), |hello| (hello.version, hello.updater) = (named("18.0."), updater));
        places.push(fleet.joined(StreamId(number), hello, WALL));
    }
    let summary = fleet.summary();
    assert_eq!((summary.agents, fleet.recount()), (AGENTS, summary.clone()));
    let other = || Text::from("other");
    all_but_a_few_are_other(&summary.versions, &other(), 4098);
    all_but_a_few_are_other(&summary.groups, &other(), 4098);
    all_but_a_few_are_other(&summary.kinds, &Some(UpdaterKind::other()), 70);
    // Where they are gone there is room for those of others.
    for place in places {
        fleet.left(place, Farewell::None);
    }
    fleet.joined(StreamId(AGENTS), hello("a", "binary"), WALL);
    let versions = fleet.summary().versions;
    assert_eq!((versions.len(), versions[0].of.as_str()), (1, "18.2.0"));
}

#[tokio::test]
async fn of_no_more_agents_than_so_many_is_the_whole_report_kept() {
    let mut policy = Policy::default();
    policy.limits.agents_in_full = 10;
    let fleet = Fleet::new(FleetConfig::of(&policy, None).settling(Duration::ZERO));
    let bad = (0..cases().len()).find(|case| report(*case).verdict == Verdict::Impaired).expect("a case");
    for number in 0..20 {
        let place = fleet.joined(StreamId(number), hello(&format!("host-{number}"), "binary"), WALL);
        fleet.reported(place, report(bad), None, WALL);
    }
    let all = super::everybody(&fleet);
    let (whole, part): (Vec<_>, Vec<_>) = all.iter().partition(|record| record.report.observed_at.is_some());
    assert_eq!((whole.len(), part.len()), (10, 10));
    // What is counted and acted on is there of all.
    let acted_on = |record: &&AgentRecord| {
        let codes: Vec<_> = record.report.findings.iter().map(ReportedFinding::code).collect();
        (record.report.verdict, codes, record.report.remedy.clone())
    };
    assert_eq!(whole.first().map(acted_on), part.first().map(acted_on));
}

#[tokio::test(start_paused = true)]
async fn one_that_reloads_all_the_time_takes_one_place_and_no_words_of_others() {
    let fleet = fleet();
    let good = fleet.joined(StreamId(0), hello("good", "binary"), WALL);
    for number in 1..AGENTS {
        let said = with(hello("bad", "binary"), |hello| hello.version = Text::new(&format!("18.0.{number}")));
        let place = fleet.joined(StreamId(number), said, WALL);
        fleet.left(place, Farewell::SoftReload);
    }
    let summary = fleet.summary();
    assert_eq!((fleet.len(), summary.agents, summary.versions.len()), (2, 2, 2));
    assert!(summary.versions.iter().all(|count| count.of != *"other"), "{:?}", summary.versions);
    tokio::time::advance(Duration::from_secs(60)).await;
    assert_eq!(fleet.summary().agents, 1);
    fleet.left(good, Farewell::None);
    assert_eq!(fleet.summary(), Summary::default());
}
