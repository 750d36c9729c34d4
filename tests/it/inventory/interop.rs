//! Teleport's own Go code at the other end: its client as an agent and as the one who asks, its generated service as an auth server.
//!
//! The module is older than the `UpdaterInfo` of a Hello and the `UpdateGroup` of a filter. Both are carried as the fields that this
//! module does not know, as a newer Teleport would send them.

use selfcheck_core::ReportingMode;
use selfcheck_core::policy::Length;
use selfcheck_fleet::IMPAIRED;
use selfcheck_fleet::Outcome;
use selfcheck_fleet::Store;
use selfcheck_tests::Cluster;
use selfcheck_tests::NODE;
use selfcheck_tests::interop;
use serde_json::Value;
use serde_json::json;

use super::Agent;
use super::HEALTHY;
use super::MASKED;
use super::known;
use super::status;

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_made_of_teleports_client_is_served_and_read_back() {
    let cluster = Cluster::default();
    // No agent is to be pinged but by the one who asks.
    let auth = cluster.serve_with(selfcheck_server::Limits::default()).await;
    let server = auth.server();
    let identity = cluster.identity("go-agent", NODE);
    let Some(agent) = interop(&["agent", &server, identity.to_str().expect("path")]) else { return };
    let hello = agent.tells("hello");
    assert_eq!((&hello["version"], &hello["server"]), (&json!("18.2.0"), &json!("auth-1")));
    assert_eq!((&hello["app_cleanup"], &hello["node"]), (&json!(true), &json!(false)));
    // Field 15120 of the Hello: this project's own, passed over by Teleport's client.
    assert!(hello["unrecognized"].as_str().expect("hex").starts_with("82b107"), "{hello}");
    agent.tells("heartbeat");
    super::eventually("it is known", || known(&auth) == ["go-agent: accompanied claimed unproven"]).await;
    let record = &super::records(&auth)[0];
    assert_eq!(
        record.hello.services,
        ["Node"].map(selfcheck_core::Text::new),
        "the proxy is not in its certificate"
    );
    assert_eq!(record.hello.updater.group.as_ref().map(selfcheck_core::Text::as_str), Some("stage"));

    let admin = cluster.admin();
    let asking = interop(&["ask", &server, admin.to_str().expect("path"), "go-agent"]).expect("Go is here");
    let summary = asking.tells("status");
    assert_eq!(summary["connected"], json!(["go-agent"]));
    assert_eq!(summary["instances"], json!(1));
    assert_eq!(summary["versions"], json!({"17.5.2": 1}));
    assert_eq!(summary["upgraders"], json!({"unit": 1}));
    assert_eq!(summary["services"], json!({"Node": 1}));
    let instance = json!([{
        "name": "go-agent", "kind": "instance", "version": "v17.5.2", "services": ["Node"], "hostname": "go-host",
        "auth": "auth-1", "seen": true, "upgrader": "unit v17.5.2",
    }]);
    let nobody = json!([]);
    for (filter, found) in [
        ("all", &instance),
        ("id", &instance),
        ("version", &instance),
        ("services", &instance),
        ("no service", &nobody),
        ("upgrader", &instance),
        ("no upgrader", &nobody),
        ("older", &instance),
        ("newer", &nobody),
        ("group", &instance),
    ] {
        assert_eq!(asking.tells(filter), *found, "{filter}");
    }
    assert_eq!(asking.tells("pong"), json!(true));
    agent.tells("ping");
    asking.end();
    agent.end();
    super::eventually("it has left", || auth.inventory.store().is_empty()).await;
    let counted = |outcome| auth.inventory.counters().get(outcome);
    assert_eq!((counted(Outcome::Garbage), counted(Outcome::Foreign)), (0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn teleports_client_reads_acknowledges_and_clears_alerts() {
    let mut cluster = Cluster::default();
    (cluster.policy.alerts.hold_down, cluster.policy.alerts.linger) =
        (Length::seconds(0), Length::seconds(0));
    let auth = cluster.serve().await;
    let mut agent = Agent::start(&auth.server(), &cluster.identity("a1", NODE));
    agent.says(status(MASKED, 1));
    agent.until_acked(1).await;
    let alerts = auth.inventory.alerts();
    super::eventually("it is raised", || alerts.get(IMPAIRED, auth.inventory.now()).is_some()).await;

    let admin = cluster.admin();
    let Some(asking) = interop(&["alerts", &auth.server(), admin.to_str().expect("path"), IMPAIRED]) else {
        return;
    };
    let raised = json!({
        "id": IMPAIRED, "kind": "cluster_alert v1", "severity": "MEDIUM", "lasts": "30m0s", "created": true, "invalid": "",
        "message": "1 of 1 agents have an updater that does not update them (1 timer-masked). On each host run `sudo \
                    teleport-update enable` (may update and reload the agent now). List: `teleport-selfcheck inventory ls \
                    --verdict impaired`.",
        "labels": {
            "teleport.internal/alert-on-login": "yes",
            "teleport.internal/alert-verb-permit": "token:create",
            "teleport.internal/link": "https://goteleport.com/docs/upgrading/agent-managed-updates/",
            "teleport.internal/link-text": "documentation",
        },
    });
    assert_eq!(asking.tells("raised"), json!([raised]));
    assert_eq!(asking.tells("twice"), json!(true));
    assert_eq!(asking.tells("acknowledged"), json!([]));
    assert_eq!(asking.tells("all"), json!([raised]));
    assert_eq!(asking.tells("acks"), json!(["updater-impaired-agents: known"]));
    assert_eq!(asking.tells("shown again"), json!([raised]));
    assert_eq!(asking.tells("refused"), json!(true));
    let both = asking.tells("both");
    assert_eq!((&both[0]["id"], &both[0]["lasts"], &both[1]), (&json!("own"), &json!("24h0m0s"), &raised));
    asking.end();

    // Mended, it is gone.
    agent.says(status(HEALTHY, 2));
    super::eventually("it is cleared", || alerts.get(IMPAIRED, auth.inventory.now()).is_none()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_auth_server_made_of_teleports_service_is_told_in_its_own_terms() {
    let cluster = Cluster::default();
    let identity = cluster.identity("go-auth", [selfcheck_protocol::Role::Auth]);
    let Some(mut auth) = interop(&["serve", identity.to_str().expect("path")]) else { return };
    let address = auth.tells("address");
    let mut agent = Agent::start(address.as_str().expect("an address"), &cluster.identity("a1", NODE));
    agent.says(status(MASKED, 1));
    assert_eq!(auth.tells("stream"), json!(["18.2.0"]), "the agent's version, not this project's");
    let hello = auth.tells("hello");
    let expected = json!({
        "version": "18.2.0", "server": "a1", "services": ["Node"], "hostname": "db-1", "upgrader": "binary",
        "upgrader_version": "v18.2.0",
        // UpdaterInfo (8): the group in 1, no UUID, DISABLED (2) in 3.
        "unrecognized": format!("420e0a0a{}1802", hex("production")),
    });
    assert_eq!(hello, expected);
    assert_eq!(auth.tells("metadata"), Value::String(String::new()));
    agent.until("connected", |progress| progress.connected && progress.mode == ReportingMode::Stock).await;
    auth.write("7");
    assert_eq!(auth.tells("pong"), json!(7));
    // A change is no message to a server that does not know the extension.
    agent.says(status(HEALTHY, 2));
    auth.write("8");
    assert_eq!(auth.tells("pong"), json!(8));
    agent.end().await.expect("a good end");
    assert_eq!(auth.tells("goodbye"), json!(false));
    auth.tells("end");
    auth.end();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_extension_is_harmless_to_teleports_service() {
    use selfcheck_protocol::IdentityFile;
    use selfcheck_protocol::wire::proto as wire;
    use selfcheck_protocol::wire::proto::downstream_inventory_one_of::Msg as Down;
    use selfcheck_protocol::wire::proto::upstream_inventory_one_of::Msg as Up;
    use selfcheck_protocol::wire::teleport::selfcheck::v1::UpdaterSelfCheck;
    use selfcheck_reporter::AuthClient;
    use selfcheck_reporter::wire::proto::auth_service_client::AuthServiceClient;
    let cluster = Cluster::default();
    let identity = cluster.identity("go-auth", [selfcheck_protocol::Role::Auth]);
    let Some(mut auth) = interop(&["serve", identity.to_str().expect("path")]) else { return };
    let address = auth.tells("address");
    let identity = IdentityFile::read(&cluster.identity("a1", NODE)).expect("identity");
    let client =
        AuthClient::connect(address.as_str().expect("an address"), &identity).await.expect("connected");
    let (up, mut messages) = tokio::sync::mpsc::channel(8);
    let send =
        async |message| up.send(wire::UpstreamInventoryOneOf { msg: Some(message) }).await.expect("open");
    send(Up::Hello(super::hello("a1"))).await;
    let messages = futures_util::stream::poll_fn(move |context| messages.poll_recv(context));
    let mut calls = AuthServiceClient::new(client.channel());
    let mut down = calls.inventory_control_stream(messages).await.expect("stream").into_inner();
    down.message().await.expect("a Hello");
    auth.tells("stream");
    auth.tells("hello");
    let check = UpdaterSelfCheck { sequence: 1, last_run: 2, report: None };
    send(Up::Heartbeat(wire::InventoryHeartbeat { self_check: Some(check) })).await;
    assert_eq!(auth.tells("heartbeat"), json!("82b1070408011002"), "passed over, and the stream goes on");
    auth.write("9");
    // One that is answered before it was asked may be asked on a stream that has ended.
    let asked = down.message().await.expect("a message").and_then(|message| message.msg);
    assert!(matches!(asked, Some(Down::Ping(wire::DownstreamInventoryPing { id: 9 }))), "{asked:?}");
    send(Up::Pong(wire::UpstreamInventoryPong { id: 9, system_clock: None })).await;
    assert_eq!(auth.tells("pong"), json!(9));
    // What only this project serves is refused as every call is that Teleport does not know.
    assert!(client.summary().await.expect_err("a stock one").is_unknown_call());
    drop(up);
    auth.tells("end");
    auth.end();
}

fn hex(text: &str) -> String {
    let digits: Vec<_> = text.bytes().map(|byte| format!("{byte:02x}")).collect();
    digits.concat()
}
