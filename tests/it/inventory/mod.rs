//! The inventory stream: both ends over real sockets and mutual TLS.

mod abuse;
mod alerts;
mod bare;
mod bytes;
mod connections;
mod faults;
mod identities;
mod interop;
mod metrics;
mod pairs;
mod questions;
mod reports;
mod scene;
mod storm;
mod whole;

use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;

use selfcheck_core::Basis;
use selfcheck_core::Status;
use selfcheck_inventory::ReportedFinding;
use selfcheck_inventory::agent::AuthClient;
use selfcheck_inventory::agent::Neighbour;
use selfcheck_inventory::agent::Progress;
use selfcheck_inventory::agent::ReportError;
use selfcheck_inventory::agent::Reporter;
use selfcheck_inventory::agent::ReporterConfig;
use selfcheck_inventory::auth::AgentRecord;
use selfcheck_inventory::auth::Cursor;
use selfcheck_inventory::auth::Store;
use selfcheck_inventory::wire::proto::DownstreamInventoryOneOf;
use selfcheck_inventory::wire::proto::UpstreamInventoryAgentMetadata;
use selfcheck_inventory::wire::proto::UpstreamInventoryHello;
use selfcheck_inventory::wire::proto::UpstreamInventoryOneOf;
use selfcheck_inventory::wire::proto::auth_service_client::AuthServiceClient;
use selfcheck_inventory::wire::proto::downstream_inventory_one_of::Msg as Down;
use selfcheck_inventory::wire::proto::upstream_inventory_one_of::Msg as Up;
use selfcheck_tests::Auth;
use selfcheck_tests::cases;
use selfcheck_tests::wall_clock;
use tokio::sync::mpsc;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tonic::Code;
use tonic::Streaming;

pub(crate) const HEALTHY: &str = "schedule: all is well";
pub(crate) const MASKED: &str = "schedule: the timer is masked";

/// The status of a case, as a daemon would publish it.
pub(crate) fn status(case: &str, sequence: u64) -> Arc<Status> {
    let case = cases().iter().find(|found| found.name == case).expect("the case");
    let clock = case.observation.clock.after(case.later);
    let status = selfcheck_core::assess(&case.observation, &case.policy, clock);
    Arc::new(Status { sequence: Some(sequence), ..status })
}

/// An agent that reports, with a status that the test sets.
pub(crate) struct Agent {
    statuses: watch::Sender<Option<Arc<Status>>>,
    pub(crate) progress: watch::Receiver<Progress>,
    pub(crate) task: JoinHandle<Result<(), ReportError>>,
}

impl Agent {
    pub(crate) fn start(server: &str, identity: &Path) -> Self {
        Self::beside(server, identity, Neighbour::Nobody)
    }

    pub(crate) fn beside(server: &str, identity: &Path, neighbour: Neighbour) -> Self {
        let (statuses, followed) = watch::channel(None);
        let (reporter, progress) = Reporter::new(ReporterConfig {
            server: server.to_owned(),
            identity: identity.to_owned(),
            version: None,
            metadata: UpstreamInventoryAgentMetadata::default(),
            neighbour,
            clock: wall_clock,
            seed: Some(7),
        });
        Self { statuses, progress, task: tokio::spawn(reporter.run(followed)) }
    }

    pub(crate) fn says(&self, status: Arc<Status>) {
        self.statuses.send_replace(Some(status));
    }

    /// Waits until reporting has got so far.
    pub(crate) async fn until(&mut self, what: &str, is_so: impl FnMut(&Progress) -> bool) -> Progress {
        let waiting = self.progress.wait_for(is_so);
        let told = tokio::time::timeout(PATIENCE, waiting).await;
        told.unwrap_or_else(|_| panic!("still not so: {what}")).expect("reporting").clone()
    }

    async fn until_acked(&mut self, sequence: u64) -> Progress {
        self.until("acknowledged", |progress| progress.acked == Some(sequence)).await
    }

    /// Ends the self-check, and waits until the reporter has too.
    pub(crate) async fn end(self) -> Result<(), ReportError> {
        drop(self.statuses);
        self.task.await.expect("no panic")
    }
}

