//! A cluster on loopback: its authority, its identities, and auth servers of it.

use std::net::SocketAddr;
use std::path::Path;
use std::path::PathBuf;
use std::time::Duration;

use jiff::SignedDuration;
use jiff::Timestamp;
use selfcheck_authority::Authority;
use selfcheck_authority::Validity;
use selfcheck_core::Policy;
use selfcheck_core::TeleportVersion;
use selfcheck_fleet::Fleet;
use selfcheck_fleet::FleetConfig;
use selfcheck_protocol::IdentityFile;
use selfcheck_protocol::Role;
use selfcheck_reporter::AuthClient;
use selfcheck_server::AuthServer;
use selfcheck_server::Builder;
use selfcheck_server::Inventory;
use selfcheck_server::Limits;
use selfcheck_server::Listener;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::Release;
use crate::StockAuth;

/// The roles of most agents.
pub const NODE: [Role; 2] = [Role::Instance, Role::Node];

/// A cluster: an authority and a folder of identities.
#[derive(Debug)]
pub struct Cluster {
    authority: Authority,
    folder: TempDir,
    /// What its auth servers count and raise alerts by.
    pub policy: Policy,
    /// How else they count: at once, unless a test says otherwise.
    pub counting: fn(FleetConfig) -> FleetConfig,
}

/// A running auth server; it ends when this is dropped.
#[derive(Debug)]
pub struct Auth {
    /// Where it listens.
    pub address: SocketAddr,
    /// What it keeps.
    pub inventory: Inventory<Fleet>,
    end: Option<oneshot::Sender<()>>,
    task: JoinHandle<()>,
}

/// The wall-clock time.
pub fn wall_clock() -> Timestamp {
    selfcheck_probe::now().realtime
}

impl Default for Cluster {
    fn default() -> Self {
        Self::new("test.example.com")
    }
}

impl Cluster {
    /// A cluster of this name.
    pub fn new(name: &str) -> Self {
        let authority = Authority::new(name, wall_clock()).expect("authority");
        Self {
            authority,
            folder: TempDir::new().expect("folder"),
            policy: Policy::default(),
            counting: at_once,
        }
    }

    /// The file of a new identity that counts from now on for an hour.
    pub fn identity(&self, host_id: &str, roles: impl IntoIterator<Item = Role>) -> PathBuf {
        self.identity_between(host_id, roles, -1, 60)
    }

    /// The file of a new identity that counts from `from` to `to`, in minutes from now.
    pub fn identity_between(
        &self,
        host_id: &str,
        roles: impl IntoIterator<Item = Role>,
        from: i64,
        to: i64,
    ) -> PathBuf {
        let at = |minutes| wall_clock() + SignedDuration::from_mins(minutes);
        let path = self.folder.path().join(format!("{host_id}.pem"));
        let validity = Validity { from: at(from), to: at(to) };
        self.authority.issue_to(&path, host_id, roles, validity).expect("identity");
        path
    }

    /// The identity of somebody who may ask.
    pub fn admin(&self) -> PathBuf {
        self.identity("admin", [Role::Admin])
    }

    /// An unmodified auth server of this release.
    pub async fn stock(&self, release: Release) -> StockAuth {
        StockAuth::start(&self.stock_identity(), release).await
    }

    /// The same at this address.
    pub async fn stock_at(&self, address: SocketAddr, release: Release) -> StockAuth {
        StockAuth::start_at(address, &self.stock_identity(), release).await
    }

    fn stock_identity(&self) -> IdentityFile {
        IdentityFile::read(&self.identity("stock", [Role::Auth])).expect("identity")
    }

    /// An auth server with the usual limits, but for a beat of a second or so.
    pub async fn serve(&self) -> Auth {
        self.serve_with(quick()).await
    }

    /// An auth server with these limits.
    pub async fn serve_with(&self, limits: Limits) -> Auth {
        self.serve_at("127.0.0.1:0".parse().expect("address"), limits).await
    }

    /// An auth server at this address.
    pub async fn serve_at(&self, address: SocketAddr, limits: Limits) -> Auth {
        let identity = IdentityFile::read(&self.identity("auth-1", [Role::Auth])).expect("identity");
        let tcp = TcpListener::bind(address).await.expect("listening");
        let listener = Listener::new(tcp, &identity, wall_clock).expect("TLS");
        let address = listener.local_addr().expect("address");
        let server = AuthServer::new(TeleportVersion::new(18, 2, 0), "auth-1");
        let server =
            Builder::new(server, &self.policy, wall_clock).limits(limits).counting(self.counting).build();
        let inventory = server.inventory().clone();
        let (end, ended) = oneshot::channel();
        let serving = server.serve(listener, async {
            let _ = ended.await;
        });
        let task = tokio::spawn(async {
            serving.await.expect("serving");
        });
        Auth { address, inventory, end: Some(end), task }
    }
}

/// As tests count: without waiting for whether an agent stays.
fn at_once(counting: FleetConfig) -> FleetConfig {
    counting.settling(Duration::ZERO)
}

/// Limits with a beat that a test can wait for.
pub fn quick() -> Limits {
    let mut limits = Limits::default();
    limits.beat = (Duration::from_secs(1), Duration::from_secs(1));
    limits
}

impl Auth {
    /// The address as agents are told it.
    pub fn server(&self) -> String {
        self.address.to_string()
    }

    /// A client with this identity.
    pub async fn client(&self, identity: &Path) -> AuthClient {
        let identity = IdentityFile::read(identity).expect("identity");
        AuthClient::connect(&self.server(), &identity).await.expect("connected")
    }

    /// Ends it, and waits until it has.
    pub async fn end(mut self) {
        drop(self.end.take());
        let _ = (&mut self.task).await;
    }
}

impl Drop for Auth {
    fn drop(&mut self) {
        self.task.abort();
    }
}
