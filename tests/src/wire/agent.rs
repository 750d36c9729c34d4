//! An agent that reports, with a status that the test sets.

use std::path::Path;
use std::sync::Arc;

use selfcheck_core::Status;
use selfcheck_reporter::Neighbour;
use selfcheck_reporter::Progress;
use selfcheck_reporter::ProgressWatch;
use selfcheck_reporter::ReportError;
use selfcheck_reporter::Reporter;
use selfcheck_reporter::ReporterConfig;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::wall_clock;

use super::PATIENCE;

/// A case in which all is well.
pub const HEALTHY: &str = "schedule: all is well";
/// A case in which the timer is masked.
pub const MASKED: &str = "schedule: the timer is masked";

/// The status of a case, as a daemon would publish it.
pub fn status(case: &str, sequence: u64) -> Arc<Status> {
    let case = crate::case(case);
    let clock = case.observation.clock.after(case.later);
    let mut status = selfcheck_core::assess(&case.observation, &case.policy, clock);
    status.sequence = Some(sequence);
    Arc::new(status)
}

/// An agent that reports, with a status that the test sets.
#[derive(Debug)]
pub struct Agent {
    statuses: watch::Sender<Option<Arc<Status>>>,
    /// How far reporting has got.
    pub progress: ProgressWatch,
    /// The reporter.
    pub task: JoinHandle<Result<(), ReportError>>,
}

impl Agent {
    /// One that nobody is beside.
    pub fn start(server: &str, identity: &Path) -> Self {
        Self::beside(server, identity, Neighbour::Nobody)
    }

    /// One beside that agent.
    pub fn beside(server: &str, identity: &Path, neighbour: Neighbour) -> Self {
        let (statuses, followed) = watch::channel(None);
        let config = ReporterConfig::new(server, identity).beside(neighbour).clock(wall_clock).seed(7);
        let reporter = Reporter::new(config, followed);
        Self { statuses, progress: reporter.progress(), task: tokio::spawn(reporter.run()) }
    }

    /// Its status from now on.
    pub fn says(&self, status: Arc<Status>) {
        self.statuses.send_replace(Some(status));
    }

    /// Waits until reporting has got so far.
    pub async fn until(&mut self, what: &str, is_so: impl Fn(&Progress) -> bool) -> Progress {
        let waiting = async {
            let mut progress = self.progress.latest();
            while !is_so(&progress) {
                progress = self.progress.next().await.expect("reporting");
            }
            progress
        };
        let told = tokio::time::timeout(PATIENCE, waiting).await;
        told.unwrap_or_else(|_| panic!("still not so: {what}"))
    }

    /// Waits until a status is acknowledged.
    pub async fn until_acked(&mut self, sequence: u64) -> Progress {
        self.until("acknowledged", |progress| progress.acked == Some(sequence)).await
    }

    /// Ends the self-check, and waits until the reporter has too.
    ///
    /// # Errors
    ///
    /// What the reporter ended with.
    pub async fn end(self) -> Result<(), ReportError> {
        drop(self.statuses);
        self.task.await.expect("no panic")
    }
}
