//! What asking the Kubernetes API costs an agent, with a stand-in for it on loopback in the same process.
#![expect(
    clippy::print_stdout,
    clippy::expect_used,
    clippy::disallowed_methods,
    reason = "a benchmark reads the clock and prints"
)]

#[path = "../figures.rs"]
mod figures;
#[path = "../idler.rs"]
mod idler;

use std::time::Duration;
use std::time::Instant;

use figures::Sample;
use selfcheck_core::Observation;
use selfcheck_core::Verdict;
use selfcheck_probe::Change;
use selfcheck_probe::Watch;
use selfcheck_tests::kubernetes::cluster::AgentOfRelease;
use selfcheck_tests::kubernetes::cluster::judged;
use tokio::runtime::Runtime;

/// Targets of the project, as upper bounds.
const REQUESTS: f64 = 4.0;
const REQUESTS_WHEN_TOLD: f64 = 0.0;
const WAKE_UPS: f64 = 0.0;

const LOOKS: u32 = 300;
const PATIENCE: Duration = Duration::from_secs(3);

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime = runtime.expect("runtime");
    println!("machine: {}", figures::machine());
    let agent = runtime.block_on(AgentOfRelease::permitted());

    let mut probe = agent.probe();
    let (asked, requests) = measure(&runtime, &agent, async || probe.look(PATIENCE).await);
    println!("look and judge, the API asked each time over one connection: {asked}");
    figures::verdict("requests for a look", requests, "at most", REQUESTS);

    let mut watch = Watch::new(agent.probe());
    runtime.block_on(async {
        watch.look(PATIENCE).await;
        let told = async { while watch.changed().await != Change::Kubernetes {} };
        tokio::select! {
            () = agent.api.is_watched_by(2) => {}
            () = told => {}
        }
    });
    let (told, requests) = measure(&runtime, &agent, async || watch.look(PATIENCE).await);
    println!("look and judge, changes told by the API: {told}");
    figures::verdict("requests for a look when told", requests, "at most", REQUESTS_WHEN_TOLD);
    drop(watch);

    let server = agent.server();
    let (pid, token, authority) =
        (agent.pid().to_string(), server.token.display(), server.authority.display());
    let arguments = ["asking", &pid, &server.url, &token.to_string(), &authority.to_string()];
    let idleness = idler::idle("idle", &arguments);
    println!("while it was idle the API was asked: {:?}", agent.api.requests());
    figures::verdict("wake-ups in 60 s of idleness, told by the API", idleness.wake_ups, "at most", WAKE_UPS);
    println!("resident memory added to an empty tokio program, MB: {:.2}", idleness.added_mb);
    println!("descriptors added: {}", idleness.descriptors);
}

/// How long looks take, and how many requests each makes.
fn measure(
    runtime: &Runtime,
    agent: &AgentOfRelease,
    mut look: impl AsyncFnMut() -> Observation,
) -> (Sample, f64) {
    runtime.block_on(look()); // connects
    agent.api.requests();
    let times = (0..LOOKS).map(|_| {
        let began = Instant::now();
        let observation = runtime.block_on(look());
        let status = judged(&observation);
        let took = began.elapsed().as_secs_f64() * 1e6;
        assert_eq!(status.verdict, Verdict::Accompanied, "{:?}", status.findings);
        took
    });
    let sample = Sample::new(times.collect());
    let requests = u32::try_from(agent.api.requests().len()).expect("a number");
    (sample, f64::from(requests) / f64::from(LOOKS))
}
