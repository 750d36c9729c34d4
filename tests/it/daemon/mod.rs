//! The daemon library.

mod blind;
mod clients;
mod life;
mod time;

use std::sync::Arc;
use std::time::Duration;

use prometheus::Registry;
use selfcheck_core::policy::Policy;
use selfcheck_daemon::SelfCheck;
use selfcheck_daemon::Status;
use selfcheck_tests::Stage;
use tokio::sync::watch;

const HEALTHY: &str = "schedule: all is well";
const MINUTE: Duration = Duration::from_secs(60);

fn start(stage: &Stage) -> SelfCheck {
    start_with(stage, Policy::default(), None)
}

fn start_with(stage: &Stage, policy: Policy, registry: Option<Registry>) -> SelfCheck {
    let stage = stage.clone();
    let mut builder = SelfCheck::builder().policy(policy).seed(7);
    if let Some(registry) = registry {
        builder = builder.metrics(registry);
    }
    builder.start_on(move || stage.clone()).expect("started")
}

/// The next change that is published.
async fn next(statuses: &mut watch::Receiver<Option<Arc<Status>>>) -> Arc<Status> {
    statuses.changed().await.expect("running");
    statuses.borrow_and_update().clone().expect("a status")
}

fn label(status: &Status) -> (u64, String) {
    (status.sequence.expect("counted"), status.label())
}
