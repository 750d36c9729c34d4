//! Stands in for the auth server of an unmodified Teleport, old or new.
//!
//! | what | 14.0 (June 2023) | today's API | source |
//! |---|---|---|---|
//! | Hello | fields 1-5 | 1-6 and 8 | teleport-wire 2.1, 16 |
//! | its own Hello | version and id | capabilities, too | 2.2, 16 |
//! | goodbye, and what it does not know | dropped without a word | goodbye is heard | 5, 6, 16 |
//! | instances | fields 1-6, by instance heartbeats, which are late | 1-10 | 3, 16 |
//! | filter of instances | id, version and services; else all | all conditions | 3, 16 |
//! | status | connected Hellos alone, for the built-in administrator | counts, or for that one connected Hellos | 2.3, 16 |
//! | alerts | in the order of their ids | the same | 9, 16 |
//! | label values | no upper case and no blanks | but for the words of a link | 9.2, 16 |
//! | deleting an alert | unimplemented | served | 1, 16 |
//! | this project's own service | unimplemented | unimplemented | |

mod alerts;
mod proxy;
mod release;
mod service;
mod watched;

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;

use futures_util::StreamExt;
use selfcheck_protocol::IdentityFile;
use selfcheck_protocol::wire::proto as wire;
use selfcheck_protocol::wire::types;
use selfcheck_server::Listener;
use selfcheck_server::wire::proto::auth_service_server::AuthServiceServer;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tonic::transport::Server;

pub use alerts::refusal;
pub use proxy::AlpnProxy;
pub use release::Release;

use service::Stock;
use watched::Watched;

/// A running auth server; it ends when this is dropped.
#[derive(Debug)]
pub struct StockAuth {
    /// Where it listens.
    pub address: SocketAddr,
    state: Arc<Mutex<State>>,
    task: JoinHandle<()>,
}

/// What it knows.
#[derive(Debug, Default)]
pub struct State {
    /// What was said on all streams, stream by stream.
    pub said: Vec<Vec<wire::upstream_inventory_one_of::Msg>>,
    /// The versions that streams were opened with.
    pub versions: Vec<Option<String>>,
    /// The agents that have been kept: instance heartbeats, which a test makes at the time it likes.
    pub instances: Vec<types::InstanceV1>,
    /// The agents that are connected beside those of real streams.
    pub connected: Vec<wire::UpstreamInventoryHello>,
    /// The alerts.
    pub alerts: BTreeMap<String, types::ClusterAlert>,
    /// Who knows of which.
    pub acks: BTreeMap<String, types::AlertAcknowledgement>,
    /// The calls that who asks may not make.
    pub denied: BTreeSet<&'static str>,
    /// The calls that are never answered.
    pub silent: BTreeSet<&'static str>,
    /// After so many instances the list of them breaks off.
    pub breaks_after: Option<usize>,
    /// The calls that were made.
    pub calls: Vec<&'static str>,
    /// The connections that were closed as TLS wants it.
    pub closed: usize,
    /// Those that broke off, of each of which a real auth server logs a line.
    pub broken: usize,
}

impl StockAuth {
    /// One of this release, with this identity.
    pub async fn start(identity: &IdentityFile, release: Release) -> Self {
        Self::start_at("127.0.0.1:0".parse().expect("address"), identity, release).await
    }

    /// One at this address.
    pub async fn start_at(address: SocketAddr, identity: &IdentityFile, release: Release) -> Self {
        let tcp = TcpListener::bind(address).await.expect("listening");
        let listener = Listener::new(tcp, identity, crate::wall_clock).expect("TLS");
        let address = listener.local_addr().expect("address");
        let state = Arc::new(Mutex::new(State::default()));
        let watched = Arc::clone(&state);
        let connections = listener.incoming(&crate::quick());
        let connections = connections.map(move |connection| {
            connection.map(|connection| Watched::new(connection, Arc::clone(&watched)))
        });
        let service = AuthServiceServer::new(Stock { state: Arc::clone(&state), release });
        let serving = Server::builder().add_service(service).serve_with_incoming(connections);
        let task = tokio::spawn(async {
            let _ = serving.await;
        });
        Self { address, state, task }
    }

    /// The address as agents are told it.
    pub fn server(&self) -> String {
        self.address.to_string()
    }

    /// What it knows.
    pub fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no panic")
    }

    /// How many streams were opened.
    pub fn streams(&self) -> usize {
        self.state().said.len()
    }
}

impl Drop for StockAuth {
    fn drop(&mut self) {
        self.task.abort();
    }
}
