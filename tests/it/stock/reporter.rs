//! The agent's end against stock auth servers.

use std::sync::Arc;

use selfcheck_core::Status;
use selfcheck_core::Text;
use selfcheck_protocol::Role;
use selfcheck_protocol::wire::proto::upstream_inventory_one_of::Msg as Up;
use selfcheck_reporter::Neighbour;
use selfcheck_reporter::ReportError;
use selfcheck_tests::AlpnProxy;
use selfcheck_tests::Cluster;
use selfcheck_tests::KeyKind;
use selfcheck_tests::Release;
use selfcheck_tests::Who;
use selfcheck_tests::wire::Agent;
use selfcheck_tests::wire::HEALTHY;
use selfcheck_tests::wire::MASKED;
use selfcheck_tests::wire::PATIENCE;
use selfcheck_tests::wire::eventually;
use selfcheck_tests::wire::status;

use super::EDITOR;
use super::ROOT;
use super::Scene;
use super::ask;

const HOST: Who<'_> = Who::Host("a1", Role::Node);

/// A status of an agent that runs these services, as far as that could be seen.
fn running(services: &[&str]) -> Arc<Status> {
    let mut status = Status::clone(&status(MASKED, 1));
    status.agent.services = services.iter().map(|service| Text::new(service)).collect();
    Arc::new(status)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_release_is_told_in_the_fields_it_knows_and_left_as_it_wants() {
    for release in Release::ALL {
        let scene = Scene::new(release).await;
        let proxy = AlpnProxy::start(vec![(ROOT.to_owned(), scene.auth.address)]).await;
        let mut agent = Agent::start(&proxy.server(), &scene.identity(HOST));
        agent.says(running(&["Node"]));
        agent.until("connected", |progress| progress.connected).await;
        eventually("two messages", || scene.auth.state().said[0].len() == 2).await;
        agent.end().await.expect("a good end");
        let said = scene.auth.state().said.clone();
        let [Up::Hello(hello), Up::AgentMetadata(_), rest @ ..] = said[0].as_slice() else {
            panic!("{said:?}")
        };
        assert_eq!((hello.server_id.as_str(), hello.services.as_slice()), ("a1", &["Node".to_owned()][..]));
        let goodbyes = rest.iter().filter(|message| matches!(message, Up::Goodbye(_))).count();
        assert_eq!(goodbyes, usize::from(release == Release::Today), "{release:?}: {rest:?}");
        assert_eq!(rest.len(), goodbyes, "{rest:?}");
        assert_eq!(scene.auth.state().versions, [Some("18.2.0".to_owned())]);
        // Of an agent of unknown version none is sent: what is no version is refused.
        let mut status = Status::clone(&status(MASKED, 1));
        status.agent.version = None;
        let mut agent = Agent::start(&proxy.server(), &scene.identity(HOST));
        agent.says(Arc::new(status));
        agent.until("connected", |progress| progress.connected).await;
        assert_eq!(scene.auth.state().versions.last(), Some(&None));
    }
}

#[tokio::test]
async fn it_announces_what_runs_of_what_its_certificate_has() {
    let cluster = Cluster::default();
    let roles = [Role::Instance, Role::Node, Role::Kube, Role::App, Role::Db];
    let identity = cluster.identity("a1", roles);
    for (runs, announced) in [
        (&["Node"][..], "Node"),
        (&["Node", "Db"], "Node Db"),
        (&["Node", "Discovery"], "Node"),
        (&["Discovery"], ""),
        (&[], "Node Kube App Db"),
    ] {
        let auth = cluster.stock(Release::V14).await;
        let mut agent = Agent::start(&auth.server(), &identity);
        agent.says(running(runs));
        agent.until("connected", |progress| progress.connected).await;
        let said = auth.state().said.clone();
        let Some(Up::Hello(hello)) = said[0].first() else { panic!("{said:?}") };
        assert_eq!(hello.services.join(" "), announced, "{runs:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn beside_a_stock_agent_no_release_is_told_anything() {
    for release in Release::ALL {
        let scene = Scene::new(release).await;
        let proxy = AlpnProxy::start(vec![(ROOT.to_owned(), scene.auth.address)]).await;
        let agent = Agent::beside(&proxy.server(), &scene.identity(HOST), Neighbour::StockAgent);
        agent.says(status(HEALTHY, 1));
        let ended = tokio::time::timeout(PATIENCE, agent.task).await.expect("in time").expect("no panic");
        assert!(matches!(ended, Err(ReportError::Stock(_))), "{release:?}: {ended:?}");
        assert_eq!((scene.auth.streams(), scene.auth.state().calls.as_slice()), (0, &[""; 0][..]));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_identity_that_is_no_servers_is_refused_before_anything_else() {
    let scene = Scene::new(Release::Today).await;
    for (who, told) in [
        (EDITOR, "`alice` is a user's identity"),
        (Who::User("bot-a", "bot-a"), "`bot-a` is a user's"),
        (Who::Admin, "has no role of a server"),
    ] {
        // It says nothing yet, and need not: no status is waited for.
        let agent = Agent::start(&scene.auth.server(), &scene.identity(who));
        let ended = tokio::time::timeout(PATIENCE, agent.task).await.expect("in time").expect("no panic");
        let error = ended.expect_err("refused");
        assert!(matches!(error, ReportError::NotAHost(_)) && error.to_string().contains(told), "{error}");
    }
    // The daemon ends then, and does not try again.
    let user = scene.identity(EDITOR);
    let socket = scene.file("").with_file_name("daemon.sock");
    let words = ["daemon", "--bus", "unix:path=/nowhere", "--socket", socket.to_str().expect("a path")];
    let said = ask(&scene.auth.server(), &user, &words).await;
    assert_eq!(said.code, Some(1));
    assert!(
        said.err
            .contains("error: only a host of the cluster reports on itself: `alice` is a user's identity"),
        "{}",
        said.err
    );
    assert!(said.err.contains("hint: use the identity of this host"), "{}", said.err);
    let expired = format!("{}{}", scene.ca.issue_between(HOST, KeyKind::P256, (-120, -60)), scene.ca.pem());
    let mut agent = Agent::start(&scene.auth.server(), &scene.file(&expired));
    agent.says(status(HEALTHY, 1));
    let progress = agent.until("told", |progress| progress.trouble.is_some()).await;
    let (kind, told) = progress.trouble.expect("trouble");
    assert!(kind == "identity-expired" && told.as_str().contains("expired at"), "{kind} {told}");
    assert_eq!(scene.auth.state().calls, [""; 0], "and nobody was asked");
}
