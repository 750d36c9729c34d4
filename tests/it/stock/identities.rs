//! Identity files of every shape.

use std::sync::Arc;

use selfcheck_protocol::IdentityError;
use selfcheck_protocol::IdentityFile;
use selfcheck_protocol::Role;
use selfcheck_tests::ClusterCa;
use selfcheck_tests::KeyKind;
use selfcheck_tests::Release;
use selfcheck_tests::StockAuth;
use selfcheck_tests::Who;
use tokio::io::AsyncReadExt;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::ClientConfig;
use tokio_rustls::rustls::RootCertStore;
use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::pki_types::pem::PemObject;

use super::ADMIN;
use super::EDITOR;
use super::LEAF;
use super::ROOT;
use super::Scene;
use super::ask;

const HOST: Who<'_> = Who::Host("a1", Role::Node);
const BOT: Who<'_> = Who::User("bot-updates", "bot-updates");
const SSH: &str = "ssh-rsa-cert-v01@openssh.com AAAAHHNzaC1yc2EtY2VydC12MDFAb3BlbnNzaC5jb20=\n";
const SSH_AUTHORITY: &str =
    "@cert-authority root.example.com,*.root.example.com ssh-rsa AAAAB3NzaC1yc2E= type=host\n";

#[tokio::test(flavor = "multi_thread")]
async fn every_shape_asks_its_own_cluster() {
    let scene = Scene::new(Release::Today).await;
    scene.knows_some();
    let (own, leaf, middle) =
        (scene.ca.pem(), ClusterCa::new(LEAF).pem(), ClusterCa::new("middle.example.com").pem());
    let rotated = ClusterCa::new(ROOT).pem();
    let person = |kind| scene.ca.issue(EDITOR, kind);
    let plain = person(KeyKind::P256);
    let (key, certificate) = plain.split_at(plain.find("-----BEGIN CERT").expect("a certificate"));
    let many: Vec<_> =
        (0..100).map(|number| ClusterCa::new(&format!("leaf-{number}.example.com")).pem()).collect();
    let mut shapes = vec![
        ("one authority", format!("{plain}{own}")),
        ("the leaf's first", format!("{plain}{leaf}{own}")),
        ("the leaf's last", format!("{plain}{own}{leaf}")),
        ("among others", format!("{plain}{leaf}{own}{middle}")),
        ("a new one of a rotation first", format!("{plain}{rotated}{own}")),
        ("a new one of a rotation last", format!("{plain}{leaf}{own}{rotated}")),
        ("a hundred trusted clusters", format!("{plain}{}{own}", many.concat())),
        ("an SSH certificate", format!("{key}{SSH}{certificate}{SSH_AUTHORITY}{own}")),
        ("SSH last", format!("{plain}{own}{SSH}{SSH_AUTHORITY}")),
        ("other lines", format!("# made by tctl\n\n{plain}\nsome words\n{own}\n\n")),
        ("CRLF", format!("{plain}{leaf}{own}{SSH}").replace('\n', "\r\n")),
        ("no last line end", format!("{plain}{own}").trim_end().to_owned()),
        ("an authority twice", format!("{plain}{own}{own}")),
        ("a bot", format!("{}{own}", scene.ca.issue(BOT, KeyKind::P256))),
        ("the built-in administrator", format!("{}{own}", scene.ca.issue(ADMIN, KeyKind::P256))),
    ];
    for kind in KeyKind::ALL {
        shapes.push(("a kind of key", format!("{}{leaf}{own}", person(kind))));
    }
    for (what, text) in shapes {
        let said = ask(&scene.auth.server(), &scene.file(&text), &["inventory", "ls"]).await;
        assert_eq!(said.code, Some(0), "{what}: {}", said.err);
        assert_eq!(said.rows().len(), 3, "{what}");
    }
    // A host's own is one too, which may not ask about others.
    let host = format!("{}{leaf}{own}", scene.ca.issue(HOST, KeyKind::P256));
    let said = ask(&scene.auth.server(), &scene.file(&host), &["inventory", "ls"]).await;
    assert!(said.err.contains("answered permission-denied"), "{}", said.err);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chain_is_one_as_well() {
    // The cluster's authority made another one, which issued both ends.
    let ca = ClusterCa::new(ROOT);
    let below = ca.intermediate();
    let auth = StockAuth::start(&below.auth_server(), Release::Today).await;
    let folder = tempfile::TempDir::new().expect("folder");
    let path = folder.path().join("chain.pem");
    let leaf = ClusterCa::new(LEAF).pem();
    for authorities in [format!("{}{}", below.pem(), ca.pem()), format!("{leaf}{}{}", ca.pem(), below.pem())]
    {
        std::fs::write(&path, format!("{}{authorities}", below.issue(EDITOR, KeyKind::P256)))
            .expect("written");
        let said = ask(&auth.server(), &path, &["alerts", "ls"]).await;
        assert_eq!((said.code, said.out.as_str()), (Some(0), "no alerts\n"), "{}", said.err);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_issuer_in_no_authority_is_an_error_that_says_so() {
    let scene = Scene::new(Release::Today).await;
    let (leaf, middle) = (ClusterCa::new(LEAF).pem(), ClusterCa::new("middle.example.com").pem());
    let text = format!("{}{leaf}{middle}", scene.ca.issue(EDITOR, KeyKind::P256));
    for words in [&["inventory", "ls"][..], &["inventory", "status"], &["alerts", "ls"]] {
        let said = ask(&scene.auth.server(), &scene.file(&text), words).await;
        assert_eq!((said.code, said.out.as_str()), (Some(1), ""));
        let told = "was issued by cluster `root.example.com` and has no authority of it, only of `leaf.example.com`, `middle.example.com`\n";
        assert!(said.err.contains(told), "{}", said.err);
        assert_eq!(said.err.lines().count(), 2, "with a hint: {}", said.err);
    }
    assert_eq!(scene.auth.state().calls, [""; 0], "nobody was asked");
}

#[tokio::test(flavor = "multi_thread")]
async fn another_authority_of_the_same_name_is_not_trusted() {
    let scene = Scene::new(Release::Today).await;
    let false_ca = ClusterCa::new(ROOT);
    let text = format!("{}{}", scene.ca.issue(EDITOR, KeyKind::P256), false_ca.pem());
    let said = ask(&scene.auth.server(), &scene.file(&text), &["alerts", "ls"]).await;
    assert_eq!((said.code, said.out.as_str()), (Some(1), ""));
    assert!(said.err.contains("no connection to auth server"), "{}", said.err);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_does_not_count_now_is_named_with_its_date_before_anybody_is_asked() {
    let scene = Scene::new(Release::Today).await;
    let nowhere = "127.0.0.1:1";
    for (between, told) in [((-120, -60), "expired at 2"), ((60, 120), "is not valid before 2")] {
        let text = format!("{}{}", scene.ca.issue_between(EDITOR, KeyKind::P256, between), scene.ca.pem());
        for words in [
            &["inventory", "ls"][..],
            &["inventory", "show", "a1"],
            &["inventory", "remedies"],
            &["alerts", "ls"],
        ] {
            let said = ask(nowhere, &scene.file(&text), words).await;
            assert_eq!(said.code, Some(1));
            assert!(said.err.contains(told) && said.err.contains("hint: renew it"), "{}", said.err);
        }
        let path = scene.file(&text);
        let identity = IdentityFile::read(&path).expect("it can be read");
        let error = identity.check_time(selfcheck_tests::wall_clock()).expect_err("not now");
        assert!(
            matches!(error, IdentityError::Expired { .. } | IdentityError::NotYetValid { .. }),
            "{error}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_auth_server_lets_nobody_in_whom_another_cluster_vouches_for() {
    let (ca, leaf) = (ClusterCa::new(ROOT), ClusterCa::new(LEAF));
    let folder = tempfile::TempDir::new().expect("folder");
    let text = format!("{}{}{}", ca.issue(ADMIN, KeyKind::P256), leaf.pem(), ca.pem());
    let identity = IdentityFile::parse(std::path::Path::new("auth.pem"), text.as_bytes()).expect("identity");
    let auth = StockAuth::start(&identity, Release::Today).await;
    // It trusts the server, and is a person of the leaf cluster.
    let path = folder.path().join("foreign.pem");
    let foreign = leaf.issue(EDITOR, KeyKind::P256);
    std::fs::write(&path, format!("{foreign}{}{}", leaf.pem(), ca.pem())).expect("written");
    let said = ask(&auth.server(), &path, &["alerts", "ls"]).await;
    assert_eq!((said.code, auth.state().calls.len()), (Some(1), 0), "{}", said.err);
    // Even one that is no such client, and would take any server.
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(ca.pem().as_bytes()).expect("an authority")).expect("a root");
    let config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(roots)
        .with_client_auth_cert(
            vec![CertificateDer::from_pem_slice(foreign.as_bytes()).expect("a certificate")],
            PrivateKeyDer::from_pem_slice(foreign.as_bytes()).expect("a key"),
        )
        .expect("a client");
    let tcp = tokio::net::TcpStream::connect(auth.address).await.expect("connected");
    let name = ServerName::try_from("teleport.cluster.local").expect("a name");
    let mut rest = Vec::new();
    let refused = match TlsConnector::from(Arc::new(config)).connect(name, tcp).await {
        Ok(mut tls) => tls.read_to_end(&mut rest).await.map(|_| ()),
        Err(error) => Err(error),
    };
    let error = refused.expect_err("refused").to_string();
    assert!(
        error.contains("UnknownCA") || error.contains("DecryptError") || error.contains("certificate"),
        "{error}"
    );
}
