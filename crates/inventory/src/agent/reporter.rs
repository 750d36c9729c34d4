//! Keeping an auth server told: connect, tell, and connect again.

use std::path::PathBuf;
use std::time::Duration;

use jiff::Timestamp;
use selfcheck_core::Status;
use selfcheck_core::Text;
use tokio::sync::watch;
use tokio::time::Instant;
use tokio::time::sleep;
use tokio::time::timeout;

use crate::ClaimedUpdater;
use crate::Hello;
use crate::IdentityError;
use crate::IdentityFile;
use crate::Role;
use crate::valid;
use crate::wire::proto::UpstreamInventoryAgentMetadata;

use super::AuthClient;
use super::Progress;
use super::ReportError;
use super::backoff::Backoff;
use super::backoff::GOOD;
use super::backoff::asked;
use super::renewal::Renewal;
use super::session::Context;
use super::session::End;
use super::session::Session;
use super::session::Statuses;

/// How long an auth server may take to say whether it is a stock one.
const ASK_TIME: Duration = Duration::from_secs(30);

/// Whom to tell, and as whom.
#[derive(Debug, Clone)]
pub struct ReporterConfig {
    /// The auth server, or a proxy that forwards to one, as `HOST:PORT`.
    pub server: String,
    /// The identity file. It is read again for every connection, so a renewed one counts from the next on.
    pub identity: PathBuf,
    /// The agent's Teleport version, where its status does not tell it.
    pub version: Option<Text>,
    /// What the agent runs on.
    pub metadata: UpstreamInventoryAgentMetadata,
    /// Who else reports for this agent.
    pub neighbour: Neighbour,
    /// Tells the wall-clock time.
    pub clock: fn() -> Timestamp,
    /// What all jitter is drawn from, to have the same in every run; otherwise something random.
    pub seed: Option<u64>,
}

/// Who else reports for this agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Neighbour {
    /// Nobody: this is the agent's own stream.
    Nobody,
    /// The stock agent itself. A stock auth server is told nothing: between two streams of one agent its inventory would flip.
    StockAgent,
}

/// Keeps an auth server told.
#[derive(Debug)]
pub struct Reporter {
    config: ReporterConfig,
    progress: watch::Sender<Progress>,
    random: fastrand::Rng,
}

impl Reporter {
    /// A reporter, and where it tells how far it has got.
    pub fn new(config: ReporterConfig) -> (Self, watch::Receiver<Progress>) {
        let (progress, told) = watch::channel(Progress::default());
        let random = config.seed.map_or_else(fastrand::Rng::new, fastrand::Rng::with_seed);
        (Self { config, progress, random }, told)
    }

    /// Follows `statuses` until their sender is dropped, and then says goodbye. What goes wrong is tried again, ever more rarely; the
    /// only error is [`ReportError::Stock`], where there was nobody to be told from the first. A stock auth server met later, as while
    /// several are exchanged one after the other, is left alone and tried again like one that is away.
    pub async fn run(mut self, mut statuses: Statuses) -> Result<(), ReportError> {
        let mut backoff = Backoff::new(self.random.fork());
        let mut renewal = Renewal::new(self.random.fork());
        let mut has_reported = false;
        loop {
            let mut opened = None;
            let error = match self.once(&mut statuses, &mut renewal, &mut opened).await {
                Ok(End::Stopped) => return Ok(()),
                Ok(End::Renew) => continue,
                Err(error) => error,
            };
            self.stopped(&error);
            has_reported |= opened.is_some();
            if matches!(error, ReportError::Stock(_)) && !has_reported {
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
        statuses: &mut Statuses,
        renewal: &mut Renewal,
        opened: &mut Option<Instant>,
    ) -> Result<End, ReportError> {
        let mut watched = statuses.clone();
        let session = tokio::select! {
            session = self.open(statuses, renewal) => session?,
            () = ended(&mut watched) => return Ok(End::Stopped),
        };
        *opened = Some(Instant::now());
        session.run().await
    }

    /// Connects and exchanges Hellos. An agent that has not yet looked has nothing to say of itself, and waits.
    async fn open<'a>(
        &'a mut self,
        statuses: &'a mut Statuses,
        renewal: &'a mut Renewal,
    ) -> Result<Session<'a>, ReportError> {
        let status = match statuses.wait_for(Option::is_some).await.map(|status| status.clone()) {
            Ok(Some(status)) => status,
            _ => std::future::pending().await, // the self-check has ended, which is noticed beside
        };
        let config = &self.config;
        let identity = read(config.identity.clone()).await.map_err(ReportError::Identity)?;
        let host = identity.host.as_ref().map_err(|why| ReportError::NotAHost(why.clone()))?;
        let version = status.agent.version.as_ref().or(config.version.as_ref());
        let version = version.and_then(|version| valid::version(version.as_str())).unwrap_or_default();
        let hello = Hello {
            services: host
                .roles
                .iter()
                .filter(|role| role.is_server() && **role != Role::Instance)
                .map(|role| role.name().into())
                .collect(),
            server_id: host.host_id.clone(),
            hostname: hostname(&status),
            updater: ClaimedUpdater::of(&status),
            version: version.clone(),
        };
        let client = AuthClient::connect(&config.server, &identity).await?.for_agent(version.as_str());
        if config.neighbour == Neighbour::StockAgent {
            let asking = timeout(ASK_TIME, client.summary());
            let answer = asking.await.map_err(|_| ReportError::Timeout {
                server: config.server.clone(),
                what: "say what it is",
            })?;
            match answer {
                Err(error) if error.is_unknown_call() => {
                    return Err(ReportError::Stock(config.server.clone()));
                }
                Err(ReportError::Answer { status, .. }) if status.code() == tonic::Code::PermissionDenied => {
                }
                Ok(_) => {}
                Err(error) => return Err(error),
            }
        }
        let context = Context {
            server: &config.server,
            statuses,
            progress: &self.progress,
            renewal,
            random: &mut self.random,
            clock: config.clock,
        };
        Session::open(&client, hello, config.metadata.clone(), context).await
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

fn hostname(status: &Status) -> Text {
    status.agent.hostname.as_ref().and_then(|name| valid::name(name.as_str())).unwrap_or_default()
}

/// Returns when the self-check has ended.
async fn ended(statuses: &mut Statuses) {
    // A change that is passed over here is told with the present status later.
    while statuses.changed().await.is_ok() {}
}
