//! What is asked about the inventory.

use std::collections::BTreeMap;

use selfcheck_core::RemedyId;
use selfcheck_core::Text;
use selfcheck_core::UpdaterKind;
use selfcheck_protocol::Count;
use selfcheck_protocol::Filter;
use selfcheck_protocol::RemedyGroup;
use selfcheck_protocol::wire::proto as wire;
use selfcheck_protocol::wire::proto::UpstreamInventoryHello;
use selfcheck_protocol::wire::proto::UpstreamInventoryPong;
use selfcheck_protocol::wire::proto::upstream_inventory_one_of::Msg as Up;
use selfcheck_protocol::wire::teleport::selfcheck::v1::AgentFilter;
use selfcheck_protocol::wire::teleport::selfcheck::v1::ListAgentsRequest;
use selfcheck_protocol::wire::teleport::selfcheck::v1::Verdict;
use selfcheck_protocol::wire::types::InstanceFilter;
use selfcheck_protocol::wire::types::InstanceV1;
use selfcheck_protocol::wire::types::UpdaterStatus;
use selfcheck_protocol::wire::types::UpdaterV2Info;
use selfcheck_reporter::wire::proto::auth_service_client::AuthServiceClient;
use selfcheck_tests::Auth;
use selfcheck_tests::Cluster;
use selfcheck_tests::NODE;
use selfcheck_tests::wire::calls;
use selfcheck_tests::with;
use tonic::Code;

use super::Down;
use super::Raw;
use super::hello;

/// Agents of several kinds, by host id.
async fn crowd(cluster: &Cluster, auth: &Auth) -> Vec<Raw> {
    let kinds = [
        ("a1", "17.5.2", "unit", None),
        ("a2", "18.2.0", "binary", Some("stage")),
        ("a3", "18.2.0", "", None),
        ("a4", "18.3.0-rc.1", "binary", Some("default")),
    ];
    let mut raws = Vec::new();
    for (id, version, upgrader, group) in kinds {
        let claim = UpstreamInventoryHello {
            version: version.to_owned(),
            external_upgrader: upgrader.to_owned(),
            external_upgrader_version: if upgrader.is_empty() {
                String::new()
            } else {
                format!("v{version}")
            },
            updater_info: group.map(|group| UpdaterV2Info {
                update_group: group.to_owned(),
                updater_status: UpdaterStatus::Ok.into(),
                ..UpdaterV2Info::default()
            }),
            ..hello(id)
        };
        raws.push(Raw::of_stock_agent(auth, &cluster.identity(id, NODE), claim).await);
    }
    raws
}

/// Whose instance it is.
fn name(instance: InstanceV1) -> String {
    instance.header.expect("header").metadata.expect("metadata").name
}

#[tokio::test]
async fn instances_are_those_that_the_filter_takes() {
    let cluster = Cluster::default();
    let auth = cluster.serve().await;
    let _crowd = crowd(&cluster, &auth).await;
    let admin = auth.client(&cluster.admin()).await;
    let word = str::to_owned;
    let filters = [
        (InstanceFilter::default(), "a3 a1 a2 a4"),
        (InstanceFilter { server_id: word("a3"), ..Default::default() }, "a3"),
        (InstanceFilter { version: word("v18.2.0"), ..Default::default() }, "a3 a2"),
        (InstanceFilter { services: vec![word("Node")], ..Default::default() }, "a3 a1 a2 a4"),
        (InstanceFilter { services: vec![word("Node"), word("Kube")], ..Default::default() }, "a3 a1 a2 a4"),
        (InstanceFilter { services: vec![word("Kube")], ..Default::default() }, ""),
        (InstanceFilter { external_upgrader: word("binary"), ..Default::default() }, "a2 a4"),
        (InstanceFilter { no_ext_upgrader: true, ..Default::default() }, "a3"),
        (InstanceFilter { older_than_version: word("18.3.0"), ..Default::default() }, "a3 a1 a2 a4"),
        (InstanceFilter { older_than_version: word("18.2.0"), ..Default::default() }, "a1"),
        (InstanceFilter { newer_than_version: word("v18.2.0"), ..Default::default() }, "a4"),
        (InstanceFilter { update_group: word("stage"), ..Default::default() }, "a2"),
    ];
    for (filter, expected) in filters {
        // As it is, and as it is when it was read and written again.
        let again = Filter::from_stock(&filter).expect("a filter").to_stock();
        for filter in [filter, again] {
            let found = calls::instances(&admin, filter.clone()).await.expect("instances");
            let found: Vec<_> = found.into_iter().map(name).collect();
            assert_eq!(found.join(" "), expected, "{filter:?}");
        }
    }
    let bad = InstanceFilter { older_than_version: word("new"), ..Default::default() };
    let error = calls::instances(&admin, bad).await.expect_err("no version");
    assert_eq!(error.code(), Code::InvalidArgument);
}

