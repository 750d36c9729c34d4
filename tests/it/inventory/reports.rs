//! What an agent reports, and what becomes of it.

use std::sync::Arc;

use selfcheck_core::Basis;
use selfcheck_core::Reason;
use selfcheck_core::ReportingMode;
use selfcheck_core::Status;
use selfcheck_core::UpdaterStatus;
use selfcheck_core::Verdict;
use selfcheck_fleet::Outcome;
use selfcheck_fleet::Store;
use selfcheck_protocol::ClaimedUpdater;
use selfcheck_protocol::Count;
use selfcheck_protocol::Hello;
use selfcheck_protocol::Report;
use selfcheck_tests::Cluster;
use selfcheck_tests::NODE;
use selfcheck_tests::cases;
use selfcheck_tests::quick;

use super::Agent;
use super::HEALTHY;
use super::MASKED;
use super::eventually_known;
use super::known;
use super::records;
use super::status;

#[tokio::test]
async fn a_status_is_told_and_every_change_of_it() {
    let cluster = Cluster::default();
    let auth = cluster.serve().await;
    let mut agent = Agent::start(&auth.server(), &cluster.identity("a1", NODE));
    agent.says(status(HEALTHY, 1));
    let progress = agent.until_acked(1).await;
    assert_eq!(progress.mode, ReportingMode::Extension);
    assert!(progress.connected && progress.last_sent.is_some());
    assert_eq!(known(&auth), ["a1: accompanied observed "]);
    agent.says(status(MASKED, 2));
    agent.until_acked(2).await;
    assert_eq!(known(&auth), ["a1: impaired observed timer-masked"]);
    let record = &records(&auth)[0];
    assert_eq!(record.hello.services, ["Node"].map(selfcheck_core::Text::new));
    let remedy = record.report.remedy.as_ref().and_then(|remedy| remedy.id).expect("a remedy");
    assert_eq!(remedy.code(), "enable-v2");
    let verdicts = || auth.inventory.store().summary().verdicts;
    assert_eq!(verdicts(), [Count { of: (Verdict::Impaired, Basis::Observed), agents: 1 }]);
    agent.end().await.expect("a good end");
    eventually_known(&auth, &[]).await;
    assert_eq!(verdicts(), []);
}

#[tokio::test]
async fn an_unchanged_status_is_told_by_beats_alone() {
    let cluster = Cluster::default();
    let auth = cluster.serve().await;
    let mut agent = Agent::start(&auth.server(), &cluster.identity("a1", NODE));
    agent.says(status(HEALTHY, 1));
    let first = agent.until_acked(1).await.last_sent;
    agent.until("a beat", |progress| progress.last_sent != first).await;
    let counted = |outcome| auth.inventory.counters().get(outcome);
    super::eventually("the beat is there", || counted(Outcome::Beat) > 0).await;
    assert_eq!((counted(Outcome::Reported), counted(Outcome::Resend)), (1, 0));
}

#[tokio::test]
async fn an_auth_server_that_is_started_again_is_told_again() {
    let cluster = Cluster::default();
    let auth = cluster.serve().await;
    let address = auth.address;
    let mut agent = Agent::start(&auth.server(), &cluster.identity("a1", NODE));
    agent.says(status(HEALTHY, 1));
    agent.until_acked(1).await;
    auth.end().await;
    let trouble = agent.until("no stream", |progress| !progress.connected).await.trouble.expect("why");
    agent.says(status(MASKED, 2)); // while nobody listens
    let auth = cluster.serve_at(address, quick()).await;
    agent.until_acked(2).await;
    assert_eq!(known(&auth), ["a1: impaired observed timer-masked"], "after {trouble:?}");
}

#[tokio::test]
async fn a_renewed_identity_counts_from_the_next_connection_on() {
    let cluster = Cluster::default();
    let auth = cluster.serve().await;
    let identity = cluster.identity_between("a1", NODE, -60, -1);
    let mut agent = Agent::start(&auth.server(), &identity);
    agent.says(status(HEALTHY, 1));
    agent.until("refused", |progress| progress.trouble.is_some()).await;
    assert_eq!(known(&auth), [""; 0], "an expired certificate");
    cluster.identity("a1", NODE); // the same file
    agent.until_acked(1).await;
}

