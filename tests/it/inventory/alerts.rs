//! Alerts and remedies through the auth server's own calls and the command.

use std::collections::BTreeMap;
use std::process::Output;

use selfcheck_core::policy::Length;
use selfcheck_fleet::AlertAck;
use selfcheck_fleet::IMPAIRED;
use selfcheck_protocol::AlertFilter;
use selfcheck_protocol::wire::proto::UpsertClusterAlertRequest;
use selfcheck_protocol::wire::types::AlertAcknowledgement;
use selfcheck_protocol::wire::types::AlertSeverity;
use selfcheck_protocol::wire::types::ClusterAlert;
use selfcheck_protocol::wire::types::ClusterAlertSpec;
use selfcheck_protocol::wire::types::GetClusterAlertsRequest;
use selfcheck_protocol::wire::types::Metadata;
use selfcheck_protocol::wire::types::ResourceHeader;
use selfcheck_reporter::wire::proto::auth_service_client::AuthServiceClient;
use selfcheck_tests::Cluster;
use selfcheck_tests::NODE;
use selfcheck_tests::selfcheck;
use selfcheck_tests::shown;
use selfcheck_tests::wire::calls;
use serde_json::Value;
use serde_json::json;
use tonic::Code;

use super::Agent;
use super::HEALTHY;
use super::MASKED;
use super::status;

const NO_UPDATER: &str = "applicability: nothing updates this agent";
const NOT_ENABLED: &str = "applicability: the package ships an updater that nobody enabled";

fn uuid(number: u32) -> String {
    format!("00000000-0000-4000-8000-{number:012}")
}

/// Runs the command beside the runtime, for somebody who may ask.
async fn asks(cluster: &Cluster, server: &str, flags: &[&str]) -> Output {
    let identity = cluster.admin();
    let whom = ["--auth-server", server, "-i", identity.to_str().expect("path")];
    let all: Vec<String> = flags.iter().chain(&whom).map(ToString::to_string).collect();
    let run = move || selfcheck(&all.iter().map(String::as_str).collect::<Vec<_>>(), "");
    tokio::task::spawn_blocking(run).await.expect("no panic")
}

fn text(output: &Output) -> String {
    assert!(output.status.success(), "{}", shown(output));
    String::from_utf8(output.stdout.clone()).expect("text")
}

