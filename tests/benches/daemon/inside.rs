//! The measuring itself, inside the guest.

use std::process::Command;
use std::time::Duration;
use std::time::Instant;

use selfcheck_core::Basis;
use selfcheck_core::Verdict;
use selfcheck_daemon::SelfCheck;
use selfcheck_daemon::Statuses;
use selfcheck_daemon::report::ReporterConfig;
use selfcheck_fleet::Store;
use selfcheck_protocol::Count;
use selfcheck_server::Limits;
use selfcheck_server::Rate;
use selfcheck_tests::Cluster;
use selfcheck_tests::NODE;
use selfcheck_tests::wall_clock;
use selfcheck_tests::with;
use serde::Deserialize;
use serde::Serialize;
use zbus::Connection;

use crate::figures::Sample;
use crate::idler::Idleness;
use crate::idler::idle;

/// Changes of each kind.
const CHANGES: usize = 300;
const REWRITES: usize = 10_000;
const CONFIG: &str = "/opt/teleport/default/update.yaml";
const SYSTEMD: &str = "org.freedesktop.systemd1";

/// What was measured.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Measured {
    pub(crate) systemd: Sample,
    pub(crate) file: Sample,
    pub(crate) visible: Sample,
    pub(crate) wake_ups: f64,
    pub(crate) looks_per_firing: f64,
    pub(crate) added_mb: f64,
    pub(crate) with_kubernetes_mb: f64,
    pub(crate) descriptors: f64,
    pub(crate) storm_seconds: f64,
    pub(crate) storm_looks: f64,
}

pub(crate) fn run() {
    // What all the features of the tests are linked into: its code lies further apart, and more of it is read with it.
    let with_kubernetes_mb = idle("idle", &["watching"]).added_mb;
    let Idleness { wake_ups, added_mb, descriptors } = idle("idle-by-default", &["watching"]);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("runtime");
    let measured = runtime.block_on(async {
        let mut daemon = Daemon::start().await;
        let systemd = daemon.systemd().await;
        let file = daemon.file().await;
        let visible = daemon.visible().await;
        let (storm_seconds, storm_looks) = daemon.storm().await;
        let looks_per_firing = daemon.firing().await;
        Measured {
            systemd,
            file,
            visible,
            wake_ups,
            looks_per_firing,
            added_mb,
            with_kubernetes_mb,
            descriptors,
            storm_seconds,
            storm_looks,
        }
    });
    println!("{}", serde_json::to_string(&measured).expect("json"));
}

/// A self-check of this host, and somebody who changes the host.
struct Daemon {
    check: SelfCheck,
    statuses: Statuses,
    bus: Connection,
}

impl Daemon {
    async fn start() -> Self {
        let check = SelfCheck::builder().start().expect("started");
        check.recheck().await.expect("running");
        let mut statuses = check.subscribe();
        statuses.next().await.expect("running");
        Self { check, statuses, bus: Connection::system().await.expect("bus") }
    }

    /// Until the subscriber has a status of this verdict, in microseconds since `began`.
    async fn until(&mut self, began: Instant, verdict: Verdict) -> f64 {
        loop {
            let told = tokio::time::timeout(Duration::from_secs(20), self.statuses.next()).await;
            if told.expect("told in time").expect("running").verdict == verdict {
                return began.elapsed().as_secs_f64() * 1e6;
            }
        }
    }

    /// Asks systemd to stop the timer, or to start it again. Tells when that was, and what comes of it.
    async fn toggle(&self, change: usize) -> (Instant, Verdict) {
        let (method, verdict) =
            [("StopUnit", Verdict::Impaired), ("StartUnit", Verdict::Accompanied)][change % 2];
        let began = Instant::now();
        let path = "/org/freedesktop/systemd1";
        let manager = Some("org.freedesktop.systemd1.Manager");
        let unit = &("teleport-update.timer", "replace");
        self.bus.call_method(Some(SYSTEMD), path, manager, method, unit).await.expect(method);
        (began, verdict)
    }

