//! Agents and auth servers with and without this project's extension, in all four pairs.

use selfcheck_core::ReportingMode;
use selfcheck_protocol::wire::proto::UpstreamInventoryHello;
use selfcheck_protocol::wire::proto::upstream_inventory_one_of::Msg as Up;
use selfcheck_protocol::wire::types::UpdaterStatus;
use selfcheck_protocol::wire::types::UpdaterV2Info;
use selfcheck_reporter::Neighbour;
use selfcheck_reporter::ReportError;
use selfcheck_tests::Cluster;
use selfcheck_tests::NODE;
use selfcheck_tests::Release;

use super::Agent;
use super::HEALTHY;
use super::MASKED;
use super::Raw;
use super::hello;
use super::known;
use super::status;

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
    let auth = cluster.stock(Release::V14).await;
    let mut agent = Agent::start(&auth.address.to_string(), &cluster.identity("a1", NODE));
    agent.says(status(MASKED, 3));
    let progress = agent.until("connected", |progress| progress.connected).await;
    assert_eq!((progress.mode, progress.acked), (ReportingMode::Stock, None));
    assert!(progress.last_sent.is_some());
    agent.says(status(HEALTHY, 4)); // which an old auth server is told by a new stream, some minutes later
    super::eventually("two messages", || auth.state().said[0].len() == 2).await;
    agent.end().await.expect("a good end");
    let said = auth.state().said.clone();
    let [Up::Hello(hello), Up::AgentMetadata(_)] = said[0].as_slice() else { panic!("{said:?}") };
    assert_eq!(said.len(), 1, "one stream, and no goodbye where that is not taken");
    assert_eq!((hello.version.as_str(), hello.external_upgrader.as_str()), ("18.2.0", "binary"));
    let info = hello.updater_info.as_ref().expect("updater info");
    assert_eq!(info.updater_status(), UpdaterStatus::Disabled);
}

#[tokio::test]
async fn beside_a_stock_agent_an_old_auth_server_is_told_nothing() {
    let cluster = Cluster::default();
    let auth = cluster.stock(Release::V14).await;
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
    let old = cluster.stock_at(address, Release::V14).await;
    let is_stock = |progress: &selfcheck_reporter::Progress| {
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

#[tokio::test(start_paused = true)]
async fn an_old_auth_server_is_told_of_a_lasting_change_by_a_new_stream() {
    const MINUTE: std::time::Duration = std::time::Duration::from_secs(60);
    let cluster = Cluster::default();
    let auth = cluster.stock(Release::V14).await;
    let mut agent = Agent::start(&auth.address.to_string(), &cluster.identity("a1", NODE));
    agent.says(status(HEALTHY, 1));
    agent.until("connected", |progress| progress.connected).await;
    // What passes is not worth a stream.
    agent.says(status(MASKED, 2));
    tokio::time::sleep(4 * MINUTE).await;
    agent.says(status(HEALTHY, 3));
    tokio::time::sleep(20 * MINUTE).await;
    assert_eq!(auth.streams(), 1);
    let renewed = async |streams: usize| {
        let began = tokio::time::Instant::now();
        while auth.streams() < streams {
            tokio::time::sleep(MINUTE / 6).await;
        }
        began.elapsed()
    };
    agent.says(status(MASKED, 4));
    let first = renewed(2).await;
    assert!(first >= 5 * MINUTE && first <= 11 * MINUTE, "{first:?}");
    agent.until("connected again", |progress| progress.connected).await;
    agent.says(status(HEALTHY, 5));
    let second = renewed(3).await;
    assert!(second >= 29 * MINUTE && second <= 31 * MINUTE, "at most once in half an hour: {second:?}");
    let said = auth.state().said.clone();
    let updaters = said.iter().map(|stream| match &stream[0] {
        Up::Hello(hello) => hello.updater_info.as_ref().expect("info").updater_status(),
        other => panic!("{other:?}"),
    });
    assert_eq!(updaters.collect::<Vec<_>>(), [UpdaterStatus::Ok, UpdaterStatus::Disabled, UpdaterStatus::Ok]);
}

#[tokio::test]
async fn a_proxy_is_told_by_the_name_of_a_protocol_where_to_forward() {
    use tokio::io::AsyncReadExt;
    use tokio::io::AsyncWriteExt;
    let cluster = Cluster::new("example.com");
    let auth = cluster.serve().await;
    let tcp = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("listening");
    let proxy = tcp.local_addr().expect("address").to_string();
    let forwarded = auth.address;
    // TLS routing: it reads what is offered, and forwards everything as it is.
    let routing = tokio::spawn(async move {
        let (mut agent, _) = tcp.accept().await.expect("a connection");
        let mut hello = vec![0; 16 * 1024];
        let length = agent.read(&mut hello).await.expect("a Hello of TLS");
        hello.truncate(length);
        let wanted = b"teleport-auth@6578616d706c652e636f6d.teleport.cluster.local";
        let is_routed = hello.windows(wanted.len()).any(|window| window == wanted);
        let mut auth = tokio::net::TcpStream::connect(forwarded).await.expect("the auth server");
        auth.write_all(&hello).await.expect("forwarded");
        let _ = tokio::io::copy_bidirectional(&mut agent, &mut auth).await; // until one of the two ends
        is_routed
    });
    let mut agent = Agent::start(&proxy, &cluster.identity("a1", NODE));
    agent.says(status(HEALTHY, 1));
    agent.until_acked(1).await;
    assert_eq!(known(&auth), ["a1: accompanied observed "]);
    agent.end().await.expect("a good end");
    assert!(routing.await.expect("no panic"), "the protocol was offered");
}
