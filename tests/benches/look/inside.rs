//! The measuring itself, inside the guest.

use std::process::Command;
use std::process::Stdio;
use std::time::Duration;
use std::time::Instant;

use nix::sys::resource::UsageWho;
use nix::sys::resource::getrusage;
use selfcheck_core::Policy;
use selfcheck_core::Verdict;
use selfcheck_core::assess;
use selfcheck_probe::Probe;
use selfcheck_probe::SYSTEM_BUS;
use selfcheck_probe::Target;
use serde::Deserialize;
use serde::Serialize;

use crate::figures::Sample;

const LOOKS: usize = 1_000;
const PROCESSES: usize = 200;
const PATIENCE: Duration = Duration::from_secs(3);

/// What was measured.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Measured {
    pub(crate) kept: Sample,
    pub(crate) systemctl: Sample,
    pub(crate) command: Sample,
    pub(crate) cpu_ms: f64,
    pub(crate) peak_rss: u64,
}

pub(crate) fn run() {
    let command = ["teleport-selfcheck", "debug", "updater-status", "--format", "json"];
    // First of all, while this process, whose children start with its own peak, is still small.
    time(&command);
    let peak_rss = peak_rss_of_children();
    let systemctl = ["systemctl", "show", "teleport-update.timer", "teleport-update.service"];
    // In turn, so that what else the machine does falls on both alike.
    let pairs: Vec<_> = (0..PROCESSES).map(|_| (time(&systemctl), time(&command))).collect();
    let (systemctl, command) = pairs.into_iter().unzip();
    let (kept, cpu_ms) = looks();
    let measured =
        Measured { kept, systemctl: Sample::new(systemctl), command: Sample::new(command), cpu_ms, peak_rss };
    println!("{}", serde_json::to_string(&measured).expect("json"));
}

/// Looks again and again on one connection.
fn looks() -> (Sample, f64) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("runtime");
    runtime.block_on(async {
        let mut probe = Probe::new(Target::default(), SYSTEM_BUS.to_owned());
        let policy = Policy::default();
        let mut runs = Vec::new();
        let before = cpu_ms();
        for _ in 0..=LOOKS {
            let start = Instant::now();
            let observation = probe.look(PATIENCE).await;
            let status = assess(&observation, &policy, observation.clock);
            runs.push(micros(start));
            assert_eq!(status.verdict, Verdict::Accompanied, "{:?}", status.findings);
        }
        runs.remove(0); // it opened the connection
        #[expect(clippy::cast_precision_loss, reason = "a small number")]
        let cpu = (cpu_ms() - before) / (LOOKS + 1) as f64;
        (Sample::new(runs), cpu)
    })
}

/// How long a process takes to run and be read, in microseconds.
fn time(argv: &[&str]) -> f64 {
    let start = Instant::now();
    let output = Command::new(argv[0]).args(&argv[1..]).stdin(Stdio::null()).output().expect("process");
    let took = micros(start);
    assert!(output.status.success() && !output.stdout.is_empty(), "{argv:?}");
    took
}

fn micros(start: Instant) -> f64 {
    start.elapsed().as_secs_f64() * 1e6
}

fn cpu_ms() -> f64 {
    let usage = getrusage(UsageWho::RUSAGE_SELF).expect("usage");
    let time = |value: nix::sys::time::TimeVal| {
        let seconds = i32::try_from(value.tv_sec()).expect("small");
        let micros = i32::try_from(value.tv_usec()).expect("small");
        f64::from(seconds) * 1e3 + f64::from(micros) / 1e3
    };
    time(usage.user_time()) + time(usage.system_time())
}

fn peak_rss_of_children() -> u64 {
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN).expect("usage");
    u64::try_from(usage.max_rss()).expect("positive") * 1024
}
