//! Through a proxy with a trusted cluster behind it: the cluster asked is the one that issued the identity.

use selfcheck_tests::AlpnProxy;
use selfcheck_tests::ClusterCa;
use selfcheck_tests::KeyKind;
use selfcheck_tests::Release;
use selfcheck_tests::StockAuth;

use super::EDITOR;
use super::LEAF;
use super::ROOT;
use super::Scene;
use super::agent;
use super::ask;
use super::instance;

#[tokio::test(flavor = "multi_thread")]
async fn the_leaf_cluster_never_answers_for_the_root() {
    for release in Release::ALL {
        let root = Scene::new(release).await;
        root.knows_some();
        let leaf_ca = ClusterCa::new(LEAF);
        let leaf = StockAuth::start(&leaf_ca.auth_server(), release).await;
        leaf.state().instances.push(instance(&agent("leafs-own", "18.2.0", "unit", None)));
        let proxy =
            AlpnProxy::start(vec![(LEAF.to_owned(), leaf.address), (ROOT.to_owned(), root.auth.address)])
                .await;
        let person = root.ca.issue(EDITOR, KeyKind::P256);
        let (leafs, own, third, new) = (
            leaf_ca.pem(),
            root.ca.pem(),
            ClusterCa::new("zeta.example.com").pem(),
            ClusterCa::new(ROOT).pem(),
        );
        for authorities in [
            format!("{leafs}{own}"),
            format!("{own}{leafs}"),
            format!("{leafs}{own}{third}"),
            format!("{third}{leafs}{own}"),
            format!("{leafs}{new}{own}"),
            format!("{own}{new}{leafs}"),
            own.clone(),
        ] {
            let identity = root.file(&format!("{person}{authorities}"));
            let said = ask(&proxy.server(), &identity, &["inventory", "ls"]).await;
            assert_eq!(said.code, Some(0), "{}", said.err);
            let ids: Vec<_> = said.rows().iter().map(|row| row[..2].to_owned()).collect();
            assert_eq!(ids, ["a1", "a2", "a3"], "{release:?}");
            for (words, code) in [
                (&["inventory", "status"][..], 0),
                (&["inventory", "show", "a2"], 0),
                (&["inventory", "show", "leafs-own"], 1),
                (&["inventory", "remedies"], 1),
                (&["alerts", "ls"], 0),
                (&["alerts", "ack", "nothing", "--reason", "known"], 0),
            ] {
                let said = ask(&proxy.server(), &identity, words).await;
                assert_eq!(said.code, Some(code), "{words:?} {}", said.err);
                assert!(!said.out.contains("leafs-own"), "{}", said.out);
            }
            root.auth.state().acks.clear();
        }
        assert_eq!(leaf.state().calls, [""; 0], "the leaf was never asked");
        // Of whom the leaf cluster is the own one, that is asked.
        let own = format!("{}{}", leaf_ca.issue(EDITOR, KeyKind::P256), leaf_ca.pem());
        let said = ask(&proxy.server(), &root.file(&own), &["inventory", "ls"]).await;
        assert!(said.rows()[0].starts_with("leafs-own "), "{}", said.out);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_that_the_proxy_does_not_know_is_an_error() {
    let scene = Scene::new(Release::Today).await;
    let proxy = AlpnProxy::start(vec![(LEAF.to_owned(), scene.auth.address)]).await;
    let said = ask(&proxy.server(), &scene.identity(EDITOR), &["alerts", "ls"]).await;
    assert_eq!((said.code, said.out.as_str()), (Some(1), ""));
    assert!(said.err.contains("no connection to auth server"), "{}", said.err);
}
