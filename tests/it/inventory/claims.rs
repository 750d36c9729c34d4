//! What an agent says helps it is a claim: it names no object in an alert or a command, and only what the catalogue names for
//! what it found.

use std::path::Path;
use std::process::Output;
use std::time::Duration;

use selfcheck_core::HelmRelease;
use selfcheck_core::Reason;
use selfcheck_core::RemedyId;
use selfcheck_core::policy::Length;
use selfcheck_fleet::UNACCOMPANIED;
use selfcheck_protocol::Role;
use selfcheck_protocol::wire::proto::InventoryHeartbeat;
use selfcheck_protocol::wire::proto::UpstreamInventoryHello;
use selfcheck_protocol::wire::teleport::selfcheck::v1 as wire;
use selfcheck_protocol::wire::types::UpdaterV2Info;
use selfcheck_server::Limits;
use selfcheck_tests::Auth;
use selfcheck_tests::Cluster;
use selfcheck_tests::selfcheck;
use selfcheck_tests::shown;
use selfcheck_tests::with;
use serde_json::Value;

use super::Down;
use super::Raw;
use super::Up;
use super::hello;
use super::records;

const KUBE: [Role; 2] = [Role::Instance, Role::Kube];
const NODE: [Role; 2] = [Role::Instance, Role::Node];

fn report(verdict: wire::Verdict, reason: &str, kind: &str, remedy: &str) -> wire::Report {
    wire::Report {
        verdict: verdict.into(),
        findings: vec![wire::Finding { reason: reason.to_owned(), severity: 1, since: 0 }],
        updater: (!kind.is_empty())
            .then(|| wire::Updater { kind: kind.to_owned(), ..wire::Updater::default() }),
        remedy: Some(wire::Remedy {
            id: remedy.to_owned(),
            install_suffix: String::new(),
            release: "prometheus".to_owned(),
            kube_namespace: "monitoring".to_owned(),
        }),
        ..wire::Report::default()
    }
}

/// An agent that says this, acknowledged.
async fn says(auth: &Auth, identity: &Path, hello: UpstreamInventoryHello, report: wire::Report) -> Raw {
    let mut raw = Raw::of_stock_agent(auth, identity, hello).await;
    let check = wire::UpdaterSelfCheck { sequence: 1, last_run: 0, report: Some(report) };
    raw.send(Up::Heartbeat(InventoryHeartbeat { self_check: Some(check) })).await;
    let Some(Down::SelfCheck(down)) = raw.next().await.expect("open") else { panic!("no answer") };
    assert_eq!(down.acked, 1);
    raw
}

/// Limits for agents that do not answer when they are asked.
fn unanswered() -> Limits {
    with(Limits::default(), |limits| limits.ping_time = Duration::from_millis(100))
}

fn taken(auth: &Auth) -> Option<RemedyId> {
    let remedy = records(auth)[0].report.remedy.clone().expect("a remedy");
    assert!(remedy.id.is_some() || remedy.release == HelmRelease::UNKNOWN, "{remedy:?}");
    remedy.id
}

#[tokio::test]
async fn a_remedy_is_taken_where_the_catalogue_names_it_for_that_reason_that_updater_and_that_role() {
    let cluster = Cluster::default();
    let auth = cluster.serve().await;
    let (host, pod) = (cluster.identity("a1", NODE), cluster.identity("a2", KUBE));
    let impaired = wire::Verdict::Impaired;
    let mut accepted = Vec::new();
    for id in RemedyId::ALL {
        let said = report(impaired, "timer-masked", "binary", id.code());
        let raw = says(&auth, &host, hello("a1"), said).await;
        accepted.extend(taken(&auth));
        drop(raw);
        super::eventually("it left", || records(&auth).is_empty()).await;
    }
    let expected =
        [RemedyId::EnableV2, RemedyId::InstallV2, RemedyId::UnmaskTimer, RemedyId::UnmaskRuntimeTimer];
    assert_eq!(accepted, expected);
    let off = wire::Verdict::Unaccompanied;
    let enable = "enable-kube-updater";
    for (identity, id, verdict, reason, kind, is_taken) in [
        (&pod, "a2", off, "kube-updater-off", "", true),
        (&pod, "a2", off, "kube-updater-off", "kube", true),
        (&host, "a1", off, "kube-updater-off", "", false), // a host's own agent is in no release
        (&pod, "a2", off, "kube-updater-off", "binary", false),
        (&pod, "a2", off, "no-updater", "", false),
        (&pod, "a2", impaired, "kube-updater-off", "", false), // it does not lead to that verdict
        (&pod, "a2", off, "claims-no-updater", "", false),     // not for an agent to say
        (&pod, "a2", off, "kube-updater-off", "integration_awsoidc", false),
        (&pod, "a2", off, "kube-updater-off", "$(id)", false),
    ] {
        let raw = says(&auth, identity, hello(id), report(verdict, reason, kind, enable)).await;
        assert_eq!(taken(&auth).is_some(), is_taken, "{id} {reason} {kind}");
        drop(raw);
        super::eventually("it left", || records(&auth).is_empty()).await;
    }
}

