//! Keeping an auth server told: connect, tell, and connect again.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use selfcheck_core::Status;
use selfcheck_core::Text;
use selfcheck_protocol::Hello;
use selfcheck_protocol::HostIdentity;
use selfcheck_protocol::HostMetadata;
use selfcheck_protocol::IdentityError;
use selfcheck_protocol::IdentityFile;
use tokio::sync::watch;
use tokio::time::Instant;
use tokio::time::sleep;
use tokio::time::timeout;

use crate::AuthClient;
use crate::Neighbour;
use crate::Progress;
use crate::ProgressWatch;
use crate::ReportError;
use crate::ReporterConfig;
use crate::backoff::Backoff;
use crate::backoff::GOOD;
use crate::backoff::asked;
use crate::session::Context;
use crate::session::End;
use crate::session::Session;
use crate::session::Statuses;

/// How long an auth server may take to say whether it is a stock one.
const ASK_TIME: Duration = Duration::from_secs(30);

/// Keeps an auth server told.
#[derive(Debug)]
#[must_use = "it tells nobody before it runs"]
pub struct Reporter {
    config: ReporterConfig,
    statuses: Statuses,
    progress: watch::Sender<Progress>,
    random: fastrand::Rng,
}

impl Reporter {
    /// Keeps an auth server told of these statuses. It is started by [`run`](Self::run).
    pub fn new(config: ReporterConfig, statuses: watch::Receiver<Option<Arc<Status>>>) -> Self {
        let (progress, _) = watch::channel(Progress::beside(config.neighbour));
        let random = config.seed.map_or_else(fastrand::Rng::new, fastrand::Rng::with_seed);
        Self { config, statuses, progress, random }
    }

    /// Follows how far it has got, also while it runs.
    pub fn progress(&self) -> ProgressWatch {
        ProgressWatch::new(self.progress.subscribe())
    }

    /// Follows the statuses until their sender is dropped, and then says goodbye. What goes wrong is tried again, ever more
    /// rarely; the only errors are [`ReportError::Stock`] and [`ReportError::NotAHost`], where there was nobody to be told, or
    /// nobody to speak for, from the first. A stock auth server met later, as while several are exchanged one after the other, is
    /// left alone and tried again like one that is away.
    ///
    /// # Errors
    ///
    /// [`ReportError::Stock`] and [`ReportError::NotAHost`], as said above. Whoever runs it leaves reporting to the agent, or
    /// names another identity.
    pub async fn run(mut self) -> Result<(), ReportError> {
        let mut statuses = self.statuses.clone();
        let metadata = self.config.metadata().await;
        let mut backoff = Backoff::new(self.random.fork());
        let mut renewed = None;
        let mut has_reported = false;
        loop {
            let mut opened = None;
            let error = match self.once(&metadata, &mut statuses, &mut renewed, &mut opened).await {
                Ok(End::Stopped) => return Ok(()),
                Ok(End::Renew) => continue,
                Err(error) => error,
            };
            self.stopped(&error);
            has_reported |= opened.is_some();
            if matches!(error, ReportError::Stock(_) | ReportError::NotAHost(_)) && !has_reported {
                return Err(error);
            }
            if opened.is_some_and(|opened| opened.elapsed() >= GOOD) {
                backoff.reset();
            }
            let asked = match &error {
                ReportError::Answer { status, .. } => asked(status),
                _ => Duration::ZERO,
            };
            let wait = backoff.next(asked);
            tracing::warn!(kind = error.kind(), seconds = wait.as_secs(), "{error}; tried again");
            tokio::select! {
                () = sleep(wait) => {}
                () = ended(&mut statuses) => return Ok(()),
            }
        }
    }

    fn stopped(&self, error: &ReportError) {
        self.progress.send_modify(|progress| {
            progress.connected = false;
            progress.trouble = Some((error.kind(), Text::new(&error.to_string())));
        });
    }

    /// One connection and its stream; `opened` says when there was one.
    async fn once(
        &mut self,
        metadata: &HostMetadata,
        statuses: &mut Statuses,
        renewed: &mut Option<Instant>,
        opened: &mut Option<Instant>,
    ) -> Result<End, ReportError> {
        let mut watched = statuses.clone();
        let connected = tokio::select! {
            connected = self.connect(statuses) => connected?,
            () = ended(&mut watched) => return Ok(End::Stopped),
        };
        let end = self.talk(&connected, metadata, statuses, renewed, opened).await;
        connected.client.close().await;
        end
    }

    /// Connects, once there is a status to tell.
    async fn connect(&self, statuses: &mut Statuses) -> Result<Connection, ReportError> {
        let config = &self.config;
        // Before anything is waited for: somebody may have named the wrong file.
        let identity = read(config.identity.clone()).await.map_err(ReportError::Identity)?;
        let host = identity.server().map_err(ReportError::NotAHost)?;
        let status = match statuses.wait_for(Option::is_some).await.map(|status| status.clone()) {
            Ok(Some(status)) => status,
            _ => std::future::pending().await, // the self-check has ended, which is noticed beside
        };
        identity.check_time((config.clock)()).map_err(ReportError::Identity)?;
        let hello = Hello::of(&status, host, config.version.as_ref());
        let client = AuthClient::connect(&config.server, &identity).await?.for_agent(hello.version.as_str());
        Ok(Connection { client, host: host.clone(), hello })
    }

    /// A stream on a connection, from its Hello to its end.
    async fn talk(
        &mut self,
        Connection { client, host, hello }: &Connection,
        metadata: &HostMetadata,
        statuses: &mut Statuses,
        renewed: &mut Option<Instant>,
        opened: &mut Option<Instant>,
    ) -> Result<End, ReportError> {
        let mut watched = statuses.clone();
        let opening = async {
            if self.config.neighbour == Neighbour::StockAgent {
                refuse_stock(&self.config.server, client).await?;
            }
            let context = Context {
                server: &self.config.server,
                host,
                statuses,
                progress: &self.progress,
                renewed,
                seed: self.random.u64(..),
                clock: self.config.clock,
            };
            Session::open(client, hello, metadata, context).await
        };
        let session = tokio::select! {
            session = opening => session?,
            () = ended(&mut watched) => return Ok(End::Stopped),
        };
        *opened = Some(Instant::now());
        session.run().await
    }
}

/// A connection, as whom, and what is said on it first.
struct Connection {
    client: AuthClient,
    host: HostIdentity,
    hello: Hello,
}

/// A stock auth server is told nothing beside the agent itself, and knows no question that only this project's servers answer.
async fn refuse_stock(server: &str, client: &AuthClient) -> Result<(), ReportError> {
    let late = |_| ReportError::Timeout { server: server.to_owned(), what: "say what it is" };
    match timeout(ASK_TIME, client.summary()).await.map_err(late)? {
        Err(error) if error.is_unknown_call() => Err(ReportError::Stock(server.to_owned())),
        Err(ReportError::Answer { status, .. }) if status.code() == tonic::Code::PermissionDenied => Ok(()),
        Ok(_) => Ok(()),
        Err(error) => Err(error),
    }
}

/// Reads an identity on the blocking pool: its file may lie where reading hangs.
async fn read(path: PathBuf) -> Result<IdentityFile, IdentityError> {
    let reading = tokio::task::spawn_blocking({
        let path = path.clone();
        move || IdentityFile::read(&path)
    });
    // It fails only where the runtime ends.
    reading.await.unwrap_or(Err(IdentityError::Unusual(path)))
}

/// Returns when the self-check has ended.
async fn ended(statuses: &mut Statuses) {
    // A change that is passed over here is told with the present status later.
    while statuses.changed().await.is_ok() {}
}
