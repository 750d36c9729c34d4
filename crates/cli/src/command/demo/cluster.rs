//! The demo's own cluster: an auth server on loopback, and identities that nobody else takes.

use std::net::Ipv4Addr;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use jiff::SignedDuration;
use selfcheck_authority::Authority;
use selfcheck_authority::Validity;
use selfcheck_core::Policy;
use selfcheck_core::policy::Length;
use selfcheck_daemon::Handle;
use selfcheck_daemon::report::ReporterConfig;
use selfcheck_protocol::IdentityFile;
use selfcheck_protocol::Role;
use selfcheck_reporter::AuthClient;
use selfcheck_server::AuthServer;
use selfcheck_server::Builder;
use selfcheck_server::Listener;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use crate::command::auth::SERVER_ID;
use crate::command::auth::VERSION;
use crate::command::auth::Web;
use crate::command::auth::now;
use crate::error::CliError;

/// How long the demo's identities count.
const LASTS: SignedDuration = SignedDuration::from_hours(24);
/// The proxy of the recorded hosts, which the commands in alerts name.
const PROXY: &str = "teleport.example.com:443";
/// What is shortened, so that nobody has to wait.
pub(super) const SETTLING: Duration = Duration::from_secs(1);
pub(super) const HOLD_DOWN: Length = Length::seconds(3);
const LINGER: Length = Length::seconds(3);

/// An auth server on loopback with its authority and all who talk to it, in one process.
#[derive(Debug)]
pub(super) struct Cluster {
    authority: Authority,
    folder: TempDir,
    address: SocketAddr,
    web: Option<String>,
    running: JoinSet<Result<(), CliError>>,
}

impl Cluster {
    /// With metrics at `web`, if that is wanted.
    pub(super) async fn start(web: Option<SocketAddr>) -> Result<Self, CliError> {
        let authority = Authority::new("demo.example", now()).map_err(CliError::Issue)?;
        let folder = tempfile::Builder::new().prefix("teleport-selfcheck-demo-").tempdir();
        let folder = folder.map_err(CliError::DemoFolder)?;
        let mut cluster = Self {
            authority,
            folder,
            address: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            web: None,
            running: JoinSet::new(),
        };
        let identity = cluster.identity(SERVER_ID, &[Role::Auth])?;
        let identity = IdentityFile::read(&identity).map_err(CliError::Identity)?;
        let listening = |source| CliError::Listen { address: cluster.address, flag: None, source };
        let tcp = TcpListener::bind(cluster.address).await.map_err(listening)?;
        let listener = Listener::new(tcp, &identity, now).map_err(CliError::Tls)?;
        let address = listener.local_addr().map_err(listening)?;
        cluster.address = address;
        let mut policy = Policy::default();
        policy.alerts.hold_down = HOLD_DOWN;
        policy.alerts.linger = LINGER;
        let server = Builder::new(AuthServer::new(VERSION, SERVER_ID), &policy, now)
            .proxy(PROXY.parse().ok())
            .counting(|fleet| fleet.settling(SETTLING).plain_run(HOLD_DOWN.duration()))
            .build();
        if let Some(address) = web {
            let web = Web::bind(address, server.inventory()).await?;
            cluster.web = Some(web.url());
            cluster.running.spawn(async {
                web.serve().await;
                Ok(())
            });
        }
        let serving = server.serve(listener, std::future::pending());
        cluster.running.spawn(async { serving.await.map_err(CliError::Serve) });
        Ok(cluster)
    }

    /// Where it listens.
    pub(super) const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where the metrics are, if anywhere.
    pub(super) fn web(&self) -> Option<&str> {
        self.web.as_deref()
    }

    /// Somebody who may ask.
    pub(super) fn admin(&self) -> Result<PathBuf, CliError> {
        self.identity("admin", &[Role::Admin])
    }

    pub(super) async fn ask(&self) -> Result<AuthClient, CliError> {
        let identity = IdentityFile::read(&self.admin()?).map_err(CliError::Identity)?;
        AuthClient::connect(&self.address.to_string(), &identity).await.map_err(CliError::AskAuth)
    }

    /// Lets an agent report.
    pub(super) fn report(&mut self, host_id: &str, agent: &Handle) -> Result<(), CliError> {
        let identity = self.identity(host_id, &[Role::Instance, Role::Node])?;
        let reporter = agent.report(ReporterConfig::new(self.address.to_string(), identity).clock(now));
        self.running.spawn(async { reporter.run().await.map_err(CliError::AskAuth) });
        Ok(())
    }

    /// Completes only when something ends that should not.
    pub(super) async fn failed(&mut self) -> CliError {
        match self.running.join_next().await {
            Some(Ok(Err(error))) => error,
            _ => CliError::Demo("ended in part by itself"),
        }
    }

    fn identity(&self, host_id: &str, roles: &[Role]) -> Result<PathBuf, CliError> {
        let path = self.folder.path().join(format!("{host_id}.pem"));
        if !path.exists() {
            let validity = Validity { from: now() - SignedDuration::from_mins(5), to: now() + LASTS };
            let roles = roles.iter().copied();
            self.authority.issue_to(&path, host_id, roles, validity).map_err(CliError::Issue)?;
        }
        Ok(path)
    }
}