#[tokio::test(flavor = "multi_thread")]
async fn alerts_are_listed_and_acknowledged_by_the_command() {
    let mut cluster = Cluster::default();
    (cluster.policy.alerts.hold_down, cluster.policy.alerts.linger) =
        (Length::seconds(0), Length::seconds(0));
    let auth = cluster.serve().await;
    let server = auth.server();
    assert_eq!(text(&asks(&cluster, &server, &["alerts", "ls"]).await), "no alerts\n");
    let mut agent = Agent::start(&server, &cluster.identity("a1", NODE));
    agent.says(status(MASKED, 1));
    agent.until_acked(1).await;
    let (alerts, now) = (auth.inventory.alerts(), || auth.inventory.now());
    super::eventually("it is raised", || alerts.get(IMPAIRED, now()).is_some()).await;

    let listed = text(&asks(&cluster, &server, &["alerts", "ls"]).await);
    let row = listed.lines().nth(2).expect("a row");
    assert!(row.starts_with("medium   1 of 1 agents have an updater that does not update them"), "{listed}");
    let listed = text(&asks(&cluster, &server, &["-v", "alerts", "ls"]).await);
    assert!(
        listed.contains("updater-impaired-agents ") && listed.contains("verb-permit=token:create"),
        "{listed}"
    );
    let listed = text(&asks(&cluster, &server, &["alerts", "ls", "--format", "json"]).await);
    let listed: Value = serde_json::from_str(&listed).expect("json");
    assert_eq!((&listed[0]["id"], &listed[0]["severity"]), (&json!(IMPAIRED), &json!("medium")));

    let ack = ["alerts", "ack", IMPAIRED, "--reason", "known", "--ttl", "1h"];
    assert_eq!(text(&asks(&cluster, &server, &ack).await), "");
    assert_eq!(text(&asks(&cluster, &server, &["alerts", "ls"]).await), "no alerts\n");
    let twice = shown(&asks(&cluster, &server, &ack).await);
    assert!(twice.starts_with("exit 1") && twice.contains("acknowledged already"), "{twice}");
    let nameless = ["alerts", "ack", IMPAIRED, "--reason", "two\nlines"];
    let nameless = shown(&asks(&cluster, &server, &nameless).await);
    assert!(nameless.starts_with("exit 1") && nameless.contains("control characters"), "{nameless}");
    agent.says(status(HEALTHY, 2));
    super::eventually("it is cleared", || alerts.get(IMPAIRED, now()).is_none()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_to_run_where_is_something_to_run() {
    let cluster = Cluster::default();
    let auth = cluster.serve().await;
    let server = auth.server();
    let mut agents = Vec::new();
    let cases = [MASKED, NOT_ENABLED, NO_UPDATER, HEALTHY];
    for (number, case) in (1..).zip(cases) {
        let mut agent = Agent::start(&server, &cluster.identity(&uuid(number), NODE));
        agent.says(status(case, 1));
        agent.until_acked(1).await;
        agents.push(agent);
    }
    // A host id that is no UUID is not made part of a command.
    let mut strange = Agent::start(&server, &cluster.identity("strange", NODE));
    strange.says(status(MASKED, 1));
    strange.until_acked(1).await;

    let listed = text(&asks(&cluster, &server, &["inventory", "remedies"]).await);
    assert!(
        listed.starts_with("3 agents: sudo teleport-update enable\n  creates or re-creates the units"),
        "{listed}"
    );
    assert!(
        listed.contains("\n1 agent: curl -fsSL https://PROXY/scripts/install.sh | sudo bash\n"),
        "{listed}"
    );
    assert!(listed.contains(&uuid(1)) && !listed.contains(&uuid(4)), "{listed}");
    let hosts = text(&asks(&cluster, &server, &["inventory", "remedies", "--format", "hosts"]).await);
    assert!(hosts.starts_with("# sudo teleport-update enable\n") && hosts.lines().count() == 5, "{hosts}");

    let output = asks(&cluster, &server, &["inventory", "remedies", "--format", "tsh"]).await;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        said.contains("1 agents need the cluster's proxy") && said.contains("1 agents are left out"),
        "{said}"
    );
    let lines = text(&output);
    let expected = [1, 2]
        .map(|number| format!("tsh ssh \"${{LOGIN:-root}}@{}\" 'sudo teleport-update enable'", uuid(number)));
    let mut lines: Vec<_> = lines.lines().skip(1).collect();
    lines.sort_unstable();
    assert_eq!(lines, expected);

    let flags = ["inventory", "remedies", "--format", "ansible", "--proxy", "teleport.example.com"];
    let inventory = text(&asks(&cluster, &server, &flags).await);
    let inventory: Value = selfcheck_probe::from_yaml(&inventory).expect("an inventory is YAML");
    let children = inventory["all"]["children"].as_object().expect("groups");
    assert_eq!(children.keys().collect::<Vec<_>>(), ["enable_v2_1", "install_v2_2"]);
    let install = &children["install_v2_2"];
    assert_eq!(install["hosts"], json!({ uuid(3): null }));
    let command = "curl -fsSL https://teleport.example.com/scripts/install.sh | sudo bash";
    assert_eq!(install["vars"]["selfcheck_remedy"], command);
}

/// Names and values.
type Labels<'a> = &'a [(&'a str, &'a str)];

fn alert(id: &str, message: &str, labels: Labels<'_>) -> ClusterAlert {
    let labels: BTreeMap<_, _> =
        labels.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    ClusterAlert {
        header: Some(ResourceHeader {
            metadata: Some(Metadata {
                name: id.to_owned(),
                labels: labels.into_iter().collect(),
                ..Metadata::default()
            }),
            ..ResourceHeader::default()
        }),
        spec: Some(ClusterAlertSpec {
            severity: AlertSeverity::Medium.into(),
            message: message.to_owned(),
            created: None,
        }),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn alerts_keep_teleports_rules() {
    let cluster = Cluster::default();
    let auth = cluster.serve().await;
    let admin = auth.client(&cluster.admin()).await;
    let mut calls = AuthServiceClient::new(admin.channel());
    let long = "x".repeat(5000);
    let refused: [(&str, &str, Labels<'_>); 9] = [
        ("", "text", &[]),
        ("a b", "text", &[]),
        ("a", "", &[]),
        ("a", "two\nlines", &[]),
        ("a", "\u{1b}[31mred", &[]),
        ("a", &long, &[]),
        ("a", "text", &[("Key", "value")]),
        ("a", "text", &[("key", "Upper")]),
        ("a", "text", &[("teleport.internal/link", "https://goteleport.com.evil.example/docs")]),
    ];
    for (id, message, labels) in refused {
        let request = UpsertClusterAlertRequest { alert: Some(alert(id, message, labels)) };
        let status = calls.upsert_cluster_alert(request).await.expect_err("refused");
        assert_eq!(status.code(), Code::InvalidArgument, "{id} {message}: {status}");
        assert!(status.message().len() < 500 && !status.message().chars().any(char::is_control), "{status}");
    }
    let everybody = ("teleport.internal/alert-permit-all", "yes");
    let link = ("teleport.internal/link", "https://goteleport.com/docs/");
    let supersedes = ("teleport.internal/alert-supersedes", "a");
    let taken = [
        (alert("a", "text", &[everybody, link]), AlertSeverity::Low),
        (alert("b", "graver", &[everybody, supersedes]), AlertSeverity::Medium),
        (alert("c", "for nobody in particular", &[]), AlertSeverity::High),
    ];
    for (mut alert, severity) in taken {
        alert.spec.as_mut().expect("spec").severity = severity.into();
        calls.upsert_cluster_alert(UpsertClusterAlertRequest { alert: Some(alert) }).await.expect("taken");
    }
    let ids = async |request: GetClusterAlertsRequest| {
        let alerts = calls::alerts(&admin, request).await.expect("alerts").into_iter();
        let name = |alert: ClusterAlert| alert.header?.metadata.map(|metadata| metadata.name);
        alerts.filter_map(name).collect::<Vec<_>>().join(" ")
    };
    let all = GetClusterAlertsRequest::default;
    assert_eq!(ids(all()).await, "b");
    assert_eq!(ids(GetClusterAlertsRequest { with_superseded: true, ..all() }).await, "b a");
    assert_eq!(ids(GetClusterAlertsRequest { with_untargeted: true, ..all() }).await, "c b");
    let now = auth.inventory.now();
    let ack = AlertAck::new("b".to_owned(), "known".to_owned(), now + jiff::SignedDuration::from_hours(1));
    auth.inventory.alerts().acknowledge(ack, now).expect("the first");
    assert_eq!(ids(all()).await, "a", "one that is hidden speaks for nobody");
    auth.inventory.alerts().clear_acknowledgements("*", now);
    let labels = BTreeMap::from([(link.0.to_owned(), link.1.to_owned())]).into_iter().collect();
    assert_eq!(ids(GetClusterAlertsRequest { with_superseded: true, labels, ..all() }).await, "a");

    // Hosts neither read nor write them, nor does an acknowledgement without a time count.
    let host = auth.client(&cluster.identity("a1", NODE)).await;
    let denied = host.alerts(&AlertFilter::default()).await.expect_err("denied");
    assert_eq!(denied.kind(), "permission-denied");
    let ack = AlertAcknowledgement { alert_id: "b".to_owned(), reason: "known".to_owned(), expires: None };
    let denied = host.acknowledge_alert("b", "known", now).await.expect_err("denied");
    assert_eq!(denied.kind(), "permission-denied");
    let timeless = calls::acknowledge(&admin, ack).await.expect_err("no time");
    assert_eq!(timeless.code(), Code::InvalidArgument);
    // By the client's own words.
    let later = now + jiff::SignedDuration::from_hours(1);
    admin.acknowledge_alert("b", "known", later).await.expect("acknowledged");
    let shown = admin.alerts(&AlertFilter::default()).await.expect("alerts");
    let shown: Vec<_> = shown.alerts.iter().map(|alert| alert.id.as_str()).collect();
    assert_eq!(shown, ["a"]);
}
