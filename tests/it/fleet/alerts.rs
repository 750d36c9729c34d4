//! When alerts are raised and cleared, and what they say.

use std::time::Duration;

use selfcheck_core::policy::AlertAcknowledgement;
use selfcheck_core::policy::AlertPolicy;
use selfcheck_core::policy::AlertSeverity;
use selfcheck_fleet::AlertStore;
use selfcheck_fleet::Farewell;
use selfcheck_fleet::IMPAIRED;
use selfcheck_fleet::Place;
use selfcheck_fleet::Store;
use selfcheck_fleet::UNACCOMPANIED;
use selfcheck_fleet::UNVERIFIED;
use selfcheck_fleet::labels;
use selfcheck_protocol::AlertFilter;
use selfcheck_protocol::Report;
use selfcheck_tests::with;

use super::hello;
use super::report_of;
use super::timeline::Timeline;

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
const FLEET: usize = 20_000;

fn policy() -> AlertPolicy {
    AlertPolicy::default()
}

/// Agents that have an updater, the first so many of which report `bad`, the others that they are accompanied.
async fn fleet(time: &mut Timeline, agents: usize, bad: usize, report: &Report) -> Vec<Place> {
    let good = report_of("accompanied");
    let places: Vec<_> =
        (0..agents).map(|number| time.joins(hello(&format!("host-{number}"), "binary"))).collect();
    for (number, place) in places.iter().enumerate() {
        time.reports(*place, if number < bad { report } else { &good });
    }
    time.passes(20 * SECOND).await;
    places
}

#[tokio::test(start_paused = true)]
async fn one_agent_counts_after_the_hold_down_and_no_longer_when_it_is_mended() {
    let mut time = Timeline::new(&policy());
    let places = fleet(&mut time, 10, 1, &report_of("updater-not-enabled")).await;
    time.passes(9 * MINUTE + 39 * SECOND).await;
    assert_eq!(time.changes(), 0);
    time.passes(SECOND).await;
    assert_eq!(
        time.message(UNACCOMPANIED).expect("raised"),
        "1 of 10 agents have no updater (1 not enabled). On each host run `sudo teleport-update enable` (may update and \
         reload the agent now). List: `teleport-selfcheck inventory ls --verdict unaccompanied`."
    );
    let alert = &time.shown()[0];
    let label = |key: &str| alert.labels.get(key).map(String::as_str);
    assert_eq!(alert.severity, AlertSeverity::Medium);
    assert_eq!((label(labels::ON_LOGIN), label(labels::VERB_PERMIT)), (Some("yes"), Some("token:create")));
    assert_eq!(label(labels::SUPERSEDES), Some("auto-upgrade-enroll"));
    time.reports(places[0], &report_of("accompanied"));
    time.passes(SECOND).await;
    assert!(time.shown().is_empty());
    // Begun anew, it is held down anew.
    time.reports(places[0], &report_of("no-updater"));
    time.passes(9 * MINUTE).await;
    assert!(time.shown().is_empty());
    // Another reason not to be updated makes it no better.
    time.reports(places[0], &report_of("timer-masked"));
    time.passes(MINUTE).await;
    assert!(time.message(IMPAIRED).expect("raised").contains("1 timer-masked"));
}