#[tokio::test]
async fn two_streams_of_an_agent_count_once_and_the_report_stays() {
    let mut cluster = Cluster::default();
    cluster.policy.alerts.linger = "100ms".parse().expect("a length");
    let auth = cluster.serve().await;
    let identity = cluster.identity("a1", NODE);
    let mut old = Agent::start(&auth.server(), &identity);
    old.says(status(MASKED, 1));
    old.until_acked(1).await;
    let raw = super::Raw::of_stock_agent(&auth, &identity, super::hello("a1")).await;
    assert_eq!(known(&auth), ["a1: impaired observed timer-masked"], "a claim does not outdo a report");
    assert_eq!(records(&auth)[0].hello.hostname.as_str(), "host-of-a1", "who it is, the newest stream says");
    old.end().await.expect("a good end");
    // Where only a claim is left, what was seen is remembered for a while.
    eventually_known(&auth, &["a1: unaccompanied claimed claims-no-updater"]).await;
    drop(raw);
    eventually_known(&auth, &[]).await;
    assert_eq!(auth.inventory.store().len(), 0);
}

#[tokio::test]
async fn a_beat_of_an_unknown_report_is_answered_by_asking_for_it() {
    use selfcheck_protocol::wire::proto::InventoryHeartbeat;
    use selfcheck_protocol::wire::proto::downstream_inventory_one_of::Msg as Down;
    use selfcheck_protocol::wire::proto::upstream_inventory_one_of::Msg as Up;
    use selfcheck_protocol::wire::teleport::selfcheck::v1::UpdaterSelfCheck;
    let cluster = Cluster::default();
    let auth = cluster.serve().await;
    let mut raw = super::Raw::of_stock_agent(&auth, &cluster.identity("a1", NODE), super::hello("a1")).await;
    let beat = UpdaterSelfCheck { sequence: 9, last_run: 1_700_000_000, report: None };
    raw.send(Up::Heartbeat(InventoryHeartbeat { self_check: Some(beat) })).await;
    let Some(Down::SelfCheck(down)) = raw.next().await.expect("a message") else { panic!("no answer") };
    assert!(down.resend);
    assert_eq!(known(&auth), ["a1: unaccompanied claimed claims-no-updater"]);
}

#[tokio::test]
async fn an_update_beside_a_stream_that_outlasts_it_is_known() {
    let cluster = Cluster::default();
    let auth = cluster.serve().await;
    let mut agent = Agent::start(&auth.server(), &cluster.identity("a1", NODE));
    agent.says(status(HEALTHY, 1));
    agent.until_acked(1).await;
    let before = Hello::clone(&records(&auth)[0].hello);
    let mut updated = Status::clone(&status(MASKED, 2));
    updated.agent.version = Some("99.1.2".into());
    agent.says(Arc::new(updated));
    agent.until_acked(2).await;
    let after = &records(&auth)[0].hello;
    assert_eq!(after.version.as_str(), "99.1.2");
    assert_eq!(
        (before.updater.status, after.updater.status),
        (Some(UpdaterStatus::Ok), Some(UpdaterStatus::Disabled))
    );
    assert_eq!(auth.inventory.counters().get(Outcome::Joined), 1);
}

/// What a stock auth server is told by a new Hello, this project's takes from a report.
#[test]
fn a_report_says_all_that_a_new_hello_would() {
    let mut compared = 0;
    for case in cases() {
        let status = selfcheck_core::assess(&case.observation, &case.policy, case.observation.clock);
        let denied = status.findings.iter().any(|finding| finding.reason == Reason::ConfigDenied);
        if status.verdict == Verdict::Unknown && !(denied && status.updater.is_some()) {
            continue;
        }
        compared += 1;
        let message = Report::from(&status).to_wire();
        let report = Report::from_wire(&message).expect("valid");
        assert_eq!(report.stock_updater(), Some(ClaimedUpdater::of(&status)), "{}", case.name);
        assert_eq!(report.agent_version, status.agent.version, "{}", case.name);
    }
    assert!(compared > 100, "{compared} cases");
}