/// Far longer than anything here takes.
pub(crate) const PATIENCE: std::time::Duration = std::time::Duration::from_secs(20);

/// What an auth server knows of its agents, each as `host: verdict basis codes`.
fn known(auth: &Auth) -> Vec<String> {
    records(auth)
        .iter()
        .map(|record| {
            let codes: Vec<_> = record.report.findings.iter().map(ReportedFinding::code).collect();
            let basis = match record.basis {
                Basis::Observed => "observed",
                Basis::Claimed => "claimed",
            };
            format!("{}: {} {basis} {}", record.hello.server_id, record.report.verdict, codes.join(" "))
        })
        .collect()
}

/// What an auth server knows of its agents, in the order of their ids.
fn records(auth: &Auth) -> Vec<AgentRecord> {
    let store = auth.inventory.store();
    let mut records = Vec::new();
    let mut from = Some(Cursor::default());
    while let Some(cursor) = from {
        let part = store.part(cursor, None, usize::MAX);
        records.extend(part.agents);
        from = part.next;
    }
    records.sort_by_key(|record| record.hello.server_id.clone());
    records
}

/// Waits until an auth server knows this of its agents.
async fn eventually_known(auth: &Auth, wanted: &[&str]) {
    eventually(&format!("{wanted:?} is known"), || known(auth) == wanted).await;
}

/// Waits until `is_so`, or fails the test.
pub(crate) async fn eventually(what: &str, is_so: impl Fn() -> bool) {
    let waiting = async {
        while !is_so() {
            tokio::task::yield_now().await;
        }
    };
    let waited = tokio::time::timeout(PATIENCE, waiting).await;
    assert!(waited.is_ok(), "still not so: {what}");
}

/// A stream that a test writes by hand.
struct Raw {
    up: mpsc::Sender<UpstreamInventoryOneOf>,
    down: Streaming<DownstreamInventoryOneOf>,
    _client: AuthClient,
}

impl Raw {
    async fn open(auth: &Auth, identity: &Path) -> Result<Self, tonic::Status> {
        let client = auth.client(identity).await;
        let (up, mut messages) = mpsc::channel(64);
        let messages = futures_util::stream::poll_fn(move |context| messages.poll_recv(context));
        let answer = AuthServiceClient::new(client.channel()).inventory_control_stream(messages).await?;
        Ok(Self { up, down: answer.into_inner(), _client: client })
    }

    /// A stream after its Hellos.
    async fn of_stock_agent(auth: &Auth, identity: &Path, hello: UpstreamInventoryHello) -> Self {
        let mut raw = Self::open(auth, identity).await.expect("stream");
        raw.send(Up::Hello(hello)).await;
        let Some(Down::Hello(_)) = raw.next().await.expect("a message") else { panic!("no Hello") };
        raw
    }

    async fn send(&self, message: Up) {
        let _ = self.up.send(UpstreamInventoryOneOf { msg: Some(message) }).await; // closed ones are noticed by reading
    }

    async fn next(&mut self) -> Result<Option<Down>, tonic::Status> {
        let message = tokio::time::timeout(PATIENCE, self.down.message()).await.expect("in time")?;
        Ok(message.and_then(|message| message.msg))
    }

    /// How the stream was closed.
    async fn closed(&mut self) -> (Code, String) {
        loop {
            match self.next().await {
                Ok(Some(_)) => {}
                Ok(None) => return (Code::Ok, String::new()),
                Err(status) => return (status.code(), status.message().to_owned()),
            }
        }
    }
}

fn hello(server_id: &str) -> UpstreamInventoryHello {
    UpstreamInventoryHello {
        version: "18.2.0".to_owned(),
        server_id: server_id.to_owned(),
        services: vec!["Node".to_owned()],
        hostname: format!("host-of-{server_id}"),
        ..UpstreamInventoryHello::default()
    }
}

/// A file with this text in a folder that lasts as long as the test.
fn file(folder: &tempfile::TempDir, text: &str) -> PathBuf {
    let path = folder.path().join("identity.pem");
    std::fs::write(&path, text).expect("written");
    path
}
