//! Who is an auth server to those who ask, and who is a host to an auth server.

use std::net::SocketAddr;

use futures_util::StreamExt;
use selfcheck_fleet::Outcome;
use selfcheck_protocol::IdentityFile;
use selfcheck_protocol::Role;
use selfcheck_protocol::wire::proto::InventoryStatusRequest;
use selfcheck_reporter::AuthClient;
use selfcheck_reporter::wire::proto::auth_service_client::AuthServiceClient;
use selfcheck_server::Connection;
use selfcheck_server::Limits;
use selfcheck_server::Listener;
use selfcheck_server::Rate;
use selfcheck_server::Signer;
use selfcheck_tests::Cluster;
use selfcheck_tests::ClusterCa;
use selfcheck_tests::NODE;
use selfcheck_tests::Who;
use selfcheck_tests::quick;
use selfcheck_tests::wall_clock;
use selfcheck_tests::wire::bare::Bare;
use selfcheck_tests::with;
use tokio::net::TcpListener;
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tonic::Code;
use tonic::transport::server::Connected;

/// Listens as this identity. What comes of connections is sent on.
async fn listens(
    identity: &IdentityFile,
    users: &[CertificateDer<'static>],
) -> (SocketAddr, mpsc::UnboundedReceiver<Connection>) {
    let tcp = TcpListener::bind("127.0.0.1:0").await.expect("listening");
    let listener = Listener::trusting(tcp, identity, users, wall_clock).expect("TLS");
    let address = listener.local_addr().expect("an address");
    let (sender, receiver) = mpsc::unbounded_channel();
    let mut connections = Box::pin(listener.incoming(&Limits::default()));
    tokio::spawn(async move {
        while let Some(Ok(connection)) = connections.next().await {
            let _ = sender.send(connection); // the test may have ended
        }
    });
    (address, receiver)
}

/// Whether somebody of the cluster who trusts only its authority believes this to be an auth server; and if not, why.
async fn believed(ca: &ClusterCa, who: Who<'_>) -> Result<(), String> {
    let (address, _connections) = listens(&ca.identity(who), &[]).await;
    let asking = ca.identity(Who::Host("asking", Role::Node));
    let connected = AuthClient::connect(&address.to_string(), &asking).await;
    connected.map(|_| ()).map_err(|error| error.to_string())
}

#[tokio::test]
async fn of_a_teleport_cluster_only_auth_servers_and_proxies_are_believed() {
    let ca = ClusterCa::new("a.example.com");
    for who in [Who::Admin, Who::Only("h1", Role::Auth), Who::Only("h1", Role::Proxy)] {
        assert_eq!(believed(&ca, who).await, Ok(()), "{who:?}");
    }
    // All of them have the names of an auth server, as real agents of some roles do.
    for (who, why) in [
        (Who::Host("h1", Role::Node), "`h1` has the roles Node, Instance"),
        (Who::Host("h1", Role::Kube), "not those of an auth server"),
        (Who::Host("h1", Role::Auth), "not those of an auth server"),
        (Who::Only("h1", Role::Instance), "not those of an auth server"),
        (Who::Only("h1", Role::WindowsDesktop), "not those of an auth server"),
        (Who::Only("h1", Role::Bot), "not those of an auth server"),
        (Who::User("alice", "editor"), "`alice` is a user's identity"),
        // A role is one also where it is new.
        (Who::Newer("h1", Role::Proxy), "not those of an auth server"),
        (Who::Of("h1", Role::Admin, "b.example.com"), "belongs to cluster `b.example.com`"),
    ] {
        let said = believed(&ca, who).await.expect_err("not believed");
        assert!(said.contains(why), "{who:?}: {said}");
    }
    // A role that cannot be read may be any.
    let file = ca.file(Who::Teletex("h1", Role::Admin));
    let error = IdentityFile::parse("h1.pem".as_ref(), file.as_bytes()).expect_err("of nobody in particular");
    assert!(error.to_string().contains("the certificate cannot be read"), "{error}");
}

#[tokio::test]
async fn of_an_authority_made_here_only_the_roles_auth_and_proxy_are_believed() {
    let cluster = Cluster::default();
    let asking = IdentityFile::read(&cluster.admin()).expect("an identity");
    for (roles, is_believed) in [
        (&[Role::Auth][..], true),
        (&[Role::Proxy], true),
        (&[Role::Admin], false),
        (&NODE, false),
        (&[Role::Instance, Role::Kube, Role::WindowsDesktop], false),
    ] {
        let identity =
            IdentityFile::read(&cluster.identity("h1", roles.iter().copied())).expect("an identity");
        let (address, _connections) = listens(&identity, &[]).await;
        let connected = AuthClient::connect(&address.to_string(), &asking).await;
        assert_eq!(connected.is_ok(), is_believed, "{roles:?}");
    }
}

/// The first connection of `who`, whose file trusts the authority of `trusted`.
async fn connects(
    address: SocketAddr,
    connections: &mut mpsc::UnboundedReceiver<Connection>,
    signer: &ClusterCa,
    who: Who<'_>,
    trusted: &ClusterCa,
) -> (Signer, Option<String>) {
    let folder = tempfile::TempDir::new().expect("a folder");
    let key = signer.issue(who, selfcheck_tests::KeyKind::P256);
    let path = super::file(&folder, &format!("{key}{}", trusted.pem()));
    let tcp = TcpStream::connect(address).await.expect("connected");
    let _bare = Bare::over(tcp, &path).await.expect("a connection");
    let caller = connections.recv().await.expect("a connection").connect_info();
    (caller.signer(), caller.identity().ok().map(|host| host.host_id.to_string()))
}

/// Teleport's authorities of users and of hosts have the same name.
#[tokio::test]
async fn a_users_authority_signs_no_hosts() {
    let (hosts, users) = (ClusterCa::new("a.example.com"), ClusterCa::new("a.example.com"));
    let trusted = [CertificateDer::from_pem_slice(users.pem().as_bytes()).expect("a certificate")];
    let (address, mut connections) = listens(&hosts.auth_server(), &trusted).await;
    let mut connects =
        async |signer: &ClusterCa, who| connects(address, &mut connections, signer, who, &hosts).await;
    let host = Who::Host("h1", Role::Node);
    assert_eq!(connects(&hosts, host).await, (Signer::Hosts, Some("h1".to_owned())));
    assert_eq!(connects(&users, host).await, (Signer::Users, None));
    assert_eq!(connects(&users, Who::Only("h1", Role::Admin)).await, (Signer::Users, None));
    assert_eq!(connects(&users, Who::User("alice", "editor")).await, (Signer::Users, None));
    assert_eq!(connects(&hosts, Who::User("alice", "editor")).await, (Signer::Hosts, None));
}

#[tokio::test]
async fn a_host_of_another_cluster_is_sent_away_whoever_signed_it() {
    let ca = ClusterCa::new("a.example.com");
    let (address, mut connections) = listens(&ca.auth_server(), &[]).await;
    let folder = tempfile::TempDir::new().expect("a folder");
    let path = super::file(&folder, &ca.file(Who::Of("h1", Role::Node, "b.example.com")));
    let tcp = TcpStream::connect(address).await.expect("connected");
    Bare::over(tcp, &path).await.expect("a handshake").closed("of another cluster").await;
    assert!(connections.try_recv().is_err());
    let at_home = connects(address, &mut connections, &ca, Who::Only("h1", Role::Node), &ca).await;
    assert_eq!(at_home, (Signer::Hosts, Some("h1".to_owned())));
}

/// Its calls are all denied, and go on and on.
#[tokio::test]
async fn what_is_denied_keeps_no_connection_alive() {
    let cluster = Cluster::default();
    let patient = Rate { burst: 1_000_000, per_second: 1_000.0 };
    let auth = cluster
        .serve_with(with(quick(), |limits| (limits.refusals, limits.requests) = (patient, patient)))
        .await;
    let agent = auth.client(&cluster.identity("a1", NODE)).await;
    let mut calls = AuthServiceClient::new(agent.channel());
    let asking = async {
        loop {
            match calls.get_inventory_status(InventoryStatusRequest::default()).await {
                Err(status) if status.code() == Code::PermissionDenied => {}
                other => break other.map(|_| ()).expect_err("nothing that it may have").code(),
            }
        }
    };
    let code = tokio::time::timeout(super::PATIENCE, asking).await.expect("its connection ends");
    assert!(matches!(code, Code::Unavailable | Code::Unknown | Code::Cancelled | Code::Internal), "{code:?}");
    assert!(auth.inventory.counters().get(Outcome::Denied) > 0);
}
