//! How far reporting has got.

use jiff::Timestamp;
use selfcheck_core::Reporting;
use selfcheck_core::ReportingMode;
use selfcheck_core::Text;
use tokio::sync::watch;

use crate::Neighbour;

/// How far reporting has got. It is no part of a status' change.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Progress {
    /// How the status reaches the auth server: by what the present stream, or the last one, agreed on.
    pub mode: ReportingMode,
    /// Whether a stream is open.
    pub connected: bool,
    /// When a report or a beat, or in stock terms a Hello, was last sent.
    pub last_sent: Option<Timestamp>,
    /// The last sequence acknowledged.
    pub acked: Option<u64>,
    /// Who else reports for the agent.
    pub neighbour: Neighbour,
    /// Why there is no stream, in a word and in words.
    pub trouble: Option<(&'static str, Text)>,
}

/// Follows how far reporting has got; see [`Reporter::progress`](crate::Reporter::progress).
#[derive(Debug, Clone)]
#[must_use = "it tells nothing before it is asked"]
pub struct ProgressWatch(watch::Receiver<Progress>);

impl ProgressWatch {
    pub(crate) const fn new(progress: watch::Receiver<Progress>) -> Self {
        Self(progress)
    }

    /// How far it has got.
    pub fn latest(&self) -> Progress {
        self.0.borrow().clone()
    }

    /// The next time that it has got further, or not so far any more; `None` once reporting has ended. Nothing is lost where this
    /// is dropped before it has answered.
    pub async fn next(&mut self) -> Option<Progress> {
        self.0.changed().await.ok()?;
        Some(self.0.borrow_and_update().clone())
    }
}

impl Progress {
    /// None made yet.
    pub(crate) const fn beside(neighbour: Neighbour) -> Self {
        Self {
            mode: ReportingMode::None,
            connected: false,
            last_sent: None,
            acked: None,
            neighbour,
            trouble: None,
        }
    }

    /// `reporting`, with what is known of it.
    pub fn fill(&self, reporting: &mut Reporting) {
        reporting.mode = self.mode;
        reporting.connected = self.connected;
        reporting.last_sent = self.last_sent;
        reporting.acked = self.acked;
        if self.neighbour == Neighbour::Nobody {
            reporting.cluster_view = None; // the agent tells what is told here
        }
    }
}