#[tokio::test(start_paused = true)]
async fn what_is_held_exempt_or_acknowledged_raises_nothing() {
    let anybody = || AlertAcknowledgement::new("updated by Ansible");
    let acknowledged =
        |host: &str, until| with(anybody(), |ack| (ack.host_id, ack.until) = (Some(host.into()), until));
    let theirs = with(anybody(), |ack| ack.group = Some("theirs".into()));
    let until = super::WALL + jiff::SignedDuration::from_mins(30);
    let acknowledged = vec![acknowledged("host-0", None), acknowledged("host-1", Some(until)), theirs];
    let mut time = Timeline::new(&with(policy(), |policy| policy.acknowledged = acknowledged));
    let places = fleet(&mut time, 10, 2, &report_of("no-updater")).await;
    for (place, code) in places[2..].iter().zip(["updates-disabled", "version-pinned", "control-plane"]) {
        time.reports(*place, &report_of(code));
    }
    time.passes(29 * MINUTE + 39 * SECOND).await;
    assert_eq!(time.changes(), 0);
    time.passes(2 * SECOND).await;
    assert!(time.message(UNACCOMPANIED).expect("no longer acknowledged").starts_with("1 of 9 agents"));
    // It moves to a group that is, and out of it again.
    let mut moved = hello("host-1", "");
    moved.updater.group = Some("theirs".into());
    time.vanishes(places[1]);
    let place = time.joins(moved);
    time.passes(11 * MINUTE).await;
    assert_eq!(time.message(UNACCOMPANIED), None);
    time.reports(place, &report_of("no-updater"));
    time.passes(SECOND).await;
    assert!(time.message(UNACCOMPANIED).is_some());
}

#[tokio::test(start_paused = true)]
async fn a_restart_storm_neither_raises_nor_clears() {
    let mut time = Timeline::new(&policy());
    let bad = report_of("timer-masked");
    let mut places = fleet(&mut time, FLEET, 400, &bad).await;
    time.passes(10 * MINUTE).await;
    let raised = time.message(IMPAIRED).expect("raised");
    assert!(raised.starts_with("400 of 20,000 agents"), "{raised}");
    // The auth server's side of every connection breaks at once; agents come back within a minute, and report a moment later. Half of them
    // claim an updater before they report, and half claim none.
    for place in &places {
        time.vanishes(*place);
    }
    let good = report_of("accompanied");
    for batch in 0..60 {
        let from = batch * FLEET / 60;
        let to = (batch + 1) * FLEET / 60;
        for (number, place) in (from..to).zip(&mut places[from..to]) {
            let kind = if number % 2 == 0 { "binary" } else { "" };
            *place = time.joins(hello(&format!("host-{number}"), kind));
        }
        time.passes(SECOND).await;
        for (number, place) in (from..to).zip(&places[from..to]) {
            time.reports(*place, if number < 400 { &bad } else { &good });
        }
    }
    time.passes(30 * MINUTE).await;
    assert_eq!((time.changes(), time.message(IMPAIRED)), (1, Some(raised)));
}

