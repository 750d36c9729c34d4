//! Who may say what.

use selfcheck_fleet::Outcome;
use selfcheck_protocol::IdentityFile;
use selfcheck_protocol::Role;
use selfcheck_protocol::wire::proto::InventoryStatusRequest;
use selfcheck_protocol::wire::proto::upstream_inventory_one_of::Msg as Up;
use selfcheck_reporter::AuthClient;
use selfcheck_reporter::wire::proto::auth_service_client::AuthServiceClient;
use selfcheck_tests::Cluster;
use selfcheck_tests::NODE;
use tonic::Code;

use super::Raw;
use super::hello;
use super::known;
use super::records;

#[tokio::test]
async fn an_agent_speaks_only_for_itself() {
    let cluster = Cluster::default();
    let auth = cluster.serve().await;
    let mut raw = Raw::open(&auth, &cluster.identity("a1", NODE)).await.expect("stream");
    raw.send(Up::Hello(hello("a2"))).await;
    let (code, message) = raw.closed().await;
    assert_eq!(code, Code::PermissionDenied);
    assert!(message.contains("`a1`"), "{message}");
    assert_eq!(known(&auth), [""; 0]);
    assert_eq!(auth.inventory.counters().get(Outcome::BadHello), 1);
}

#[tokio::test]
async fn services_that_the_certificate_lacks_are_dropped() {
    let cluster = Cluster::default();
    let auth = cluster.serve().await;
    let services = ["Node", "Proxy", "Kube", "Node", "nonsense"].map(str::to_owned).to_vec();
    let claim = selfcheck_protocol::wire::proto::UpstreamInventoryHello { services, ..hello("a1") };
    let identity = cluster.identity("a1", [Role::Instance, Role::Node, Role::Kube]);
    let _raw = Raw::of_stock_agent(&auth, &identity, claim).await;
    assert_eq!(records(&auth)[0].hello.services, ["Node", "Kube"].map(selfcheck_core::Text::new));
}

#[tokio::test]
async fn only_servers_have_a_stream_and_only_administrators_ask() {
    let cluster = Cluster::default();
    let auth = cluster.serve().await;
    let refused = Raw::open(&auth, &cluster.admin()).await.map(|_| ()).expect_err("no stream");
    assert_eq!(refused.code(), Code::PermissionDenied);
    let agent = auth.client(&cluster.identity("a1", NODE)).await;
    let mut calls = AuthServiceClient::new(agent.channel());
    let refused =
        calls.get_inventory_status(InventoryStatusRequest::default()).await.expect_err("not an admin");
    assert_eq!(refused.code(), Code::PermissionDenied);
    assert!(refused.message().contains("Admin"), "{}", refused.message());
    // Every daemon asks that, so it is denied and not counted.
    assert!(agent.summary().await.is_err());
    let admin = auth.client(&cluster.admin()).await;
    assert_eq!(admin.summary().await.expect("an admin").agents, 0);
    assert_eq!(auth.inventory.counters().get(Outcome::Denied), 2);
}

#[tokio::test]
async fn certificates_of_another_authority_or_another_time_are_not_taken() {
    let (cluster, other) = (Cluster::default(), Cluster::default());
    let auth = cluster.serve().await;
    let expired = cluster.identity_between("expired", NODE, -60, -1);
    let future = cluster.identity_between("future", NODE, 30, 60);
    let foreign = other.identity("foreign", NODE);
    for identity in [&expired, &future, &foreign] {
        let read = IdentityFile::read(identity).expect("identity");
        // Of those whose time it is not, a client that does not look at the time itself.
        let refused = match AuthClient::connect(&auth.server(), &read).await {
            Ok(client) => client.summary().await.map(|_| ()),
            Err(error) => Err(error),
        };
        assert!(refused.is_err(), "{}", identity.display());
    }
    assert_eq!(known(&auth), [""; 0]);
    // The one with the wrong authority refuses the server; the others are refused by it.
    super::eventually("counted", || auth.inventory.counters().get(Outcome::Handshake) == 3).await;
}

#[tokio::test]
async fn an_identity_file_that_is_of_no_use_says_why() {
    let cluster = Cluster::default();
    let good = std::fs::read_to_string(cluster.identity("a1", NODE)).expect("text");
    let parts: Vec<_> = good.split_inclusive("-----END CERTIFICATE-----\n").collect();
    let (key, _) = good.split_once("-----BEGIN CERTIFICATE").expect("a certificate");
    let folder = tempfile::TempDir::new().expect("folder");
    let cases = [
        (String::new(), "private key"),
        ("nothing at all\n".to_owned(), "private key"),
        (parts[1].to_owned(), "private key"),
        (key.to_owned(), "certificate"),
        (parts[0].to_owned(), "authority"),
        (good.replace("-----END CERTIFICATE-----", ""), "certificate"),
    ];
    for (text, lacks) in cases {
        let error = IdentityFile::read(&super::file(&folder, &text)).expect_err("useless");
        assert!(error.to_string().contains(lacks), "{error}");
    }
    let with_ssh =
        format!("{good}ssh-rsa-cert-v01@openssh.com AAAA\n@cert-authority *.example ssh-rsa AAAA\n");
    let identity = IdentityFile::read(&super::file(&folder, &with_ssh)).expect("of use");
    let host = identity.host.expect("a host");
    assert_eq!((host.host_id.as_str(), host.cluster.as_str()), ("a1", "test.example.com"));
    assert!(IdentityFile::read(folder.path()).is_err());
}
