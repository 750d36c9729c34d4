//! The daemon library.

mod blind;
mod clients;
mod life;
mod time;

use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use prometheus::Registry;
use selfcheck_core::policy::Policy;
use selfcheck_daemon::SelfCheck;
use selfcheck_daemon::Status;
use selfcheck_daemon::Statuses;
use selfcheck_tests::Stage;

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
async fn next(statuses: &mut Statuses) -> Arc<Status> {
    statuses.next().await.expect("running")
}

/// Whether nothing was published that has not been told yet, and the self-check runs.
fn is_silent(statuses: &mut Statuses) -> bool {
    statuses.next().now_or_never().is_none()
}

fn label(status: &Status) -> (u64, String) {
    (status.sequence.expect("counted"), status.label())
}