#[tokio::test]
async fn an_instance_has_the_fields_of_its_hello() {
    let cluster = Cluster::default();
    let auth = cluster.serve().await;
    let _crowd = crowd(&cluster, &auth).await;
    let admin = auth.client(&cluster.admin()).await;
    let filter = InstanceFilter { server_id: "a2".to_owned(), ..Default::default() };
    let found = calls::instances(&admin, filter).await.expect("instances");
    let found: Vec<_> = found.into_iter().map(|instance| instance.spec.expect("spec")).collect();
    let [spec] = found.as_slice() else { panic!("{found:?}") };
    assert_eq!((spec.version.as_str(), spec.hostname.as_str()), ("v18.2.0", "host-of-a2"));
    assert_eq!(
        (spec.external_upgrader.as_str(), spec.external_upgrader_version.as_str()),
        ("binary", "v18.2.0")
    );
    assert_eq!(spec.updater_info.as_ref().expect("info").update_group, "stage");
    assert_eq!(spec.auth_id, "auth-1");
    assert!(spec.last_seen.is_some());
}

#[tokio::test]
async fn the_status_counts_by_version_updater_and_service() {
    let cluster = Cluster::default();
    let auth = cluster.serve().await;
    let _crowd = crowd(&cluster, &auth).await;
    let mut calls = AuthServiceClient::new(auth.client(&cluster.admin()).await.channel());
    let summary = calls.get_inventory_status(wire::InventoryStatusRequest { connected: true }).await;
    let summary = summary.expect("a summary").into_inner();
    assert_eq!(summary.instance_count, 4);
    let counts = |pairs: &[(&str, u32)]| -> BTreeMap<_, _> {
        pairs.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect()
    };
    assert_eq!(summary.version_counts, counts(&[("17.5.2", 1), ("18.2.0", 2), ("18.3.0-rc.1", 1)]));
    assert_eq!(summary.upgrader_counts, counts(&[("", 1), ("binary", 2), ("unit", 1)]));
    assert_eq!(summary.service_counts, counts(&[("Node", 4)]));
    assert_eq!(summary.connected.len(), 4);
    let services =
        calls.get_inventory_connected_service_counts(wire::InventoryConnectedServiceCountsRequest {}).await;
    assert_eq!(services.expect("counts").into_inner().service_counts.get("Node"), Some(&4));
}

#[tokio::test]
async fn a_ping_is_answered_by_the_agent_itself() {
    let cluster = Cluster::default();
    let auth = cluster.serve().await;
    let mut raw = crowd(&cluster, &auth).await.remove(0);
    let mut calls = AuthServiceClient::new(auth.client(&cluster.admin()).await.channel());
    let ping = |id: &str| wire::InventoryPingRequest { server_id: id.to_owned(), control_log: false };
    let asking = tokio::spawn({
        let (mut calls, ping) = (calls.clone(), ping("a1"));
        async move { calls.ping_inventory(ping).await }
    });
    let Some(Down::Ping(asked)) = raw.next().await.expect("a message") else { panic!("no ping") };
    raw.send(Up::Pong(UpstreamInventoryPong { id: asked.id, system_clock: None })).await;
    assert!(asking.await.expect("no panic").expect("a pong").into_inner().duration > 0);
    let nobody = calls.ping_inventory(ping("zz")).await.expect_err("not there");
    assert_eq!(nobody.code(), Code::NotFound);
}

#[tokio::test]
async fn agents_come_in_pages() {
    let cluster = Cluster::default();
    let auth = cluster.serve().await;
    let _crowd = crowd(&cluster, &auth).await;
    let admin = auth.client(&cluster.admin()).await;
    let list = async |request: ListAgentsRequest| {
        let mut request = ListAgentsRequest { page_size: 1, ..request };
        let mut found = Vec::new();
        for _ in 0..10 {
            let page = calls::agents(&admin, request.clone()).await.expect("a page");
            found.extend(page.agents.into_iter().map(|agent| agent.server_id));
            if page.next_page_token.is_empty() {
                return found.join(" ");
            }
            request.page_token = page.next_page_token;
        }
        panic!("pages without end")
    };
    assert_eq!(list(ListAgentsRequest::default()).await, "a3 a1 a2 a4");
    let unaccompanied = ListAgentsRequest { verdict: Verdict::Unaccompanied.into(), ..Default::default() };
    assert_eq!(list(unaccompanied).await, "a3");
    let unproven = ListAgentsRequest { reason: "unproven".to_owned(), ..Default::default() };
    assert_eq!(list(unproven.clone()).await, "a1 a2 a4");
    let stock = AgentFilter { older_than: "18.0.0".to_owned(), ..Default::default() };
    assert_eq!(list(ListAgentsRequest { stock: Some(stock), ..unproven }).await, "a1");
    let summary = admin.summary().await.expect("a summary");
    assert_eq!((summary.agents, summary.verdicts.len()), (4, 2));
    let counts = |counts: &[Count<Text>]| {
        let mut shown: Vec<_> = counts.iter().map(|count| format!("{}={}", count.of, count.agents)).collect();
        shown.sort();
        shown.join(" ")
    };
    assert_eq!(counts(&summary.reasons), "claims-no-updater=1 unproven=3");
    assert_eq!(counts(&summary.kinds), "=1 binary=2 unit=1");
    assert_eq!(counts(&summary.groups), "=2 default=1 stage=1");
    assert_eq!(counts(&summary.services), "Node=4");
    assert_eq!(summary.settling, 0);
}

