//! Agents and auth servers with and without this project's extension, in all four pairs.

use selfcheck_core::ReportingMode;
use selfcheck_inventory::agent::Neighbour;
use selfcheck_inventory::agent::ReportError;
use selfcheck_inventory::wire::proto::UpstreamInventoryHello;
use selfcheck_inventory::wire::proto::upstream_inventory_one_of::Msg as Up;
use selfcheck_inventory::wire::types::UpdaterStatus;
use selfcheck_inventory::wire::types::UpdaterV2Info;
use selfcheck_tests::Cluster;
use selfcheck_tests::NODE;

use super::Agent;
use super::HEALTHY;
use super::MASKED;
use super::Raw;
use super::hello;
use super::known;
use super::status;
use super::stock::StockAuth;

#[tokio::test]
async fn a_new_agent_and_a_new_auth_server_use_the_extension() {
    let cluster = Cluster::default();
    let auth = cluster.serve().await;
    let mut agent = Agent::start(&auth.server(), &cluster.identity("a1", NODE));
    agent.says(status(MASKED, 3));
    assert_eq!(agent.until_acked(3).await.mode, ReportingMode::Extension);
    assert_eq!(known(&auth), ["a1: impaired observed timer-masked"]);
}

#[tokio::test]
async fn a_new_agent_tells_an_old_auth_server_the_truth_in_the_fields_it_knows() {
    let cluster = Cluster::default();
    let auth = StockAuth::start(&cluster).await;
    let mut agent = Agent::start(&auth.address.to_string(), &cluster.identity("a1", NODE));
    agent.says(status(MASKED, 3));
    let progress = agent.until("connected", |progress| progress.connected).await;
    assert_eq!((progress.mode, progress.acked), (ReportingMode::Stock, None));
    assert!(progress.last_sent.is_some());
    agent.says(status(HEALTHY, 4)); // which an old auth server is told by a new stream, some minutes later
    super::eventually("two messages", || auth.said.lock().expect("no panic")[0].len() == 2).await;
    agent.end().await.expect("a good end");
    let said = auth.said.lock().expect("no panic");
    let [Up::Hello(hello), Up::AgentMetadata(_)] = said[0].as_slice() else { panic!("{said:?}") };
    assert_eq!(said.len(), 1, "one stream, and no goodbye where that is not taken");
    assert_eq!((hello.version.as_str(), hello.external_upgrader.as_str()), ("18.2.0", "binary"));
    let info = hello.updater_info.as_ref().expect("updater info");
    assert_eq!(info.updater_status(), UpdaterStatus::Disabled);
}

#[tokio::test]
async fn beside_a_stock_agent_an_old_auth_server_is_told_nothing() {
    let cluster = Cluster::default();
    let auth = StockAuth::start(&cluster).await;
    let server = auth.address.to_string();
    let agent = Agent::beside(&server, &cluster.identity("a1", NODE), Neighbour::StockAgent);
    agent.says(status(HEALTHY, 1));
    let ended = tokio::time::timeout(super::PATIENCE, agent.task).await.expect("in time").expect("no panic");
    assert!(matches!(ended, Err(ReportError::Stock(named)) if named == server));
    assert_eq!(auth.streams(), 0, "not even a stream was opened");
    // One that is met later is left alone as well, and tried again.
    let new = cluster.serve().await;
    let address = new.address;
    let mut agent = Agent::beside(&new.server(), &cluster.identity("a1", NODE), Neighbour::StockAgent);
    agent.says(status(HEALTHY, 1));
    agent.until_acked(1).await;
    new.end().await;
    let old = StockAuth::start_at(&cluster, address).await;
    let is_stock = |progress: &selfcheck_inventory::agent::Progress| {
        progress.trouble.as_ref().is_some_and(|(kind, _)| *kind == "stock")
    };
    agent.until("met a stock one", is_stock).await;
    assert_eq!(old.streams(), 0);
    agent.end().await.expect("it went on");
    // And a new one is.
    let auth = cluster.serve().await;
    let mut agent = Agent::beside(&auth.server(), &cluster.identity("a1", NODE), Neighbour::StockAgent);
    agent.says(status(HEALTHY, 1));
    agent.until_acked(1).await;
}

#[tokio::test]
async fn an_old_agent_is_judged_by_its_claim() {
    let cluster = Cluster::default();
    let auth = cluster.serve().await;
    let claims = [
        ("18.2.0", "", None, "unaccompanied claimed claims-no-updater"),
        ("12.4.0", "", None, "unknown claimed agent-too-old"),
        ("18.2.0", "unit", None, "accompanied claimed unproven"),
        ("18.2.0", "binary", Some(UpdaterStatus::Ok), "accompanied claimed unproven"),
        ("18.2.0", "binary", Some(UpdaterStatus::Disabled), "held claimed updates-disabled"),
        ("18.2.0", "binary", Some(UpdaterStatus::Pinned), "held claimed version-pinned"),
        ("18.2.0", "binary", Some(UpdaterStatus::Unreadable), "unknown claimed config-denied"),
        ("18.2.0", "integration_awsoidc", None, "exempt claimed updated-by-cluster"),
    ];
    for (version, upgrader, updater, expected) in claims {
        let claim = UpstreamInventoryHello {
            version: version.to_owned(),
            external_upgrader: upgrader.to_owned(),
            updater_info: updater.map(|status| UpdaterV2Info {
                update_group: "stage".to_owned(),
                updater_status: status.into(),
                ..UpdaterV2Info::default()
            }),
            ..hello("old")
        };
        let raw = Raw::of_stock_agent(&auth, &cluster.identity("old", NODE), claim).await;
        assert_eq!(known(&auth), [format!("old: {expected}")]);
        drop(raw);
        super::eventually_known(&auth, &[]).await;
    }
}
