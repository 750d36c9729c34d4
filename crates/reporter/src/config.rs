//! Whom to tell, and as whom.

use std::path::PathBuf;
use std::time::Duration;

use jiff::Timestamp;
use selfcheck_core::Text;
use selfcheck_protocol::HostMetadata;
use tokio::time::timeout;

/// How long it may take to learn what the agent runs on.
const HOST_TIME: Duration = Duration::from_secs(5);

/// Whom to tell, and as whom.
#[derive(Debug, Clone)]
#[must_use = "a reporter is made of it"]
pub struct ReporterConfig {
    pub(crate) server: String,
    pub(crate) identity: PathBuf,
    pub(crate) version: Option<Text>,
    host: Host,
    pub(crate) neighbour: Neighbour,
    pub(crate) clock: fn() -> Timestamp,
    pub(crate) seed: Option<u64>,
}

/// What the agent runs on.
#[derive(Debug, Clone)]
enum Host {
    /// Nobody says.
    Unknown,
    Told(HostMetadata),
    /// This finds out, and may read files.
    Asked(fn() -> HostMetadata),
}

/// Who else reports for this agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Neighbour {
    /// Nobody: this is the agent's own stream.
    Nobody,
    /// The stock agent itself. A stock auth server is told nothing: between two streams of one agent its inventory would flip.
    StockAgent,
}

impl ReporterConfig {
    /// Tells the auth server, or a proxy that forwards to one, at `server` (`HOST:PORT`), as the host that the identity file
    /// `identity` names. The file is read again for every connection, so a renewed one counts from the next on.
    pub fn new(server: impl Into<String>, identity: impl Into<PathBuf>) -> Self {
        #[expect(clippy::disallowed_methods, reason = "the clock, unless there is another one")]
        let clock = Timestamp::now;
        Self {
            server: server.into(),
            identity: identity.into(),
            version: None,
            host: Host::Unknown,
            neighbour: Neighbour::Nobody,
            clock,
            seed: None,
        }
    }

    /// The agent's Teleport version, where its status does not tell it.
    pub fn version(self, version: &str) -> Self {
        Self { version: Some(Text::new(version)), ..self }
    }

    /// What the agent runs on.
    pub fn host(self, host: HostMetadata) -> Self {
        Self { host: Host::Told(host), ..self }
    }

    /// How to find out what the agent runs on, where nobody said so. It may block.
    pub fn or_host(self, look: fn() -> HostMetadata) -> Self {
        match self.host {
            Host::Told(_) => self,
            Host::Unknown | Host::Asked(_) => Self { host: Host::Asked(look), ..self },
        }
    }

    /// Who else reports for this agent; nobody unless it is said.
    pub fn beside(self, neighbour: Neighbour) -> Self {
        Self { neighbour, ..self }
    }

    /// What tells the wall-clock time, instead of the system's clock.
    pub fn clock(self, clock: fn() -> Timestamp) -> Self {
        Self { clock, ..self }
    }

    /// What all jitter is drawn from, to have the same in every run.
    pub fn seed(self, seed: u64) -> Self {
        Self { seed: Some(seed), ..self }
    }

    /// What the agent runs on, as far as that can be learned in time.
    pub(crate) async fn metadata(&self) -> HostMetadata {
        match &self.host {
            Host::Unknown => HostMetadata::default(),
            Host::Told(host) => host.clone(),
            Host::Asked(look) => {
                let looking = timeout(HOST_TIME, tokio::task::spawn_blocking(*look)).await;
                looking.ok().and_then(Result::ok).unwrap_or_default()
            }
        }
    }
}
