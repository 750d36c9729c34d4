//! What a look costs, beside `systemctl show` for the same two units, in one run in a real systemd guest.
#![expect(
    clippy::print_stdout,
    clippy::expect_used,
    clippy::disallowed_methods,
    reason = "a benchmark reads the clock and prints"
)]

#[path = "../figures.rs"]
mod figures;
mod image;
mod inside;

use selfcheck_tests::Container;
use selfcheck_tests::Host;
use selfcheck_tests::PodFolder;
use selfcheck_tests::UPDATED;
use selfcheck_tests::User;
use selfcheck_tests::binary;
use selfcheck_tests::eventually;

/// Targets of the project, as upper bounds or ratios.
const KEPT_BUS_TIMES_FASTER: f64 = 8.0;
const PROCESS_TIMES_SLOWER: f64 = 1.0;
const RAW_TIMES: f64 = 1.6;
const LOOK_CPU_MS: f64 = 5.0;
const IMAGE_MS: f64 = 20.0;
const POD_MS: f64 = 1.0;
/// The same among so many processes that it shares them with.
const CROWDED_POD_MS: f64 = 10.0;
const CROWD: u32 = 1_000;
const SIZE_MB: f64 = 6.0;
const PEAK_RSS_MB: f64 = 10.0;

fn main() {
    if std::env::args().any(|word| word == "--inside") {
        return inside::run();
    }
    if std::env::args().any(|word| word == "--everything") {
        return inside::everything();
    }
    if std::env::args().any(|word| word == "--pod") {
        return inside::pod();
    }
    let Some(host) = Host::accompanied() else { return };
    host.fire_timer();
    println!("machine: {}", figures::machine());
    println!("in a guest: systemd over its own bus, an agent, an enabled updater; every line from one run");
    let own = std::env::current_exe().expect("own path");
    let own =
        format!("/usr/local/libexec/selfcheck/deps/{}", own.file_name().expect("name").to_string_lossy());
    let output = host.guest.run(User::Root, &[&own, "--inside"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let measured: inside::Measured = serde_json::from_slice(&output.stdout).expect("figures");
    for (what, sample) in [
        ("look and judge on a kept bus", &measured.kept),
        ("the same questions sent raw, nothing read out of the answers", &measured.raw),
        ("`systemctl show` of timer and service", &measured.systemctl),
        ("`teleport-selfcheck debug updater-status --format json`", &measured.command),
    ] {
        println!("{what}: {sample}");
    }
    let ratio = measured.kept.median() / measured.raw.median();
    figures::verdict(
        "look and judge against its questions sent raw, times as long",
        ratio,
        "at most",
        RAW_TIMES,
    );
    let faster = measured.systemctl.median() / measured.kept.median();
    figures::verdict("kept bus against systemctl, times faster", faster, "at least", KEPT_BUS_TIMES_FASTER);
    let slower = measured.command.median() / measured.systemctl.median();
    figures::verdict(
        "whole command against systemctl, times as long",
        slower,
        "at most",
        PROCESS_TIMES_SLOWER,
    );
    figures::verdict(
        "CPU of one look and judgement on a kept bus, ms",
        measured.cpu_ms,
        "at most",
        LOOK_CPU_MS,
    );
    host.install_v1();
    let output = host.guest.run(User::Root, &[&own, "--everything"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let everything: f64 = serde_json::from_slice(&output.stdout).expect("figure");
    figures::verdict(
        "CPU of the whole command, both updaters present, ms",
        everything,
        "at most",
        LOOK_CPU_MS,
    );
    let alone = pod(&own, 0);
    println!("look and judge in a pod, without its API: {alone}");
    figures::verdict("look and judge in a pod without its API, ms", alone.median() / 1e3, "at most", POD_MS);
    let crowded = pod(&own, CROWD);
    println!("the same among {CROWD} processes: {crowded}");
    let crowded = crowded.median() / 1e3;
    figures::verdict("the same among 1,000 processes, ms", crowded, "at most", CROWDED_POD_MS);
    let image = image::measure();
    println!("static look of an image, whole command: {image}");
    figures::verdict("static look of an image of 1 GB, ms", image.median() / 1e3, "at most", IMAGE_MS);
    let size = std::fs::metadata(binary("teleport-selfcheck")).expect("binary").len();
    figures::verdict("stripped command, MB", figures::mega(size), "at most", SIZE_MB);
    figures::verdict("peak RSS of the command, MB", figures::mega(measured.peak_rss), "at most", PEAK_RSS_MB);
}

/// Looks in a pod whose updater is well, with everything mounted, and so many more processes.
fn pod(own: &str, crowd: u32) -> figures::Sample {
    let folder = PodFolder::new().expect("a pod");
    folder.mount("updater-config", &[("update.yaml", UPDATED)]);
    folder.mount("podinfo", &[("labels", "app=\"agents\"\n"), ("annotations", "checksum/config=\"0\"\n")]);
    folder.mount("serviceaccount", &[("namespace", "teleport")]);
    let crowding = ["/usr/local/bin/supervise", "crowd", &crowd.to_string()].map(str::to_owned);
    let folder = folder.changed(|container| Container { argv: crowding.to_vec(), ..container });
    let pod = folder.with_updater().start();
    eventually("the agent runs, after the crowd", || {
        pod.selfcheck(&["debug", "updater-status"]).status.success()
    });
    let output = pod.command(&[own, "--pod"]).output().expect("nsenter");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("figures")
}