#[test]
fn every_reason_names_its_remedies_once() {
    for entry in Reason::catalogue() {
        let mut named: Vec<_> = entry.remedies().collect();
        let all = named.len();
        named.sort_by_key(|id| id.code());
        named.dedup();
        assert_eq!(named.len(), all, "{}", entry.code);
    }
}

/// Runs the command beside the runtime, for somebody who may ask.
async fn asks(cluster: &Cluster, auth: &Auth, words: &[&str]) -> Output {
    let identity = cluster.admin();
    let server = auth.server();
    let whom = ["--auth-server", &server, "-i", identity.to_str().expect("path")];
    let all: Vec<String> = words.iter().chain(&whom).map(ToString::to_string).collect();
    let run = move || selfcheck(&all.iter().map(String::as_str).collect::<Vec<_>>(), "");
    tokio::task::spawn_blocking(run).await.expect("no panic")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_release_that_an_agent_names_is_in_no_command_and_marked_as_its_claim() {
    let mut cluster = Cluster::default();
    (cluster.policy.alerts.hold_down, cluster.policy.alerts.linger) =
        (Length::seconds(0), Length::seconds(0));
    let auth = cluster.serve_with(unanswered()).await;
    let said = report(wire::Verdict::Unaccompanied, "kube-updater-off", "", "enable-kube-updater");
    let _agent = says(&auth, &cluster.identity("a1", KUBE), hello("a1"), said).await;
    let alerts = || auth.inventory.alerts().get(UNACCOMPANIED, auth.inventory.now());
    super::eventually("it is raised", || alerts().is_some()).await;
    let message = alerts().expect("raised").message;
    assert!(
        message.contains("`helm upgrade RELEASE ") && message.contains("--namespace NAMESPACE"),
        "{message}"
    );
    assert!(!message.contains("prometheus") && !message.contains("monitoring"), "{message}");

    let claim = "RELEASE is 'prometheus' and NAMESPACE is 'monitoring'";
    let text = shown(&asks(&cluster, &auth, &["inventory", "show", "a1"]).await);
    let flat = text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(
        flat.contains("helm upgrade RELEASE") && flat.contains(claim) && flat.contains("own word"),
        "{text}"
    );
    let text = shown(&asks(&cluster, &auth, &["inventory", "remedies"]).await);
    assert!(text.contains("helm upgrade RELEASE") && text.contains(claim), "{text}");
    for (words, is_said) in [
        (&["inventory", "ls", "--format", "json"][..], false),
        (&["inventory", "show", "a1", "--format", "json"], true),
    ] {
        let output = asks(&cluster, &auth, words).await;
        let json: Value = serde_json::from_slice(&output.stdout).expect("json");
        let agent = json.get(0).unwrap_or(&json);
        let command = agent["remedy"].as_str().expect("a remedy");
        assert!(command.contains("RELEASE") && !command.contains("prometheus"), "{command}");
        assert_eq!(agent["claims"]["RELEASE"] == *"prometheus", is_said, "{agent}");
    }
}

/// What a terminal or a shell would act on, in everything that an agent chooses itself.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_an_agent_chooses_reaches_a_terminal_as_something_to_run() {
    let cluster = Cluster::default();
    let auth = cluster.serve_with(unanswered()).await;
    let bad = "$(id)`id`;id|id>x\u{61c}\u{ad}\u{180e}\u{e0041}\u{3164}'\"";
    let said = UpstreamInventoryHello {
        hostname: bad.to_owned(),
        version: bad.to_owned(),
        external_upgrader: bad.to_owned(),
        external_upgrader_version: bad.to_owned(),
        updater_info: Some(UpdaterV2Info { update_group: bad.to_owned(), ..UpdaterV2Info::default() }),
        ..hello("a1")
    };
    let mut report = report(wire::Verdict::Impaired, bad, bad, bad);
    if let Some(updater) = &mut report.updater {
        (updater.version, updater.group) = (bad.to_owned(), "$(id)".to_owned());
    }
    let _stock = Raw::of_stock_agent(&auth, &cluster.identity("a1", NODE), said.clone()).await;
    let said = UpstreamInventoryHello { server_id: "a2".to_owned(), ..said };
    let _agent = says(&auth, &cluster.identity("a2", NODE), said, report).await;
    for words in [
        &["inventory", "ls"][..],
        &["inventory", "ls", "--format", "json"],
        &["inventory", "status"],
        &["inventory", "status", "--format", "json"],
        &["inventory", "show", "a1"],
        &["inventory", "show", "a2"],
        &["inventory", "remedies"],
        &["inventory", "remedies", "--format", "hosts"],
        &["inventory", "remedies", "--format", "tsh"],
        &["inventory", "remedies", "--format", "ansible"],
    ] {
        let output = asks(&cluster, &auth, words).await;
        assert!(output.status.success(), "{}", shown(&output));
        let text = shown(&output);
        for hostile in
            ["$(", "`id", ";id", "|id", ">x", "\u{61c}", "\u{ad}", "\u{180e}", "\u{e0041}", "\u{3164}"]
        {
            assert!(!text.contains(hostile), "{hostile:?} in {text}");
        }
    }
}
