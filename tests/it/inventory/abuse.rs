//! Agents that do what they should not. Only they are dropped; the others' statuses stay.

use std::time::Duration;

use selfcheck_fleet::Outcome;
use selfcheck_protocol::wire::proto::InventoryHeartbeat;
use selfcheck_protocol::wire::proto::UpstreamInventoryAgentMetadata;
use selfcheck_protocol::wire::proto::UpstreamInventoryHello;
use selfcheck_protocol::wire::proto::UpstreamInventoryPong;
use selfcheck_protocol::wire::proto::upstream_inventory_one_of::Msg as Up;
use selfcheck_protocol::wire::teleport::selfcheck::v1 as wire;
use selfcheck_server::Rate;
use selfcheck_tests::quick;
use selfcheck_tests::with;
use tonic::Code;

use super::eventually_known;
use super::hello;
use super::known;
use super::scene::GOOD;
use super::scene::Scene;

fn report(findings: usize, namespace: &str) -> Up {
    let finding = wire::Finding { reason: "timer-masked".to_owned(), severity: 1, since: 0 };
    let report = wire::Report {
        verdict: wire::Verdict::Impaired.into(),
        findings: vec![finding; findings],
        namespace: namespace.to_owned(),
        ..wire::Report::default()
    };
    let check = wire::UpdaterSelfCheck { sequence: 1, last_run: 0, report: Some(report) };
    Up::Heartbeat(InventoryHeartbeat { self_check: Some(check) })
}

#[tokio::test]
async fn a_first_message_that_is_no_hello() {
    let scene = Scene::new(quick()).await;
    let mut raw = scene.raw().await;
    raw.send(Up::Pong(UpstreamInventoryPong::default())).await;
    assert_eq!(raw.closed().await.0, Code::InvalidArgument);
    scene.only_the_offender_is_gone(Outcome::BadHello).await;
}

#[tokio::test]
async fn a_second_hello() {
    let scene = Scene::new(quick()).await;
    let mut raw = scene.joined().await;
    raw.send(Up::Hello(hello("bad"))).await;
    assert_eq!(raw.closed().await.0, Code::InvalidArgument);
    scene.only_the_offender_is_gone(Outcome::BadHello).await;
}

#[tokio::test]
async fn no_hello_at_all() {
    let scene = Scene::new(with(quick(), |limits| limits.hello_time = Duration::from_millis(200))).await;
    let mut raw = scene.raw().await;
    assert_eq!(raw.closed().await.0, Code::DeadlineExceeded);
    scene.only_the_offender_is_gone(Outcome::NoHello).await;
}

#[tokio::test]
async fn silence() {
    let scene = Scene::new(quick()).await;
    let mut raw = scene.joined().await;
    assert_eq!(raw.closed().await.0, Code::DeadlineExceeded);
    scene.only_the_offender_is_gone(Outcome::Silent).await;
}

#[tokio::test]
async fn a_hello_with_more_than_any_agent_has() {
    let scene = Scene::new(quick()).await;
    let many = UpstreamInventoryHello { services: vec!["Node".to_owned(); 33], ..hello("bad") };
    let long = UpstreamInventoryHello { hostname: "x".repeat(257), ..hello("bad") };
    for claim in [many, long] {
        let mut raw = scene.raw().await;
        raw.send(Up::Hello(claim)).await;
        assert_eq!(raw.closed().await.0, Code::InvalidArgument);
    }
    assert_eq!(known(&scene.auth), [GOOD]);
}

#[tokio::test]
async fn a_report_that_no_judgement_makes() {
    let scene = Scene::new(quick()).await;
    for bad in [report(33, "default"), report(1, "../etc"), report(1, "system")] {
        let mut raw = scene.joined().await;
        raw.send(bad).await;
        assert_eq!(raw.closed().await.0, Code::InvalidArgument);
    }
    eventually_known(&scene.auth, &[GOOD]).await;
    assert_eq!(scene.auth.inventory.counters().get(Outcome::BadReport), 3);
}

