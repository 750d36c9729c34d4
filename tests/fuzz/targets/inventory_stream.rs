//! What an agent sends after its Hello, as bytes of any kind, through the auth server's own service.
#![no_main]

use std::sync::Arc;
use std::time::Duration;

use http_body_util::BodyExt;
use http_body_util::Full;
use hyper::Request;
use hyper::body::Bytes;
use libfuzzer_sys::fuzz_target;
use prost::Message;
use selfcheck_core::TeleportVersion;
use selfcheck_fleet::Alerts;
use selfcheck_fleet::Cursor;
use selfcheck_fleet::Fleet;
use selfcheck_fleet::FleetConfig;
use selfcheck_fleet::Store;
use selfcheck_fleet::Summary;
use selfcheck_protocol::HostIdentity;
use selfcheck_protocol::Role;
use selfcheck_protocol::wire::proto::UpstreamInventoryHello;
use selfcheck_protocol::wire::proto::UpstreamInventoryOneOf;
use selfcheck_protocol::wire::proto::upstream_inventory_one_of::Msg;
use selfcheck_server::AuthServer;
use selfcheck_server::Caller;
use selfcheck_server::Inventory;
use selfcheck_server::Limits;
use selfcheck_server::wire::proto::auth_service_server::AuthServiceServer;
use tower::ServiceExt;

/// A message with gRPC's frame around it.
fn framed(message: &UpstreamInventoryOneOf) -> Vec<u8> {
    let message = message.encode_to_vec();
    let length = u32::try_from(message.len()).expect("short").to_be_bytes();
    [&[0], length.as_slice(), &message].concat()
}

async fn answer(bytes: &[u8]) {
    let server = AuthServer::new(TeleportVersion::new(18, 2, 0), "auth");
    // An agent counts at once, and one that reloads is gone at once.
    let counting = FleetConfig::default().settling(Duration::ZERO).hand_over(Duration::ZERO);
    let inventory =
        Inventory::new(Fleet::new(counting), Arc::new(Alerts::default()), server, Limits::default(), || {
            jiff::Timestamp::UNIX_EPOCH
        });
    let hello = UpstreamInventoryHello {
        version: "18.2.0".to_owned(),
        server_id: "a".to_owned(),
        ..UpstreamInventoryHello::default()
    };
    let hello = framed(&UpstreamInventoryOneOf { msg: Some(Msg::Hello(hello)) });
    let identity = HostIdentity::new("a".into(), "c".into(), [Role::Node]);
    let request = Request::post("/proto.AuthService/InventoryControlStream")
        .header("content-type", "application/grpc")
        .extension(Caller::new(Ok(identity)))
        .body(tonic::body::Body::new(Full::new(Bytes::from([hello.as_slice(), bytes].concat()))))
        .expect("a request");
    let service = AuthServiceServer::new(inventory.clone()).max_decoding_message_size(1 << 20);
    let mut body = service.oneshot(request).await.expect("an answer").into_body();
    while let Some(Ok(_)) = body.frame().await {
        // Nobody else's seat is ever taken.
        let part = inventory.store().part(Cursor::default(), None, usize::MAX);
        assert!(part.agents.iter().all(|agent| agent.hello.server_id.as_str() == "a"));
        assert_eq!(inventory.store().summary(), inventory.store().recount());
    }
    drop(body);
    assert!(inventory.store().is_empty(), "the agent has left");
    assert_eq!(inventory.store().summary(), Summary::default());
}

fuzz_target!(|bytes: &[u8]| {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("runtime");
    runtime.block_on(answer(bytes));
});
