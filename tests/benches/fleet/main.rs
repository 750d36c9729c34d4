//! What a million agents cost the auth side's registry, on one core.
#![expect(
    clippy::print_stdout,
    clippy::expect_used,
    clippy::disallowed_methods,
    reason = "a benchmark reads the clock and prints"
)]

#[path = "../figures.rs"]
mod figures;

use std::collections::BTreeMap;
use std::hint::black_box;
use std::time::Duration;
use std::time::Instant;

use figures::Sample;
use figures::verdict;
use jiff::Timestamp;
use selfcheck_core::Policy;
use selfcheck_core::TeleportVersion;
use selfcheck_core::Text;
use selfcheck_core::UpdaterKind;
use selfcheck_core::Verdict;
use selfcheck_core::assess;
use selfcheck_core::policy::Length;
use selfcheck_core::policy::UpdateTarget;
use selfcheck_fleet::AlertKeeper;
use selfcheck_fleet::AlertStore;
use selfcheck_fleet::Alerts;
use selfcheck_fleet::Cursor;
use selfcheck_fleet::Fleet;
use selfcheck_fleet::FleetConfig;
use selfcheck_fleet::Place;
use selfcheck_fleet::Store;
use selfcheck_fleet::StreamId;
use selfcheck_protocol::AlertFilter;
use selfcheck_protocol::Hello;
use selfcheck_protocol::Report;
use selfcheck_tests::resident;
use selfcheck_tests::with;

const AGENTS: u64 = 1_000_000;
/// One in so many needs a person.
const NEEDS_A_PERSON: u64 = 100;
const CHANGES: u64 = 1_000_000;
const RUNS: usize = 10;
const READS: usize = 10_000;
/// Targets of the project.
const BYTES_EACH: f64 = 256.0;
const CHANGES_PER_SECOND: f64 = 1e6;
const SUMMARY_US: f64 = 10.0;
const RECOUNT_SECONDS: f64 = 1.0;
/// Fleets of any size take the same time; the rest is noise.
const EVALUATION: f64 = 1.5;

fn main() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("runtime");
    runtime.block_on(async { measure() });
}

fn measure() {
    println!("machine: {}", figures::machine());
    let (well, ill) = (report("schedule: all is well"), report("schedule: the timer is masked"));
    assert_eq!((well.verdict, ill.verdict), (Verdict::Accompanied, Verdict::Impaired));
    let (fleet, places, bytes) = filled(FleetConfig::default(), [&well, &ill]);
    println!(
        "{AGENTS} agents with their own host id and name, one in {NEEDS_A_PERSON} needs a person: {:.0} MB",
        figures::mega(bytes)
    );
    let bytes = float(bytes) / float(AGENTS);
    verdict("  resident memory of each, bytes", bytes, "at most", BYTES_EACH);

    let changing: Vec<f64> = (0..RUNS).map(|run| changes(&fleet, &places, run, [&well, &ill])).collect();
    let changing = Sample::new(changing);
    println!("  a million changes of status, one after the other, in random places: {changing}");
    verdict(
        "  changes of status per second",
        1e6 * float(CHANGES) / changing.median(),
        "at least",
        CHANGES_PER_SECOND,
    );

    let copies = Sample::new(
        (0..RUNS).map(|_| micros(|| (0..CHANGES).for_each(|_| drop(black_box(ill.clone()))))).collect(),
    );
    println!("  of that the copies of the reports, which the measuring makes: {copies}");

    let reads: Vec<f64> = (0..READS).map(|_| micros(|| drop(black_box(fleet.summary())))).collect();
    let reads = Sample::new(reads);
    println!("  a summary: n={READS}, median {:.2} µs, p99 {:.2} µs", reads.median(), reads.at(99));
    verdict("  a summary, p99, µs", reads.at(99), "at most", SUMMARY_US);

    let recounts = Sample::new((0..RUNS).map(|_| micros(|| drop(black_box(fleet.recount())))).collect());
    println!("  a recount: {recounts}");
    verdict("  a recount, s", recounts.median() / 1e6, "at most", RECOUNT_SECONDS);

    let scans = Sample::new((0..RUNS).map(|_| micros(|| drop(black_box(scan(&fleet))))).collect());
    println!("  a scan over all instances, as stock Teleport counts, from memory: {scans}");
    println!("  a summary in place of such a scan: {:.0} times faster", scans.median() / reads.median());
    drop((fleet, places));

    let mut policy = Policy::default();
    policy.targets = targets();
    let config = FleetConfig::of(&policy, None);
    let (fleet, places, _) = filled(config, [&well, &ill]);
    let compared: Vec<f64> = (0..RUNS).map(|run| changes(&fleet, &places, run, [&well, &ill])).collect();
    let compared = Sample::new(compared);
    println!("  the changes of status where every agent is compared with a target version: {compared}");
    println!("  to those without targets: {:.2}", compared.median() / changing.median());
    drop((fleet, places));

    let [few, many] = [AGENTS / 1000, AGENTS].map(evaluation);
    for (agents, sample) in [(AGENTS / 1000, &few), (AGENTS, &many)] {
        println!(
            "  alerts of {agents} agents, evaluated and found as they should be: n={READS}, median {:.2} µs, p99 {:.2} µs",
            sample.median(),
            sample.at(99)
        );
    }
    verdict("  of the million to the thousand", many.median() / few.median(), "at most", EVALUATION);
}