#[tokio::test]
async fn a_message_larger_than_any() {
    let scene = Scene::new(quick()).await;
    let mut raw = scene.joined().await;
    let huge = UpstreamInventoryAgentMetadata {
        os: "x".repeat(2 << 20),
        ..UpstreamInventoryAgentMetadata::default()
    };
    raw.send(Up::AgentMetadata(huge)).await;
    assert_eq!(raw.closed().await.0, Code::OutOfRange);
    scene.only_the_offender_is_gone(Outcome::Garbage).await;
}

#[tokio::test]
async fn ten_thousand_reports_in_a_burst() {
    let scene = Scene::new(quick()).await;
    let mut raw = scene.joined().await;
    let up = raw.up.clone();
    let sending = tokio::spawn(async move {
        for _ in 0..10_000 {
            if up.send(super::UpstreamInventoryOneOf { msg: Some(report(1, "default")) }).await.is_err() {
                return;
            }
        }
    });
    assert_eq!(raw.closed().await.0, Code::ResourceExhausted);
    drop(raw);
    sending.await.expect("sent");
    scene.only_the_offender_is_gone(Outcome::TooFast).await;
}

#[tokio::test]
async fn ten_thousand_resources_of_a_large_agent_are_no_offence() {
    let scene = Scene::new(quick()).await;
    let mut raw = scene.joined().await;
    for _ in 0..10_000 {
        raw.send(Up::Heartbeat(InventoryHeartbeat::default())).await;
    }
    raw.send(report(1, "default")).await;
    let Some(super::Down::SelfCheck(down)) = raw.next().await.expect("open") else { panic!("no answer") };
    assert_eq!(down.acked, 1);
    // But at some point it is too much.
    let strict = with(quick(), |limits| limits.messages = Rate { burst: 100, per_second: 1.0 });
    let scene = Scene::new(strict).await;
    let mut raw = scene.joined().await;
    let up = raw.up.clone();
    tokio::spawn(async move {
        for _ in 0..1000 {
            let _ = up.send(super::UpstreamInventoryOneOf { msg: None }).await;
        }
    });
    assert_eq!(raw.closed().await.0, Code::ResourceExhausted);
    scene.only_the_offender_is_gone(Outcome::TooFast).await;
}

#[tokio::test]
async fn more_streams_than_an_agent_may_have() {
    let scene = Scene::new(with(quick(), |limits| limits.streams_per_agent = 2)).await;
    let first = scene.joined().await;
    let second = scene.joined().await;
    let mut third = scene.raw().await;
    third.send(Up::Hello(hello("bad"))).await;
    assert_eq!(third.closed().await.0, Code::ResourceExhausted);
    assert_eq!(known(&scene.auth), ["bad: unaccompanied claimed claims-no-updater", GOOD]);
    drop((first, second));
    scene.only_the_offender_is_gone(Outcome::TooMany).await;
}

#[tokio::test]
async fn what_this_version_does_not_know_counts_as_other() {
    let scene = Scene::new(quick()).await;
    let mut raw = scene.joined().await;
    let finding = wire::Finding { reason: "from-the-future\u{1b}[31m".to_owned(), severity: 99, since: -5 };
    let report = wire::Report {
        verdict: 99,
        findings: vec![finding],
        updater: Some(wire::Updater {
            kind: "\u{1b}]0;x".to_owned(),
            version: "x".repeat(300),
            group: "<script>".repeat(40),
        }),
        remedy: Some(wire::Remedy { id: "rm -rf /".to_owned(), ..wire::Remedy::default() }),
        ..wire::Report::default()
    };
    let check = wire::UpdaterSelfCheck { sequence: 1, last_run: i64::MIN, report: Some(report) };
    raw.send(Up::Heartbeat(InventoryHeartbeat { self_check: Some(check) })).await;
    raw.next().await.expect("acknowledged");
    assert_eq!(known(&scene.auth), ["bad: unknown observed other", GOOD]);
    let record = &super::records(&scene.auth)[0];
    let updater = record.report.updater.as_ref().expect("an updater");
    assert_eq!((updater.kind.as_str(), &updater.version, &updater.group), ("other", &None, &None));
    assert_eq!(record.report.remedy.as_ref().expect("a remedy").id, None);
}
