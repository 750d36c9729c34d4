//! What a program that logs everything, of every library, gets to see of the Kubernetes API.

use std::io;
use std::sync::Arc;
use std::sync::Mutex;
use std::time::Duration;

use selfcheck_probe::Watch;
use selfcheck_tests::kubernetes::Fault;
use selfcheck_tests::kubernetes::cluster::AgentOfRelease;
use selfcheck_tests::kubernetes::cluster::NAMESPACE;
use selfcheck_tests::kubernetes::cluster::RELEASE;
use selfcheck_tests::kubernetes::cluster::TOKEN;
use selfcheck_tests::kubernetes::cluster::pod_name;
use tracing::Level;

const LOOK_TIME: Duration = Duration::from_secs(20);

/// What was logged.
#[derive(Debug, Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("not poisoned").write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

async fn forever(watch: &mut Watch) {
    loop {
        watch.changed().await;
    }
}

#[tokio::test]
async fn no_library_logs_a_secret_at_any_level() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber =
        tracing_subscriber::fmt().with_max_level(Level::TRACE).with_writer(move || writer.clone()).finish();
    let logging = tracing::subscriber::set_default(subscriber);
    let agent = AgentOfRelease::permitted().await;
    let certificate = agent.api.authority().lines().nth(1).expect("a line").to_owned();
    let mut watch = Watch::new(agent.probe());
    watch.look(LOOK_TIME).await;
    tokio::select! {
        () = agent.api.is_watched_by(2) => {}
        () = forever(&mut watch) => {}
    }
    for fault in [Fault::Status(500, None), Fault::Garbage, Fault::Truncated] {
        agent.api.fault(Some(fault));
        agent.look().await;
    }
    agent.api.fault(None);
    agent.api.lock_out(TOKEN);
    agent.look().await;
    // A pod that holds something else than it should, and a secret.
    agent.api.change("pods", NAMESPACE, &pod_name(), |pod| {
        pod["spec"]["containers"] = "pl4nted-in-the-pod".into();
    });
    agent.api.let_in(TOKEN, NAMESPACE, RELEASE);
    agent.look().await;
    drop(logging);
    let told = String::from_utf8_lossy(&log.0.lock().expect("not poisoned")).into_owned();
    assert!(told.contains("TRACE") && told.contains("h2::codec"), "connections are logged");
    for secret in [TOKEN, "pl4nted", certificate.as_str()] {
        let line = told.lines().find(|line| line.contains(secret));
        assert_eq!(line, None, "{secret}");
    }
}