/// A fleet in which one agent in so many needs a person, the places of its agents, and the bytes that it takes.
fn filled(config: FleetConfig, [well, ill]: [&Report; 2]) -> (Fleet, Vec<Place>, u64) {
    // The streams keep these; they are touched before, so that they do not count.
    let mut places: Vec<Option<Place>> = (0..AGENTS).map(|_| None).collect();
    black_box(&mut places);
    let before = resident(std::process::id());
    let fleet = Fleet::new(config.settling(Duration::ZERO));
    for (agent, kept) in (0..AGENTS).zip(&mut places) {
        let place = fleet.joined(StreamId(agent), hello(agent), Timestamp::UNIX_EPOCH);
        *kept = Some(place);
        let report = if agent.is_multiple_of(NEEDS_A_PERSON) { ill } else { well };
        fleet.reported(place, report.clone(), None, Timestamp::UNIX_EPOCH);
    }
    let places = places.into_iter().flatten().collect();
    (fleet, places, resident(std::process::id()) - before)
}

/// Those of two groups and of all others, which every agent here has.
fn targets() -> Vec<UpdateTarget> {
    let all = UpdateTarget::new(TeleportVersion::new(18, 2, 0));
    vec![all.clone().group("default"), all.clone().group("production"), all]
}

/// Microseconds in which alerts are evaluated, where one agent in so many is at fault and counts.
fn evaluation(agents: u64) -> Sample {
    let mut policy = Policy::default();
    policy.alerts.hold_down = Length::seconds(0);
    policy.alerts.linger = Length::seconds(0);
    let fleet = Fleet::new(FleetConfig::of(&policy, None).settling(Duration::ZERO));
    let ill = report("schedule: the timer is masked");
    let now = Timestamp::UNIX_EPOCH;
    for agent in 0..agents {
        let place = fleet.joined(StreamId(agent), hello(agent), now);
        if agent.is_multiple_of(NEEDS_A_PERSON) {
            fleet.reported(place, ill.clone(), None, now);
        }
    }
    std::thread::sleep(Duration::from_secs(1)); // an agent is at fault for a second at least
    assert_eq!(fleet.faults().impaired.agents, agents / NEEDS_A_PERSON);
    let mut keeper = AlertKeeper::new(&policy.alerts, None);
    let alerts = Alerts::default();
    let evaluated: Vec<f64> = (0..READS)
        .map(|_| micros(|| keeper.keep(&fleet.faults(), &alerts, now).expect("valid alerts")))
        .collect();
    assert_eq!(alerts.list(&AlertFilter::default(), now).len(), 1);
    Sample::new(evaluated)
}

/// Microseconds of a million reports that each change a status, of agents here and there.
fn changes(fleet: &Fleet, places: &[Place], run: usize, reports: [&Report; 2]) -> f64 {
    // A step that shares no divisor with the number of agents comes to each of them once.
    let step = 611_953;
    let [well, ill] = reports;
    let began = Instant::now();
    for change in 0..CHANGES {
        let agent = change * step % AGENTS;
        let place = places[usize::try_from(agent).expect("a number")];
        let was_ill = agent.is_multiple_of(NEEDS_A_PERSON) == run.is_multiple_of(2);
        let report = if was_ill { well } else { ill };
        fleet.reported(place, report.clone(), None, Timestamp::UNIX_EPOCH);
    }
    began.elapsed().as_secs_f64() * 1e6
}

/// How stock Teleport answers how many agents there are of which version and updater: it looks at each.
fn scan(fleet: &Fleet) -> BTreeMap<(String, String), u64> {
    let mut counts = BTreeMap::new();
    let mut from = Some(Cursor::default());
    while let Some(cursor) = from {
        let part = fleet.part(cursor, None, usize::MAX);
        for agent in part.agents {
            let hello = agent.hello.to_wire();
            *counts.entry((hello.version, hello.external_upgrader)).or_default() += 1;
        }
        from = part.next;
    }
    counts
}

fn report(case: &str) -> Report {
    let case = selfcheck_tests::case(case);
    Report::from(&assess(&case.observation, &case.policy, case.observation.clock))
}

fn hello(agent: u64) -> Hello {
    let id = uuid(agent);
    let hostname = format!("ip-10-{}-{}.eu-central-1.compute.internal", agent / 1000, agent % 1000);
    with(Hello::default(), |hello| {
        hello.version = "18.2.0".into();
        hello.server_id = Text::new(&id);
        hello.services = vec!["Node".into()];
        hello.hostname = Text::new(&hostname);
        hello.updater.kind = Some(UpdaterKind::Binary);
        hello.updater.version = Some("18.2.0".into());
        hello.updater.group = Some("default".into());
        hello.updater.status = Some(selfcheck_core::UpdaterStatus::Ok);
    })
}

fn uuid(agent: u64) -> String {
    let digits = format!("{:016x}{agent:016x}", agent.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    format!("{}-{}-{}-{}-{}", &digits[..8], &digits[8..12], &digits[12..16], &digits[16..20], &digits[20..])
}

fn micros(run: impl FnOnce()) -> f64 {
    let began = Instant::now();
    run();
    began.elapsed().as_secs_f64() * 1e6
}

#[expect(clippy::cast_precision_loss, reason = "a number to be shown")]
const fn float(number: u64) -> f64 {
    number as f64
}
