//! Whatever happens in whatever order, the counts are those of a recount from scratch, and those that follow from what happened.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::SignedDuration;
use jiff::Timestamp;
use proptest::collection::vec;
use proptest::prelude::*;
use selfcheck_core::Basis;
use selfcheck_core::Policy;
use selfcheck_core::TeleportVersion;
use selfcheck_core::Text;
use selfcheck_core::Verdict;
use selfcheck_core::policy::Length;
use selfcheck_core::policy::UpdateTarget;
use selfcheck_fleet::Farewell;
use selfcheck_fleet::FaultSummary;
use selfcheck_fleet::Fleet;
use selfcheck_fleet::FleetConfig;
use selfcheck_fleet::Place;
use selfcheck_fleet::Store;
use selfcheck_fleet::StreamId;
use selfcheck_fleet::Summary;
use selfcheck_protocol::Report;
use selfcheck_tests::with;

use super::WALL;
use super::everybody;
use super::hello;
use super::report;

const SETTLING: u64 = 15;
const HAND_OVER: u64 = 60;

/// How long an agent at fault that disappears is remembered matters to alerts alone; to the counts it never does.
fn fleet(linger: u32, targets: &[UpdateTarget]) -> Fleet {
    let mut policy = Policy::default();
    policy.limits.agents_in_full = 3;
    policy.alerts.hold_down = Length::seconds(50);
    policy.alerts.linger = Length::seconds(linger);
    policy.targets = targets.to_vec();
    let seconds = Duration::from_secs;
    let config = FleetConfig::of(&policy, None).settling(seconds(SETTLING)).hand_over(seconds(HAND_OVER));
    Fleet::new(config.plain_run(seconds(90)).unknown(seconds(200)))
}

/// Something that happens.
#[derive(Debug, Clone)]
enum Event {
    /// An agent opens a stream, and says that it has an updater or none.
    Joins { host: u8, has_updater: bool },
    /// It reports on one of the open streams.
    Reports { stream: usize, case: usize },
    /// It is heard of.
    Heard { stream: usize },
    /// One of the open streams ends.
    Leaves { stream: usize, farewell: Farewell },
    /// Time passes.
    Passes { seconds: u64 },
}

fn event() -> impl Strategy<Value = Event> {
    let farewell = prop_oneof![Just(Farewell::None), Just(Farewell::Goodbye), Just(Farewell::SoftReload)];
    prop_oneof![
        4 => (0..6_u8, any::<bool>()).prop_map(|(host, has_updater)| Event::Joins { host, has_updater }),
        4 => (any::<usize>(), any::<usize>()).prop_map(|(stream, case)| Event::Reports { stream, case }),
        1 => any::<usize>().prop_map(|stream| Event::Heard { stream }),
        3 => (any::<usize>(), farewell).prop_map(|(stream, farewell)| Event::Leaves { stream, farewell }),
        2 => (0..40_u64).prop_map(|seconds| Event::Passes { seconds }),
    ]
}

/// Targets of the groups that agents name, of one that none does, and of the others; with windows that end meanwhile, or have ended.
fn targets() -> impl Strategy<Value = Vec<UpdateTarget>> {
    let groups = [None, Some("default"), Some("production"), Some("nobody")];
    let target = (0..4_u64, proptest::option::of(0..300_i64));
    proptest::option::of(vec(proptest::option::of(target), groups.len())).prop_map(move |given| {
        let given = given.unwrap_or_default().into_iter().zip(groups);
        let target = |(minor, by): (u64, Option<i64>), group: Option<&str>| {
            with(UpdateTarget::new(TeleportVersion::new(18, minor, 0)), |target| {
                target.group = group.map(Text::new);
                target.by = by.map(|by| WALL + SignedDuration::from_secs(by));
            })
        };
        given.filter_map(|(given, group)| Some(target(given?, group))).collect()
    })
}

/// What follows from the events, thought out in the simplest way: nothing is counted until it is asked.
#[derive(Default)]
struct Model {
    now: u64,
    /// In the order in which they were opened, or last reported.
    streams: Vec<ModelStream>,
    /// Since when each agent has been there.
    since: BTreeMap<u8, u64>,
    /// Until when the next process of an agent is awaited.
    awaited: BTreeMap<u8, u64>,
    targets: Vec<UpdateTarget>,
}

struct ModelStream {
    place: Place,
    host: u8,
    claim: Verdict,
    report: Option<Report>,
    version: String,
    group: String,
    /// Whether it has ended, and the next process is awaited.
    has_ended: bool,
}

impl Model {
    fn pass(&mut self) {
        let (now, awaited) = (self.now, &self.awaited);
        let is_over = |host: u8| awaited.get(&host).is_some_and(|until| *until <= now);
        self.streams.retain(|stream| !(stream.has_ended && is_over(stream.host)));
        let streams = &self.streams;
        let is_there = |host: u8| streams.iter().any(|stream| stream.host == host);
        self.since.retain(|host, _| is_there(*host));
        self.awaited.retain(|host, until| now < *until && is_there(*host));
    }

