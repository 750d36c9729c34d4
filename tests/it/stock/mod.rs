//! Stock auth servers, old and new: nothing they say is misread, and nothing they are told is untrue.

mod alerts;
mod fields;
mod identities;
mod lists;
mod proxies;
mod refused;
mod reporter;

use std::path::Path;
use std::path::PathBuf;
use std::process::Output;

use selfcheck_protocol::wire::proto::UpstreamInventoryHello;
use selfcheck_protocol::wire::types;
use selfcheck_tests::ClusterCa;
use selfcheck_tests::KeyKind;
use selfcheck_tests::Release;
use selfcheck_tests::StockAuth;
use selfcheck_tests::Who;
use selfcheck_tests::selfcheck;
use selfcheck_tests::shown;
use serde_json::Value;
use tempfile::TempDir;

/// The cluster of which people ask, and one that it trusts.
const ROOT: &str = "root.example.com";
const LEAF: &str = "leaf.example.com";
/// The built-in administrator, whom an old auth server tells most, and a person.
const ADMIN: Who<'_> = Who::Admin;
const EDITOR: Who<'_> = Who::User("alice", "editor");

/// A cluster with a stock auth server.
struct Scene {
    ca: ClusterCa,
    auth: StockAuth,
    folder: TempDir,
}

/// What a command said and came to.
struct Said {
    code: Option<i32>,
    out: String,
    err: String,
}

impl Scene {
    async fn new(release: Release) -> Self {
        let ca = ClusterCa::new(ROOT);
        let auth = StockAuth::start(&ca.auth_server(), release).await;
        Self { ca, auth, folder: TempDir::new().expect("folder") }
    }

    /// The identity file of somebody.
    fn identity(&self, who: Who<'_>) -> PathBuf {
        self.file(&format!("{}{}", self.ca.issue(who, KeyKind::P256), self.ca.pem()))
    }

    /// A file with this text.
    fn file(&self, text: &str) -> PathBuf {
        let path = self.folder.path().join(format!("{}.pem", text.len()));
        std::fs::write(&path, text).expect("written");
        path
    }

    /// What a command says that is asked by somebody.
    async fn ask(&self, who: Who<'_>, words: &[&str]) -> Said {
        ask(&self.auth.server(), &self.identity(who), words).await
    }

    /// An agent that has been kept, and is connected.
    fn knows(&self, id: &str, version: &str, upgrader: &str, info: Option<types::UpdaterV2Info>) {
        let agent = agent(id, version, upgrader, info);
        let mut state = self.auth.state();
        state.instances.push(instance(&agent));
        state.connected.push(agent);
    }

    /// Agents of every kind.
    fn knows_some(&self) {
        let info = types::UpdaterV2Info {
            update_group: "stage".to_owned(),
            updater_status: types::UpdaterStatus::Disabled.into(),
            ..types::UpdaterV2Info::default()
        };
        self.knows("a1", "13.4.0", "unit", None);
        self.knows("a2", "17.5.2", "binary", Some(info));
        self.knows("a3", "18.2.0", "", None);
    }
}

impl Said {
    /// The rows of a table, with one blank between the cells.
    fn rows(&self) -> Vec<String> {
        let words = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
        self.out.lines().skip(2).map(words).collect()
    }

    fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {} {}", self.out, self.err))
    }
}

/// What a command says about a server.
async fn ask(server: &str, identity: &Path, words: &[&str]) -> Said {
    let identity = identity.to_str().expect("a path");
    let words: Vec<String> = [words, &["--auth-server", server, "-i", identity]]
        .concat()
        .iter()
        .map(|word| (*word).to_owned())
        .collect();
    let asking = tokio::task::spawn_blocking(move || {
        let words: Vec<_> = words.iter().map(String::as_str).collect();
        selfcheck(&words, "")
    });
    let output: Output = asking.await.expect("no panic");
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_owned()).expect("text");
    assert!(output.status.code().is_some(), "{}", shown(&output));
    Said { code: output.status.code(), out: text(&output.stdout), err: text(&output.stderr) }
}

fn agent(
    id: &str,
    version: &str,
    upgrader: &str,
    info: Option<types::UpdaterV2Info>,
) -> UpstreamInventoryHello {
    UpstreamInventoryHello {
        version: version.to_owned(),
        server_id: id.to_owned(),
        services: vec!["Node".to_owned()],
        hostname: format!("host-of-{id}"),
        external_upgrader: upgrader.to_owned(),
        external_upgrader_version: if upgrader.is_empty() { String::new() } else { format!("v{version}") },
        updater_info: info,
    }
}

/// The agent as an auth server keeps it.
fn instance(agent: &UpstreamInventoryHello) -> types::InstanceV1 {
    let agent = agent.clone();
    types::InstanceV1 {
        header: Some(types::ResourceHeader {
            kind: "instance".to_owned(),
            version: "v1".to_owned(),
            metadata: Some(types::Metadata { name: agent.server_id, ..types::Metadata::default() }),
            ..types::ResourceHeader::default()
        }),
        spec: Some(types::InstanceSpecV1 {
            version: format!("v{}", agent.version),
            services: agent.services,
            hostname: agent.hostname,
            external_upgrader: agent.external_upgrader,
            external_upgrader_version: agent.external_upgrader_version,
            updater_info: agent.updater_info,
            ..types::InstanceSpecV1::default()
        }),
    }
}