/// How long an agent has to stay before it counts.
const SETTLING: std::time::Duration = std::time::Duration::from_secs(20);

#[tokio::test]
async fn agents_are_counted_by_what_helps_them_and_once_they_have_stayed() {
    let mut cluster = Cluster::default();
    cluster.counting = |fleet| fleet.settling(SETTLING);
    let auth = cluster.serve_with(selfcheck_server::Limits::default()).await;
    let mut agent = super::Agent::start(&auth.server(), &cluster.identity("a1", NODE));
    agent.says(super::status(super::MASKED, 1));
    agent.until_acked(1).await;
    let admin = auth.client(&cluster.admin()).await;
    let summary = admin.summary().await.expect("a summary");
    assert_eq!((summary.agents, summary.settling, summary.verdicts.len()), (0, 1, 0));
    let remedies = async || admin.remedies().await.expect("remedies");
    assert_eq!(remedies().await, []);
    tokio::time::pause();
    tokio::time::advance(SETTLING).await;
    tokio::time::resume();
    let [count] = remedies().await.try_into().expect("one");
    let RemedyGroup { remedy, kind, .. } = count.of;
    assert_eq!((remedy.id, kind, count.agents), (Some(RemedyId::EnableV2), Some(UpdaterKind::Binary), 1));
}

#[tokio::test]
async fn a_large_fleet_is_told_of_in_parts() {
    use selfcheck_fleet::Store;
    use selfcheck_fleet::StreamId;
    use selfcheck_protocol::Hello;
    let cluster = Cluster::default();
    let auth = cluster.serve().await;
    for number in 0..3000 {
        let hello = with(Hello::default(), |hello| hello.server_id = format!("{number:04}").as_str().into());
        auth.inventory.store().joined(StreamId(1_000_000 + number), hello, selfcheck_tests::wall_clock());
    }
    let admin = auth.client(&cluster.admin()).await;
    let found = calls::instances(&admin, InstanceFilter::default()).await.expect("instances");
    let found: Vec<_> = found.into_iter().map(name).collect();
    assert_eq!(found.len(), 3000);
    assert!(found.is_sorted());
    for (asked, most) in [(0, 1000), (100, 100), (5000, 1000)] {
        let mut listed = Vec::new();
        let mut request = ListAgentsRequest { page_size: asked, ..ListAgentsRequest::default() };
        loop {
            let page = calls::agents(&admin, request.clone()).await.expect("a page");
            assert!(page.agents.len() <= most, "{}", page.agents.len());
            listed.extend(page.agents.into_iter().map(|agent| agent.server_id));
            if page.next_page_token.is_empty() {
                break;
            }
            assert!(page.next_page_token > request.page_token, "it gets on");
            request.page_token = page.next_page_token;
        }
        assert_eq!(listed, found, "pages of {asked}");
    }
    let nobody = ListAgentsRequest { reason: "run-failed".to_owned(), ..ListAgentsRequest::default() };
    assert_eq!(calls::agents(&admin, nobody).await.expect("a page").agents, []);
    let lost = ListAgentsRequest { page_token: "next".to_owned(), ..ListAgentsRequest::default() };
    assert_eq!(calls::agents(&admin, lost).await.expect_err("no token").code(), Code::InvalidArgument);
    // The client gets to the end by itself.
    let (mut told, mut from) = (Vec::new(), None);
    loop {
        let page = admin.agents(&Filter::default(), from.as_deref()).await.expect("a page");
        told.extend(page.agents.into_iter().map(|agent| agent.server_id.to_string()));
        from = page.next;
        if from.is_none() {
            break;
        }
    }
    assert_eq!(told, found);
}