    fn open(&self, number: usize) -> Option<usize> {
        let open: Vec<_> = (0..self.streams.len()).filter(|&index| !self.streams[index].has_ended).collect();
        (!open.is_empty()).then(|| open[number % open.len()])
    }

    fn is_at_fault(&self, host: u8) -> bool {
        let verdict = self.agents().get(&host).map(|(verdict, ..)| *verdict);
        matches!(verdict, Some(Verdict::Unaccompanied | Verdict::Impaired | Verdict::Unknown))
    }

    /// Whether a stream that has ended was the last word of an agent at fault, but for claims.
    fn remembers_a_fault(&self, host: u8) -> bool {
        let is_report =
            |stream: &ModelStream| stream.host == host && stream.has_ended && stream.report.is_some();
        self.is_at_fault(host) && self.streams.iter().any(is_report)
    }

    /// Whether only claims would be left of an agent at fault without this stream.
    fn counts_more_than_claims(&self, index: usize) -> bool {
        let stream = &self.streams[index];
        let others = self.streams.iter().enumerate().filter(|(other, _)| *other != index);
        let has_report = |other: &ModelStream| other.host == stream.host && other.report.is_some();
        stream.report.is_some()
            && self.is_at_fault(stream.host)
            && !others.map(|(_, other)| other).any(has_report)
    }

    fn wall(&self) -> Timestamp {
        WALL + SignedDuration::from_secs(self.now.cast_signed())
    }

    /// A verdict after comparing the agent with its target.
    fn compared(&self, verdict: Verdict, stream: &ModelStream) -> Verdict {
        let group = if stream.group.is_empty() { "default" } else { &stream.group };
        let named = |name: Option<&str>| {
            self.targets.iter().find(|target| target.group.as_ref().map(Text::as_str) == name)
        };
        let Some(target) = named(Some(group)).or_else(|| named(None)) else { return verdict };
        let is_over = target.by.is_none_or(|by| by <= self.wall());
        let is_behind = TeleportVersion::relaxed(&stream.version).expect("a version") < target.version;
        let is_found = verdict == Verdict::Accompanied && is_over && is_behind;
        if is_found { Verdict::Impaired } else { verdict }
    }

    /// The verdict of each agent, and whether it counts.
    fn agents(&self) -> BTreeMap<u8, (Verdict, Basis, bool)> {
        let judged = |host: u8| {
            let own: Vec<_> = self.streams.iter().filter(|stream| stream.host == host).collect();
            let observed =
                own.iter().rev().find_map(|stream| Some((stream.report.as_ref()?.verdict, stream)));
            observed
                .map(|(verdict, stream)| (self.compared(verdict, stream), Basis::Observed))
                .or_else(|| own.last().map(|stream| (self.compared(stream.claim, stream), Basis::Claimed)))
        };
        let counts = |since: u64| self.now >= since + SETTLING;
        self.since
            .iter()
            .filter_map(|(&host, &since)| {
                let (verdict, basis) = judged(host)?;
                Some((host, (verdict, basis, counts(since))))
            })
            .collect()
    }
}

async fn happens(event: Event, fleet: &Fleet, model: &mut Model, next: &mut u64) {
    match event {
        Event::Joins { host, has_updater } => {
            *next += 1;
            let kind = if has_updater { "binary" } else { "" };
            let version = format!("18.{}.0", *next % 3);
            let said =
                with(hello(&format!("host-{host}"), kind), |hello| hello.version = version.as_str().into());
            let place = fleet.joined(StreamId(*next), said, model.wall());
            let claim = if has_updater { Verdict::Accompanied } else { Verdict::Unaccompanied };
            let group = String::new();
            let stream = ModelStream { place, host, claim, report: None, version, group, has_ended: false };
            model.streams.push(stream);
            model.since.entry(host).or_insert(model.now);
        }
        Event::Reports { stream, case } => {
            let Some(index) = model.open(stream) else { return };
            let report = report(case);
            fleet.reported(model.streams[index].place, report.clone(), None, model.wall());
            let host = model.streams[index].host;
            if let Some(version) = &report.agent_version {
                model.streams[index].version = version.to_string();
            }
            if let Some(updater) = report.stock_updater() {
                model.streams[index].group = updater.group.unwrap_or_default().to_string();
            }
            // What is reported last counts.
            let mut stream = model.streams.remove(index);
            stream.report = Some(report);
            model.streams.push(stream);
            model.streams.retain(|stream| stream.host != host || !stream.has_ended);
            model.awaited.remove(&host);
        }
        Event::Heard { stream } => {
            let Some(index) = model.open(stream) else { return };
            fleet.heard(model.streams[index].place, None, model.wall());
        }
        Event::Leaves { stream, farewell } => {
            let Some(index) = model.open(stream) else { return };
            fleet.left(model.streams[index].place, farewell);
            let host = model.streams[index].host;
            let counts_more = model.counts_more_than_claims(index);
            if farewell == Farewell::SoftReload {
                model.awaited.entry(host).or_insert(model.now + HAND_OVER);
                if model.streams[index].report.is_none() && model.remembers_a_fault(host) {
                    model.streams.remove(index);
                    model.pass();
                    return;
                }
                model.streams[index].has_ended = true;
                // One ended stream is enough to be taken over from.
                let ended = model.streams[index].place;
                model
                    .streams
                    .retain(|stream| stream.host != host || !stream.has_ended || stream.place == ended);
            } else if counts_more && model.awaited.contains_key(&host) {
                model.streams[index].has_ended = true;
            } else {
                model.streams.remove(index);
            }
        }
        Event::Passes { seconds } => {
            tokio::time::advance(Duration::from_secs(seconds)).await;
            model.now += seconds;
        }
    }
    model.pass();
}

