//! The whole report of one agent, for which it is asked.

use std::path::Path;
use std::time::Duration;

use selfcheck_core::Reason;
use selfcheck_core::policy::UpdateTarget;
use selfcheck_fleet::Outcome;
use selfcheck_protocol::Report;
use selfcheck_protocol::wire::proto::InventoryHeartbeat;
use selfcheck_protocol::wire::teleport::selfcheck::v1 as wire;
use selfcheck_protocol::wire::teleport::selfcheck::v1::ListAgentsRequest;
use selfcheck_protocol::wire::teleport::selfcheck::v1::UpdaterSelfCheck;
use selfcheck_protocol::wire::teleport::selfcheck::v1::Verdict;
use selfcheck_reporter::AuthClient;
use selfcheck_server::Limits;
use selfcheck_server::Rate;
use selfcheck_tests::Auth;
use selfcheck_tests::Cluster;
use selfcheck_tests::NODE;
use selfcheck_tests::quick;
use selfcheck_tests::selfcheck;
use selfcheck_tests::shown;
use selfcheck_tests::wire::calls;
use selfcheck_tests::with;

use super::Agent;
use super::Down;
use super::HEALTHY;
use super::MASKED;
use super::Raw;
use super::Up;
use super::hello;
use super::known;
use super::status;

/// What is told of one agent.
async fn one(admin: &AuthClient, host_id: &str) -> Option<wire::Agent> {
    let request = ListAgentsRequest { server_id: host_id.to_owned(), ..ListAgentsRequest::default() };
    let mut agents = calls::agents(admin, request).await.expect("a page").agents;
    assert!(agents.len() <= 1);
    agents.pop()
}

async fn report(admin: &AuthClient, host_id: &str) -> wire::Report {
    one(admin, host_id).await.expect("known").report.expect("a report")
}

fn self_check(case: &str, sequence: u64) -> Up {
    let report = Some(Report::from(&*status(case, sequence)).to_wire());
    let check = UpdaterSelfCheck { sequence, last_run: 0, report };
    Up::Heartbeat(InventoryHeartbeat { self_check: Some(check) })
}

/// An agent's stream after its first report, written by hand.
async fn reported(auth: &Auth, identity: &Path, case: &str) -> Raw {
    let mut raw = Raw::of_stock_agent(auth, identity, hello("a1")).await;
    raw.send(self_check(case, 1)).await;
    assert_eq!(down(&mut raw).await, (1, false));
    raw
}

/// What is said down about a self-check: what is acknowledged, and whether the report is wanted.
async fn down(raw: &mut Raw) -> (u64, bool) {
    loop {
        match raw.next().await.expect("a message") {
            Some(Down::SelfCheck(down)) => return (down.acked, down.resend),
            Some(_) => {}
            None => panic!("the stream has ended"),
        }
    }
}

#[tokio::test]
async fn an_agent_that_needs_nobody_is_told_of_in_full_when_it_is_asked_for() {
    let cluster = Cluster::default();
    let auth = cluster.serve().await;
    let mut agent = Agent::start(&auth.server(), &cluster.identity("a1", NODE));
    let healthy = status(HEALTHY, 1);
    agent.says(healthy.clone());
    agent.until_acked(1).await;
    let admin = auth.client(&cluster.admin()).await;
    let listed = calls::agents(&admin, ListAgentsRequest::default()).await.expect("a page").agents;
    assert_eq!(listed[0].report.as_ref().expect("a report").observed_at, 0, "only what is counted by");
    let whole = Report::from(&*healthy).to_wire();
    assert!(whole.observed_at != 0 && whole.last_success != 0 && whole.next_run != 0);
    assert_eq!(report(&admin, "a1").await, whole);
    assert_eq!(auth.inventory.counters().get(Outcome::Reported), 2);
    assert_eq!(one(&admin, "nobody").await, None);
    let elsewhere = ListAgentsRequest {
        server_id: "a1".to_owned(),
        verdict: Verdict::Impaired.into(),
        ..ListAgentsRequest::default()
    };
    assert_eq!(calls::agents(&admin, elsewhere).await.expect("a page").agents, []);
}

#[tokio::test]
async fn what_the_auth_side_found_stands_beside_it() {
    let mut cluster = Cluster::default();
    let version = "99.0.0".parse().expect("a version");
    cluster.policy.targets = vec![UpdateTarget::new(version)];
    let auth = cluster.serve().await;
    let mut agent = Agent::start(&auth.server(), &cluster.identity("a1", NODE));
    agent.says(status(HEALTHY, 1));
    agent.until_acked(1).await;
    let whole = report(&auth.client(&cluster.admin()).await, "a1").await;
    assert_eq!(whole.verdict(), Verdict::Impaired);
    assert_eq!(whole.findings[0].reason, "behind-target");
    assert_eq!(whole.observed_at, status(HEALTHY, 1).observed_at.as_second());
}

#[tokio::test]
async fn a_change_meanwhile_is_an_answer_too() {
    let cluster = Cluster::default();
    let auth = cluster.serve().await;
    let mut raw = reported(&auth, &cluster.identity("a1", NODE), HEALTHY).await;
    let admin = auth.client(&cluster.admin()).await;
    let asking = tokio::spawn(async move { report(&admin, "a1").await });
    assert_eq!(down(&mut raw).await, (1, true));
    raw.send(self_check(MASKED, 2)).await;
    assert_eq!(asking.await.expect("no panic").findings[0].reason, "timer-masked");
}

