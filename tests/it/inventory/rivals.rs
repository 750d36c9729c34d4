//! Two connections of one identity, as of a cloned machine or a stolen file.

use std::path::Path;

use selfcheck_fleet::Store;
use selfcheck_protocol::Report;
use selfcheck_protocol::wire::proto::InventoryHeartbeat;
use selfcheck_protocol::wire::proto::UpstreamInventoryGoodbye;
use selfcheck_protocol::wire::teleport::selfcheck::v1::UpdaterSelfCheck;
use selfcheck_server::Limits;
use selfcheck_tests::Auth;
use selfcheck_tests::Cluster;
use selfcheck_tests::NODE;
use selfcheck_tests::selfcheck;
use selfcheck_tests::shown;
use selfcheck_tests::with;
use serde_json::Value;

use super::Down;
use super::HEALTHY;
use super::MASKED;
use super::Raw;
use super::Up;
use super::hello;
use super::known;
use super::status;

const DISPUTED: &str = "duplicate-identity";

fn reports(case: &str, sequence: u64) -> Up {
    let report = Some(Report::from(&*status(case, sequence)).to_wire());
    Up::Heartbeat(InventoryHeartbeat { self_check: Some(UpdaterSelfCheck { sequence, last_run: 0, report }) })
}

fn beats(sequence: u64) -> Up {
    let check = UpdaterSelfCheck { sequence, last_run: 0, report: None };
    Up::Heartbeat(InventoryHeartbeat { self_check: Some(check) })
}

/// A connection of `a1` that has reported.
async fn reported(auth: &Auth, identity: &Path, case: &str) -> Raw {
    let mut raw = Raw::of_stock_agent(auth, identity, hello("a1")).await;
    says(&mut raw, case, 1).await;
    raw
}

/// Reports, acknowledged.
async fn says(raw: &mut Raw, case: &str, sequence: u64) {
    raw.send(reports(case, sequence)).await;
    let Some(Down::SelfCheck(down)) = raw.next().await.expect("open") else { panic!("no answer") };
    assert_eq!(down.acked, sequence);
}

async fn eventually_said(auth: &Auth, said: &str) {
    super::eventually(said, || known(auth) == [said]).await;
}

#[tokio::test]
async fn what_is_reported_last_counts_and_the_contradiction_is_found() {
    let cluster = Cluster::default();
    let auth = cluster.serve_with(Limits::default()).await;
    let identity = cluster.identity("a1", NODE);
    let mut first = reported(&auth, &identity, HEALTHY).await;
    let mut second = reported(&auth, &identity, MASKED).await;
    // So far it may be a reload.
    eventually_said(&auth, "a1: impaired observed timer-masked").await;
    first.send(beats(1)).await;
    eventually_said(&auth, &format!("a1: impaired observed timer-masked {DISPUTED}")).await;
    says(&mut first, HEALTHY, 2).await;
    eventually_said(&auth, &format!("a1: accompanied observed {DISPUTED}")).await;
    assert_eq!(auth.inventory.store().summary(), auth.inventory.store().recount());
    // They agree.
    says(&mut second, HEALTHY, 2).await;
    eventually_said(&auth, "a1: accompanied observed ").await;
    // And do not, right after each other.
    says(&mut second, MASKED, 3).await;
    says(&mut first, HEALTHY, 3).await;
    eventually_said(&auth, &format!("a1: accompanied observed {DISPUTED}")).await;
    drop(second);
    eventually_said(&auth, "a1: accompanied observed ").await;
    assert_eq!(auth.inventory.store().summary(), auth.inventory.store().recount());
}

#[tokio::test]
async fn a_reload_contradicts_nobody() {
    let cluster = Cluster::default();
    let auth = cluster.serve_with(Limits::default()).await;
    let identity = cluster.identity("a1", NODE);
    let before = reported(&auth, &identity, MASKED).await;
    let after = reported(&auth, &identity, HEALTHY).await;
    after.send(beats(1)).await;
    before.send(Up::Goodbye(UpstreamInventoryGoodbye { soft_reload: true, ..Default::default() })).await;
    drop(before);
    eventually_said(&auth, "a1: accompanied observed ").await;
    assert_eq!(auth.inventory.store().summary(), auth.inventory.store().recount());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_administrator_sees_where_both_come_from() {
    let cluster = Cluster::default();
    let limits = with(Limits::default(), |limits| limits.ping_time = std::time::Duration::from_millis(100));
    let auth = cluster.serve_with(limits).await;
    let identity = cluster.identity("a1", NODE);
    let first = reported(&auth, &identity, HEALTHY).await;
    let _second = reported(&auth, &identity, MASKED).await;
    first.send(beats(1)).await;
    eventually_said(&auth, &format!("a1: impaired observed timer-masked {DISPUTED}")).await;
    let (admin, server) = (cluster.admin(), auth.server());
    let ask = move |format: &'static str| {
        let identity = admin.to_str().expect("path");
        let whom = ["--auth-server", &server, "-i", identity, "--format", format];
        selfcheck(&[&["inventory", "show", "a1"][..], &whom].concat(), "")
    };
    let asked = tokio::task::spawn_blocking(move || (ask("text"), ask("json"))).await.expect("no panic");
    let text = shown(&asked.0);
    assert!(text.contains(DISPUTED) && text.matches("127.0.0.1:").count() == 2, "{text}");
    let json: Value = serde_json::from_slice(&asked.1.stdout).expect("json");
    let peers: Vec<_> = json["peers"].as_array().expect("peers").iter().filter_map(Value::as_str).collect();
    assert!(peers.len() == 2 && peers[0] != peers[1], "{json}");
}
