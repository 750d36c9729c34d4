//! What goes wrong between an agent and its auth server. No status changes by any of it.

use futures_util::StreamExt;
use selfcheck_protocol::IdentityFile;
use selfcheck_protocol::Role;
use selfcheck_reporter::Neighbour;
use selfcheck_reporter::ReportError;
use selfcheck_server::Limits;
use selfcheck_server::Listener;
use selfcheck_tests::Cluster;
use selfcheck_tests::NODE;
use tokio::io::AsyncReadExt;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;

use super::Agent;
use super::HEALTHY;
use super::status;

#[tokio::test]
async fn nobody_listens() {
    let cluster = Cluster::default();
    let tcp = TcpListener::bind("127.0.0.1:0").await.expect("listening");
    let server = tcp.local_addr().expect("address").to_string();
    drop(tcp);
    let mut agent = Agent::start(&server, &cluster.identity("a1", NODE));
    agent.says(status(HEALTHY, 1));
    let (kind, words) =
        agent.until("trouble", |progress| progress.trouble.is_some()).await.trouble.expect("why");
    assert_eq!(kind, "connect");
    assert!(words.as_str().contains("refused") && words.as_str().contains(&server), "{words}");
    agent.end().await.expect("it ends while it waits");
}

#[tokio::test]
async fn a_name_that_is_none_and_a_server_that_is_none() {
    let cluster = Cluster::default();
    let mut agent = Agent::start("nowhere.invalid:3025", &cluster.identity("a1", NODE));
    agent.says(status(HEALTHY, 1));
    agent.until("trouble", |progress| progress.trouble.is_some()).await;
    let tcp = TcpListener::bind("127.0.0.1:0").await.expect("listening");
    let server = tcp.local_addr().expect("address").to_string();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = tcp.accept().await {
            let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
        }
    });
    let mut agent = Agent::start(&server, &cluster.identity("a1", NODE));
    agent.says(status(HEALTHY, 1));
    let trouble = agent.until("trouble", |progress| progress.trouble.is_some()).await.trouble.expect("why");
    assert_eq!(trouble.0, "connect", "{trouble:?}");
}

#[tokio::test(start_paused = true)]
async fn a_server_that_takes_connections_and_says_nothing_is_given_up_in_time() {
    let cluster = Cluster::default();
    let identity = IdentityFile::read(&cluster.identity("a1", NODE)).expect("identity");
    let tcp = TcpListener::bind("127.0.0.1:0").await.expect("listening");
    let server = tcp.local_addr().expect("address").to_string();
    tokio::spawn(async move {
        let (mut stream, _) = tcp.accept().await.expect("a connection");
        let mut swallowed = Vec::new();
        let _ = stream.read_to_end(&mut swallowed).await;
    });
    let connected = selfcheck_reporter::AuthClient::connect(&server, &identity).await;
    assert!(matches!(connected, Err(ReportError::Timeout { .. })));
}

#[tokio::test]
async fn an_agent_that_has_not_looked_yet_says_nothing() {
    let cluster = Cluster::default();
    let auth = cluster.serve().await;
    let agent = Agent::start(&auth.server(), &cluster.identity("a1", NODE));
    agent.end().await.expect("a good end");
    assert_eq!(auth.inventory.counters().get(selfcheck_fleet::Outcome::Joined), 0);
}

/// The connection comes about, and nothing that is asked on it is answered.
#[tokio::test]
async fn a_self_check_that_ends_while_nobody_answers_ends_reporting_at_once() {
    let cluster = Cluster::default();
    let identity = IdentityFile::read(&cluster.identity("auth-1", [Role::Auth])).expect("identity");
    let tcp = TcpListener::bind("127.0.0.1:0").await.expect("listening");
    let listener = Listener::new(tcp, &identity, selfcheck_tests::wall_clock).expect("TLS");
    let server = listener.local_addr().expect("address").to_string();
    let (taken, mut told) = tokio::sync::watch::channel(0);
    let connections = listener.incoming(&Limits::default());
    tokio::spawn(async move {
        let held: Vec<_> = connections.inspect(|_| taken.send_modify(|taken| *taken += 1)).collect().await;
        drop(held);
    });
    for (number, neighbour) in [Neighbour::Nobody, Neighbour::StockAgent].into_iter().enumerate() {
        let agent = Agent::beside(&server, &cluster.identity("a1", NODE), neighbour);
        agent.says(status(HEALTHY, 1));
        told.wait_for(|taken| *taken > number).await.expect("listening");
        let ended = tokio::time::timeout(super::PATIENCE, agent.end()).await;
        ended.expect("at once").expect("a good end");
    }
}