    /// From asking systemd to stop or start the timer until that is told.
    async fn systemd(&mut self) -> Sample {
        let mut runs = Vec::new();
        for change in 0..CHANGES {
            let (began, verdict) = self.toggle(change).await;
            runs.push(self.until(began, verdict).await);
        }
        Sample::new(runs)
    }

    /// From asking systemd to stop or start the timer until an auth server counts the agent so, over mutual TLS on loopback.
    async fn visible(&mut self) -> Sample {
        let cluster = Cluster::default();
        let fast = Rate { burst: u32::MAX, per_second: 1e6 };
        let auth = cluster.serve_with(with(Limits::default(), |limits| limits.reports = fast)).await;
        let identity = cluster.identity("bench", NODE);
        let reporter =
            self.check.handle().report(ReporterConfig::new(auth.server(), identity).clock(wall_clock));
        let mut progress = reporter.progress();
        let reporting = tokio::spawn(reporter.run());
        while progress.next().await.expect("reporting").acked.is_none() {}
        let mut runs = Vec::new();
        for change in 0..CHANGES {
            let (began, verdict) = self.toggle(change).await;
            let is_so = |count: &Count<(Verdict, Basis)>| count.of.0 == verdict && count.agents == 1;
            while !auth.inventory.store().summary().verdicts.iter().any(is_so) {
                assert!(began.elapsed() < Duration::from_secs(20), "it is told");
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            runs.push(began.elapsed().as_secs_f64() * 1e6);
        }
        reporting.abort();
        Sample::new(runs)
    }

    /// From renaming another update.yaml into place until that is told.
    async fn file(&mut self) -> Sample {
        let enabled = std::fs::read_to_string(CONFIG).expect("config");
        let disabled = enabled.replace("enabled: true", "enabled: false");
        let mut runs = Vec::new();
        for change in 0..CHANGES {
            let (text, verdict) = [(&disabled, Verdict::Held), (&enabled, Verdict::Accompanied)][change % 2];
            std::fs::write(format!("{CONFIG}.new"), text).expect("written");
            let began = Instant::now();
            std::fs::rename(format!("{CONFIG}.new"), CONFIG).expect("renamed");
            runs.push(self.until(began, verdict).await);
        }
        Sample::new(runs)
    }

    /// Seconds and looks of many rewrites.
    async fn storm(&mut self) -> (f64, f64) {
        let text = std::fs::read_to_string(CONFIG).expect("config");
        let before = self.looks();
        let began = Instant::now();
        let rewriting = tokio::task::spawn_blocking(move || {
            for _ in 0..REWRITES {
                std::fs::write(format!("{CONFIG}.new"), &text).expect("written");
                std::fs::rename(format!("{CONFIG}.new"), CONFIG).expect("renamed");
            }
        });
        rewriting.await.expect("rewritten");
        (began.elapsed().as_secs_f64(), self.looks() - before)
    }

    /// Looks that a firing of the timer leads to, from before it until long after.
    async fn firing(&mut self) -> f64 {
        let soon = "[Timer]\nOnActiveSec=\nOnActiveSec=5s\nRandomizedDelaySec=0\nAccuracySec=1us\n";
        std::fs::write("/etc/systemd/system/teleport-update.timer.d/soon.conf", soon).expect("written");
        for arguments in [&["daemon-reload"][..], &["restart", "teleport-update.timer"]] {
            let status = Command::new("systemctl").args(arguments).status().expect("systemctl");
            assert!(status.success());
        }
        self.check.recheck().await.expect("running");
        tokio::time::sleep(Duration::from_secs(1)).await; // what the restart leads to is over
        let (before, ran) = (self.looks(), self.last_run());
        tokio::time::sleep(Duration::from_secs(10)).await;
        assert_ne!(self.last_run(), ran, "it fired");
        self.looks() - before
    }

    fn last_run(&self) -> Option<String> {
        Some(self.check.status()?.proof.last_run?.to_string())
    }

    #[expect(clippy::cast_precision_loss, reason = "a small number")]
    fn looks(&self) -> f64 {
        *self.check.handle().looks().borrow() as f64
    }
}