#[tokio::test]
async fn one_that_does_not_answer_is_told_of_by_what_is_known() {
    let cluster = Cluster::default();
    let auth =
        cluster.serve_with(with(quick(), |limits| limits.ping_time = Duration::from_millis(100))).await;
    let admin = auth.client(&cluster.admin()).await;
    let mut raw = reported(&auth, &cluster.identity("a1", NODE), HEALTHY).await;
    let told = report(&admin, "a1").await;
    assert_eq!((told.verdict(), told.observed_at), (Verdict::Accompanied, 0));
    assert_eq!(down(&mut raw).await, (1, true));
    // One that needs a person has been kept whole.
    raw.send(self_check(MASKED, 2)).await;
    assert_eq!(down(&mut raw).await, (2, false));
    assert_eq!(report(&admin, "a1").await, Report::from(&*status(MASKED, 2)).to_wire());
}

#[tokio::test]
async fn a_stock_agent_is_not_asked_what_it_would_not_know() {
    let cluster = Cluster::default();
    let auth = cluster.serve_with(with(quick(), |limits| limits.ping_time = Duration::from_secs(3600))).await;
    let identity = cluster.identity("a1", NODE);
    let admin = auth.client(&cluster.admin()).await;
    let stock = Raw::of_stock_agent(&auth, &identity, hello("a1")).await;
    assert_eq!(report(&admin, "a1").await.findings[0].reason, "claims-no-updater");
    // Beside it there is a self-check, whose stream is the older one after the agent's restart.
    let mut agent = Agent::start(&auth.server(), &identity);
    agent.says(status(HEALTHY, 1));
    agent.until_acked(1).await;
    drop(stock);
    let _restarted = Raw::of_stock_agent(&auth, &identity, hello("a1")).await;
    assert_eq!(report(&admin, "a1").await, Report::from(&*status(HEALTHY, 1)).to_wire());
}

#[tokio::test]
async fn nobody_is_cut_off_for_answering() {
    let cluster = Cluster::default();
    let once = Rate { burst: 1, per_second: 0.0 };
    let auth = cluster.serve_with(with(Limits::default(), |limits| limits.reports = once)).await;
    let admin = auth.client(&cluster.admin()).await;
    let mut raw = reported(&auth, &cluster.identity("a1", NODE), HEALTHY).await;
    for sequence in 2..20 {
        let asking = tokio::spawn({
            let admin = admin.clone();
            async move { report(&admin, "a1").await }
        });
        assert_eq!(down(&mut raw).await, (sequence - 1, true));
        raw.send(self_check(HEALTHY, sequence)).await;
        assert_ne!(asking.await.expect("no panic").observed_at, 0);
        assert_eq!(down(&mut raw).await, (sequence, false));
    }
    // One that nobody asked for.
    raw.send(self_check(HEALTHY, 20)).await;
    assert_eq!(raw.closed().await.0, tonic::Code::ResourceExhausted);
}

#[tokio::test]
async fn an_agent_cannot_say_what_only_the_auth_side_can_find() {
    let cluster = Cluster::default();
    let auth = cluster.serve().await;
    let mut raw = Raw::of_stock_agent(&auth, &cluster.identity("a1", NODE), hello("a1")).await;
    let mut lie = Report::from(&*status(MASKED, 1));
    lie.findings.truncate(1);
    lie.findings[0].reason = Some(Reason::BehindTarget);
    let check = UpdaterSelfCheck { sequence: 1, last_run: 0, report: Some(lie.to_wire()) };
    raw.send(Up::Heartbeat(InventoryHeartbeat { self_check: Some(check) })).await;
    assert_eq!(down(&mut raw).await, (1, false));
    assert_eq!(known(&auth), ["a1: impaired observed other"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_shown() {
    let cluster = Cluster::default();
    let auth = cluster.serve().await;
    let mut agents = Vec::new();
    for (id, case) in [("a1", HEALTHY), ("a2", MASKED)] {
        let mut agent = Agent::start(&auth.server(), &cluster.identity(id, NODE));
        agent.says(status(case, 1));
        agent.until_acked(1).await;
        agents.push(agent);
    }
    let (server, admin) = (auth.server(), cluster.admin());
    let ask = move |arguments: &[&str]| {
        let whom = ["inventory", "show", "--auth-server", &server, "-i", admin.to_str().expect("path")];
        let output = selfcheck(&[&whom, arguments].concat(), "");
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("text");
        (output.status.code(), text(&output.stdout), text(&output.stderr), shown(&output))
    };
    let asked = tokio::task::spawn_blocking(move || {
        [ask(&["a1", "--format", "json"]), ask(&["a2"]), ask(&["a3"]), ask(&[""])]
    });
    let [json, text, nobody, empty] = asked.await.expect("no panic");
    assert_eq!(json.0, Some(0), "{}", json.3);
    let json: serde_json::Value = serde_json::from_str(&json.1).expect("json");
    let healthy = status(HEALTHY, 1);
    assert_eq!((&json["verdict"], &json["basis"]), (&"accompanied".into(), &"observed".into()));
    assert_eq!(json["next_run"], serde_json::json!(healthy.proof.next_run));
    assert_eq!(json["findings"], serde_json::json!([]));
    assert_eq!(text.0, Some(0), "{}", text.3);
    let masked = status(MASKED, 1);
    let remedy = &masked.remedy.as_ref().expect("a remedy").shell;
    for part in [
        "IMPAIRED: an updater is here, but this agent is not kept up to date\n",
        "  host id       a2\n",
        "  updater       teleport-update",
        "  looked        by its self-check, ",
        "  critical timer-masked: ",
        &format!("hint: on that host, run `{remedy}`"),
    ] {
        assert!(text.1.contains(part), "{part}: {}", text.1);
    }
    assert_eq!((nobody.0, empty.0), (Some(1), Some(2)));
    assert!(nobody.2.starts_with("error: this auth server knows no agent `a3`"), "{}", nobody.2);
}
