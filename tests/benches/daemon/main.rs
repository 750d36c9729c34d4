//! What the daemon costs and how soon it tells, in a real systemd guest.
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
mod inside;

use selfcheck_tests::Host;
use selfcheck_tests::User;

/// Targets of the project, as upper bounds.
const P99_MS: f64 = 250.0;
const VISIBLE_P99_MS: f64 = 500.0;
const WAKE_UPS: f64 = 0.0;
const LOOKS_PER_FIRING: f64 = 1.0;
const ADDED_MB: f64 = 3.0;
const DESCRIPTORS: f64 = 4.0;
const LOOKS_PER_SECOND: f64 = 10.0;

fn main() {
    if std::env::args().nth(1).is_some_and(|word| word == "--inside") {
        return inside::run();
    }
    let Some(host) = Host::accompanied() else { return };
    // It fires in five minutes and not before; and it is stopped and started more often than systemd likes.
    let drop_in = "/etc/systemd/system/teleport-update.timer.d/bench.conf";
    host.guest.write(drop_in, "[Unit]\nStartLimitIntervalSec=0\n[Timer]\nOnActiveSec=\nOnActiveSec=5m\n");
    host.guest.systemctl(&["daemon-reload"]);
    host.guest.systemctl(&["restart", "teleport-update.timer"]);
    println!("machine: {}", figures::machine());
    println!(
        "in a guest: systemd over its own bus, an agent, an enabled updater with its five-minute timer armed"
    );
    let own = std::env::current_exe().expect("own path");
    let own =
        format!("/usr/local/libexec/selfcheck/deps/{}", own.file_name().expect("name").to_string_lossy());
    let output = host.guest.run(User::Root, &[&own, "--inside"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let measured: inside::Measured = serde_json::from_slice(&output.stdout).expect("figures");
    for (what, sample, target) in [
        ("timer stopped or started to new status", &measured.systemd, P99_MS),
        ("update.yaml renamed to new status", &measured.file, P99_MS),
        ("timer stopped or started to counted by the auth server", &measured.visible, VISIBLE_P99_MS),
    ] {
        println!("{what}: {sample}, p99 {:.0} µs", sample.at(99));
        figures::verdict(&format!("{what}, p99, ms"), sample.at(99) / 1e3, "at most", target);
    }
    figures::verdict("wake-ups in 60 s of idleness", measured.wake_ups, "at most", WAKE_UPS);
    figures::verdict(
        "looks across a firing of the timer",
        measured.looks_per_firing,
        "at most",
        LOOKS_PER_FIRING,
    );
    figures::verdict(
        "resident memory added to an empty tokio program, MB",
        measured.added_mb,
        "at most",
        ADDED_MB,
    );
    println!("the same with the feature `kubernetes` linked in: {:.2} MB", measured.with_kubernetes_mb);
    figures::verdict("descriptors added", measured.descriptors, "at most", DESCRIPTORS);
    println!(
        "10,000 rewrites of update.yaml took {:.2} s and {} looks",
        measured.storm_seconds, measured.storm_looks
    );
    let rate = measured.storm_looks / measured.storm_seconds;
    figures::verdict("looks per second in that storm", rate, "at most", LOOKS_PER_SECOND);
}
