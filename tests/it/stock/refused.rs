//! What this project's own auth server says to calls that it does not serve, and how connections end.

use selfcheck_protocol::Role;
use selfcheck_protocol::wire::proto as wire;
use selfcheck_reporter::wire::proto::auth_service_client::AuthServiceClient;
use selfcheck_tests::Cluster;
use selfcheck_tests::Release;
use selfcheck_tests::Who;
use selfcheck_tests::wire::Agent;
use selfcheck_tests::wire::HEALTHY;
use selfcheck_tests::wire::eventually;
use selfcheck_tests::wire::status;
use tonic::Code;
use tonic::codegen::http::uri::PathAndQuery;
use tonic_prost::ProstCodec;

use super::EDITOR;
use super::Scene;

#[tokio::test]
async fn unknown_calls_get_a_message() {
    let cluster = Cluster::default();
    let auth = cluster.serve().await;
    let client = auth.client(&cluster.admin()).await;
    let mut refusals = Vec::new();
    for path in [
        "/proto.AuthService/GetUsers",
        "/proto.AuthService/",
        "/teleport.inventory.v1.InventoryService/ListUnifiedInstances",
    ] {
        let mut grpc = tonic::client::Grpc::new(client.channel());
        grpc.ready().await.expect("ready");
        let codec = ProstCodec::<wire::PingRequest, wire::PingResponse>::default();
        let call =
            grpc.unary(tonic::Request::new(wire::PingRequest {}), PathAndQuery::from_static(path), codec);
        refusals.push(call.await.expect_err("not served"));
    }
    let mut calls = AuthServiceClient::new(client.channel());
    refusals.push(calls.ping(wire::PingRequest {}).await.expect_err("not served"));
    for refusal in refusals {
        assert_eq!(refusal.code(), Code::Unimplemented);
        assert!(refusal.message().contains("the inventory of agents and their alerts"), "{refusal:?}");
    }
    let nobody = client.inventory_status().await.expect("what is served is served");
    assert_eq!(nobody.instances, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_are_closed_and_never_break_off() {
    let scene = Scene::new(Release::Today).await;
    scene.knows_some();
    let mut connections = 0;
    for words in [
        &["inventory", "ls"][..],
        &["inventory", "ls", "--limit", "1"],
        &["inventory", "status"],
        &["inventory", "show", "a1"],
        &["inventory", "show", "a9"],
        &["inventory", "remedies"],
        &["alerts", "ls"],
        &["alerts", "ack", "a", "--reason", "known"],
    ] {
        scene.ask(EDITOR, words).await;
        connections += 1;
    }
    // An agent that ends, and one that is refused.
    let host = scene.identity(Who::Host("a1", Role::Node));
    let mut agent = Agent::start(&scene.auth.server(), &host);
    agent.says(status(HEALTHY, 1));
    agent.until("connected", |progress| progress.connected).await;
    agent.end().await.expect("a good end");
    let agent = Agent::beside(&scene.auth.server(), &host, selfcheck_reporter::Neighbour::StockAgent);
    agent.says(status(HEALTHY, 1));
    agent.task.await.expect("no panic").expect_err("refused");
    connections += 2;
    eventually("all have ended", || {
        let state = scene.auth.state();
        state.closed + state.broken == connections
    })
    .await;
    assert_eq!(scene.auth.state().broken, 0);
}