fn agree(fleet: &Fleet, model: &Model) {
    let summary = fleet.summary();
    assert_eq!(summary, fleet.recount());
    let agents = model.agents();
    let mut wanted: BTreeMap<(Verdict, Basis), u64> = BTreeMap::new();
    for (verdict, basis, counts) in agents.values() {
        if *counts {
            *wanted.entry((*verdict, *basis)).or_default() += 1;
        }
    }
    let counted: BTreeMap<_, _> = summary.verdicts.iter().map(|count| (count.of, count.agents)).collect();
    assert_eq!(counted, wanted);
    assert_eq!(summary.agents, wanted.values().sum::<u64>());
    let mut versions: BTreeMap<&str, u64> = BTreeMap::new();
    for host in agents.iter().filter(|(_, (_, _, counts))| *counts).map(|(host, _)| host) {
        let newest = model.streams.iter().rfind(|stream| stream.host == *host).expect("a stream");
        *versions.entry(&newest.version).or_default() += 1;
    }
    let counted: BTreeMap<_, _> =
        summary.versions.iter().map(|count| (count.of.as_str(), count.agents)).collect();
    assert_eq!(counted, versions);
    let settling = agents.values().filter(|(_, _, counts)| !counts).count();
    assert_eq!(summary.settling, u64::try_from(settling).expect("a number"));
    let all = everybody(fleet);
    let told: BTreeMap<_, _> = all
        .iter()
        .map(|record| (record.hello.server_id.to_string(), (record.report.verdict, record.basis)))
        .collect();
    let wanted: BTreeMap<_, _> = agents
        .iter()
        .map(|(host, &(verdict, basis, _))| (format!("host-{host}"), (verdict, basis)))
        .collect();
    assert_eq!((all.len(), &told, fleet.len()), (wanted.len(), &wanted, wanted.len()));
    for (host, (verdict, _)) in wanted {
        assert_eq!(fleet.find(&host).expect("known").report.verdict, verdict);
    }
}

/// A runtime whose time stands still.
fn paused() -> tokio::runtime::Runtime {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    builder.enable_time().start_paused(true).build().expect("runtime")
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]

    #[test]
    fn the_counts_are_those_of_a_recount(events in vec(event(), 1..60), targets in targets()) {
        paused().block_on(async {
            let fleet = fleet(0, &targets);
            let mut model = Model { targets, ..Model::default() };
            let mut next = 0;
            for event in events {
                happens(event, &fleet, &mut model, &mut next).await;
                agree(&fleet, &model);
                assert_eq!(fleet.faults(), fleet.recount_faults());
            }
            for stream in &model.streams {
                fleet.left(stream.place, Farewell::Goodbye);
            }
            tokio::time::advance(Duration::from_secs(HAND_OVER)).await;
            assert_eq!((fleet.summary(), fleet.len()), (Summary::default(), 0));
        });
    }

    #[test]
    fn the_agents_at_fault_are_those_of_a_recount(
        events in vec(event(), 1..80),
        linger in 0..300_u32,
        targets in targets(),
    ) {
        paused().block_on(async {
            let fleet = fleet(linger, &targets);
            let mut model = Model { targets, ..Model::default() };
            let mut next = 0;
            for event in events {
                happens(event, &fleet, &mut model, &mut next).await;
                assert_eq!(fleet.faults(), fleet.recount_faults());
                assert_eq!(fleet.summary(), fleet.recount());
                assert_eq!(fleet.len(), everybody(&fleet).len());
            }
            for stream in &model.streams {
                fleet.left(stream.place, Farewell::None);
            }
            // Whoever leaves at last still counts for a while, and then nobody does.
            tokio::time::advance(Duration::from_secs(HAND_OVER)).await;
            fleet.summary();
            tokio::time::advance(Duration::from_secs(linger.into())).await;
            assert_eq!(fleet.faults(), FaultSummary::default());
            assert_eq!((fleet.summary(), fleet.len()), (Summary::default(), 0));
        });
    }
}