#[tokio::test(start_paused = true)]
async fn a_flapping_tenth_raises_nothing_and_a_flapping_connection_hides_nothing() {
    let mut time = Timeline::new(&policy());
    let (bad, good) = (report_of("timer-inactive"), report_of("accompanied"));
    let mut places = fleet(&mut time, FLEET, 0, &bad).await;
    for round in 0..30 {
        for place in &places[..FLEET / 10] {
            time.reports(*place, if round % 2 == 0 { &bad } else { &good });
        }
        time.passes(MINUTE).await;
    }
    assert_eq!(time.changes(), 0);
    // Now it is the connections of agents at fault that come and go.
    for place in &places[..FLEET / 10] {
        time.reports(*place, &bad);
    }
    for _ in 0..10 {
        time.passes(30 * SECOND).await;
        for place in &places[..FLEET / 10] {
            time.vanishes(*place);
        }
        time.passes(10 * SECOND).await;
        for (number, place) in places[..FLEET / 10].iter_mut().enumerate() {
            *place = time.joins(hello(&format!("host-{number}"), "binary"));
            time.reports(*place, &bad);
        }
        time.passes(20 * SECOND).await;
    }
    time.passes(20 * SECOND).await;
    let message = time.message(IMPAIRED).expect("raised, though no connection lasted");
    assert!(message.starts_with("2,000 of 20,000 agents"), "{message}");
    assert_eq!(time.changes(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_claim_mends_nothing_that_was_seen() {
    let mut time = Timeline::new(&policy());
    let bad = report_of("timer-masked");
    let places = fleet(&mut time, 10, 2, &bad).await;
    // Beside the self-check of one of them the stock agent has a stream of its own.
    let stock = time.joins(hello("host-0", "binary"));
    time.passes(10 * MINUTE).await;
    assert!(time.message(IMPAIRED).expect("raised").starts_with("2 of 10"));
    // Its self-check is restarted; the other one's process dies, and the next speaks before the connection of the first has broken.
    time.vanishes(places[0]);
    let next = time.joins(hello("host-1", "binary"));
    time.vanishes(places[1]);
    time.passes(MINUTE).await;
    let again = time.joins(hello("host-0", "binary"));
    time.reports(again, &bad);
    time.reports(next, &bad);
    time.passes(20 * MINUTE).await;
    assert_eq!(time.changes(), 1);
    // It reloads before it has reported again.
    time.fleet.left(next, Farewell::SoftReload);
    let third = time.joins(hello("host-1", "binary"));
    time.fleet.left(third, Farewell::SoftReload);
    time.joins(hello("host-1", "binary"));
    time.passes(9 * MINUTE).await;
    assert_eq!(time.changes(), 1);
    // Nobody looks at them any more: after a while only what they claim is known.
    time.vanishes(again);
    time.passes(9 * MINUTE).await;
    assert!(time.message(IMPAIRED).expect("one is remembered").starts_with("1 of 10"));
    time.passes(2 * MINUTE).await;
    assert_eq!(time.message(IMPAIRED), None);
    time.vanishes(stock);
}

#[tokio::test(start_paused = true)]
async fn runs_that_fail_all_over_are_first_taken_for_the_proxys_fault() {
    let mut time = Timeline::new(&policy());
    let failed = report_of("run-failed");
    let places = fleet(&mut time, FLEET, 0, &failed).await;
    time.reports(places[0], &report_of("timer-masked"));
    // Three in ten begin to fail within ten minutes.
    for batch in places[1..6001].chunks(600) {
        for place in batch {
            time.reports(*place, &failed);
        }
        time.passes(MINUTE).await;
    }
    time.passes(49 * MINUTE).await;
    let before = time.message(IMPAIRED).expect("the masked timer has nothing to do with it");
    assert!(before.starts_with("1 of 20,000 agents"), "{before}");
    assert_eq!(time.changes(), 1);
    time.passes(10 * MINUTE + SECOND).await;
    let after = time.message(IMPAIRED).expect("raised");
    assert!(after.starts_with("6,001 of 20,000 agents"), "{after}");
    assert!(after.contains("6,000 began to fail together: suspect the proxy."), "{after}");
    // It works again: all of them are mended by their next runs.
    for place in &places[1..6001] {
        time.reports(*place, &report_of("accompanied"));
    }
    time.passes(SECOND).await;
    assert_eq!(time.message(IMPAIRED), Some(before));
}

#[tokio::test(start_paused = true)]
async fn runs_that_fail_here_and_there_are_given_three_periods() {
    let mut time = Timeline::new(&policy());
    let places = fleet(&mut time, 100, 0, &report_of("accompanied")).await;
    for place in &places[..20] {
        time.reports(*place, &report_of("run-failed"));
    }
    time.passes(17 * MINUTE + 59 * SECOND).await;
    assert_eq!(time.changes(), 0);
    time.passes(SECOND).await;
    let message = time.message(IMPAIRED).expect("raised");
    assert!(message.starts_with("20 of 100 agents") && !message.contains("suspect"), "{message}");
}

#[tokio::test(start_paused = true)]
async fn disappearing_mends_nothing() {
    let mut time = Timeline::new(&policy());
    let places = fleet(&mut time, FLEET, 600, &report_of("no-updater")).await;
    time.passes(10 * MINUTE).await;
    // Three in ten vanish, with and without a fault.
    for (_, place) in places.iter().enumerate().filter(|(number, _)| number % 10 < 3) {
        time.vanishes(*place);
    }
    time.passes(9 * MINUTE).await;
    assert_eq!(time.changes(), 1);
    let message = time.message(UNACCOMPANIED).expect("raised");
    assert!(message.starts_with("600 of 20,000 agents"), "{message}");
    time.passes(2 * MINUTE).await;
    let message = time.message(UNACCOMPANIED).expect("the others are there");
    assert!(message.starts_with("420 of 14,000 agents"), "{message}");
    for (_, place) in places[..600].iter().enumerate().filter(|(number, _)| number % 10 >= 3) {
        time.vanishes(*place);
    }
    time.passes(9 * MINUTE).await;
    assert!(time.message(UNACCOMPANIED).is_some());
    time.passes(2 * MINUTE).await;
    assert_eq!(time.message(UNACCOMPANIED), None);
}

#[tokio::test(start_paused = true)]
async fn an_agent_far_behind_makes_it_grave_and_an_acknowledgement_ends_with_growth() {
    let mut time = Timeline::new(&policy());
    let places = fleet(&mut time, 100, 10, &report_of("no-updater")).await;
    time.passes(10 * MINUTE).await;
    let (now, ack) = (time.now(), super::ack(UNACCOMPANIED, time.now()));
    time.alerts.acknowledge(ack, now).expect("the first one");
    let worse = |time: &Timeline, agents: &[Place]| {
        for place in agents {
            time.reports(*place, &report_of("no-updater"));
        }
    };
    worse(&time, &places[10..12]);
    time.passes(11 * MINUTE).await;
    assert_eq!(time.message(UNACCOMPANIED), None, "two more are a fifth, and no more");
    worse(&time, &places[12..13]);
    time.passes(11 * MINUTE).await;
    assert!(time.message(UNACCOMPANIED).expect("shown again").starts_with("13 of 100"));
    let old = with(hello("old", ""), |hello| hello.version = "17.5.1".into());
    let old = time.joins(old);
    time.passes(11 * MINUTE).await;
    let alert = time.shown().remove(0);
    assert_eq!(alert.severity, AlertSeverity::High);
    assert!(
        alert.message.starts_with("14 of 101 agents have no updater (13 not installed; 1 by claim only).")
    );
    assert!(alert.message.contains("1 a major version or more behind."), "{}", alert.message);
    time.vanishes(old);
    time.passes(11 * MINUTE).await;
    assert_eq!(time.shown()[0].severity, AlertSeverity::Medium);
}

#[tokio::test(start_paused = true)]
async fn agents_that_nobody_knows_anything_of_are_a_notice_after_a_day() {
    let mut time = Timeline::new(&policy());
    let places = fleet(&mut time, 100, 6, &report_of("bus-denied")).await;
    time.passes((24 * 60 - 1) * MINUTE + 39 * SECOND).await;
    assert_eq!(time.changes(), 0);
    time.passes(SECOND).await;
    let alert = time.shown().remove(0);
    assert_eq!((alert.id.as_str(), alert.severity), (UNVERIFIED, AlertSeverity::Low));
    assert!(
        alert.message.starts_with("6 of 100 agents") && alert.message.contains("6 bus-denied"),
        "{}",
        alert.message
    );
    time.reports(places[0], &report_of("accompanied"));
    time.passes(SECOND).await;
    assert!(time.shown().is_empty(), "five in a hundred are no more than may be");
}

#[tokio::test(start_paused = true)]
async fn an_alert_taken_back_is_raised_again_and_one_that_lasts_is_renewed() {
    let mut time = Timeline::new(&policy());
    fleet(&mut time, 10, 1, &report_of("no-updater")).await;
    time.passes(10 * MINUTE).await;
    let raised = time.shown().remove(0);
    assert!(time.alerts.delete(UNACCOMPANIED, time.now()));
    time.passes(SECOND).await;
    assert_eq!(time.shown()[0].message, raised.message);
    time.passes(120 * MINUTE).await;
    let renewed = time.shown().remove(0);
    let left = renewed.expires.duration_since(time.now());
    assert!(
        left > jiff::SignedDuration::from_mins(14) && left <= jiff::SignedDuration::from_mins(30),
        "{left:?}"
    );
    let all = with(AlertFilter::default(), |filter| filter.with_acknowledged = true);
    assert_eq!(
        time.alerts.list(&all, time.now() + jiff::SignedDuration::from_mins(31)),
        [],
        "nobody renews it"
    );
}

mod text {
    //! What alerts say, whatever is reported.

    use proptest::prelude::*;
    use selfcheck_core::Namespace;
    use selfcheck_core::Reason;
    use selfcheck_core::RemedyId;
    use selfcheck_core::UpdaterKind;
    use selfcheck_fleet::AlertKeeper;
    use selfcheck_fleet::AlertStore;
    use selfcheck_fleet::Alerts;
    use selfcheck_fleet::FaultSummary;
    use selfcheck_fleet::Faulty;
    use selfcheck_protocol::AlertFilter;
    use selfcheck_protocol::Count;
    use selfcheck_protocol::RemedyGroup;
    use selfcheck_protocol::ReportedRemedy;
    use selfcheck_tests::with;

    use super::super::WALL;
    use super::policy;

    fn reason() -> impl Strategy<Value = Option<Reason>> {
        (0..=Reason::catalogue().len())
            .prop_map(|place| Reason::catalogue().get(place).map(|entry| entry.reason))
    }

    fn group() -> impl Strategy<Value = Option<RemedyGroup>> {
        let remedy = (0..=RemedyId::ALL.len()).prop_map(|place| RemedyId::ALL.get(place).copied());
        let suffix = "([a-zA-Z0-9][a-zA-Z0-9-]{0,63})?";
        (any::<bool>(), remedy, suffix, ".*").prop_map(|(is_known, id, suffix, kind)| {
            let remedy = with(ReportedRemedy::OTHER, |remedy| remedy.id = id);
            let namespace = suffix.parse().unwrap_or_else(|_| Namespace::default());
            is_known.then(|| RemedyGroup::new(remedy, namespace, UpdaterKind::named(kind.as_str().into())))
        })
    }

    fn counted<T: std::fmt::Debug>(of: impl Strategy<Value = T>) -> impl Strategy<Value = Vec<Count<T>>> {
        prop::collection::vec((of, 1..u64::MAX / 100).prop_map(|(of, agents)| Count { of, agents }), 0..12)
    }

    prop_compose! {
        fn faulty()(
            agents in prop_oneof![Just(0), 1..50_u64, Just(u64::MAX)],
            [claimed, shared, behind] in [any::<u64>(), any::<u64>(), any::<u64>()],
            reasons in counted(reason()),
            remedies in counted(group()),
        ) -> Faulty {
            with(Faulty::default(), |faulty| {
                (faulty.agents, faulty.claimed, faulty.shared, faulty.behind) = (agents, claimed, shared, behind);
                (faulty.reasons, faulty.remedies) = (reasons, remedies);
            })
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

        #[test]
        fn is_one_short_line_that_teleport_takes(
            agents in any::<u64>(),
            [unaccompanied, impaired, unknown] in [faulty(), faulty(), faulty()],
            host in prop_oneof![Just("teleport.example.com".to_owned()), "[a-z]{63}(\\.[a-z]{62}){2}"],
        ) {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("runtime");
            let _inside = runtime.enter();
            let mut keeper = AlertKeeper::new(&policy(), host.parse().ok());
            let alerts = Alerts::default();
            let raised = [&unaccompanied, &impaired].iter().filter(|faulty| faulty.agents > 0).count();
            let summary = with(FaultSummary::default(), |summary| {
                summary.agents = agents;
                (summary.unaccompanied, summary.impaired, summary.unknown) = (unaccompanied, impaired, unknown);
            });
            keeper.keep(&summary, &alerts, WALL).expect("valid by Teleport's rules");
            let alerts = alerts.list(&AlertFilter::default(), WALL);
            prop_assert!(alerts.len() >= raised);
            for alert in alerts {
                prop_assert!(alert.message.len() <= 600, "{} bytes: {}", alert.message.len(), alert.message);
                prop_assert_eq!(alert.message.matches('`').count() % 2, 0);
                prop_assert!(!alert.message.chars().any(char::is_control));
                prop_assert!(alert.message.contains(" of ") && alert.message.ends_with("`."));
            }
        }
    }
}
