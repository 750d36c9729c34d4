//! Runs of the updater that fail, hang, roll back or skip.

use selfcheck_core::Severity;
use selfcheck_tests::Host;
use selfcheck_tests::User;

const CONFIG: &str = "/opt/teleport/default/update.yaml";
const SERVICE: &str = "teleport-update.service";

fn severity(host: &Host) -> Severity {
    let status = host.status(User::Root, &[]);
    assert_eq!(status.label(), "impaired.run-failed");
    status.findings[0].severity
}

#[test]
fn run_failed_for_want_of_the_proxy_and_mended() {
    let Some(mut host) = Host::accompanied() else { return };
    let address = host.proxy.address();
    // A drop-in that is for something else is none to take away because of this.
    host.drop_in(SERVICE, "[Service]\nEnvironment=NO_PROXY=localhost\n");
    let gone = std::mem::replace(&mut host.proxy, selfcheck_tests::Proxy::start("18.2.0"));
    drop(gone);
    assert!(!host.run_updater().status.success());
    host.expect("impaired", &["run-failed"]);
    assert_eq!(severity(&host), Severity::Warning);
    let finding = &host.status(User::Root, &[]).findings[0];
    assert!(!finding.evidence.contains_key("stopped_before"), "{finding:?}");
    assert!(finding.evidence.contains_key("exit_status"), "{finding:?}");
    // The cluster is reachable again, at another address.
    for file in [CONFIG, "/etc/teleport.yaml"] {
        host.edit(file, &address, &host.proxy.address());
    }
    host.remedy_helps("sudo systemctl start teleport-update.service");
}

#[test]
fn a_failure_of_the_system_is_critical() {
    let Some(host) = Host::accompanied() else { return };
    for command in ["/nonexistent/teleport-update", "PROGRAM -c 'kill -KILL $$$$'"] {
        host.execute("/bin/sh", &format!("ExecStart=\nExecStart={command}"));
        assert!(!host.run_updater().status.success());
        assert_eq!(severity(&host), Severity::Critical, "{command}");
    }
}

#[test]
fn a_start_limit_is_cleared_by_the_remedy() {
    let Some(host) = Host::accompanied() else { return };
    host.execute("/bin/true", "ExecStart=\nExecStart=PROGRAM");
    for _ in 0..8 {
        host.run_updater();
    }
    host.expect("impaired", &["run-failed"]);
    assert_eq!(severity(&host), Severity::Critical);
    host.remedy_helps(&format!("sudo systemctl reset-failed {SERVICE} && sudo systemctl start {SERVICE}"));
}

#[test]
fn a_program_that_is_gone_is_installed_again() {
    let Some(host) = Host::accompanied() else { return };
    host.guest.must(&[
        "sh",
        "-c",
        "rm -r /usr/local/bin/teleport-update /opt/teleport/system/bin/teleport-update",
    ]);
    assert!(!host.run_updater().status.success());
    let remedy = host.status(User::Root, &[]).remedy.expect("remedy");
    let proxy = host.proxy.address();
    assert_eq!(remedy.shell, format!("curl -fsSL https://{proxy}/scripts/install.sh | sudo bash"));
}

#[test]
fn run_stuck() {
    let Some(host) = Host::accompanied() else { return };
    host.execute("/bin/sleep", "ExecStart=\nExecStart=PROGRAM infinity");
    host.guest.systemctl(&["start", "--no-block", SERVICE]);
    // A run in progress is no fault, and its timer has no next run.
    let policy = host.policy("thresholds: {stuck: 0s}\n");
    while host.judged(User::Root, &policy).1 != ["run-stuck"] {
        host.expect("accompanied", &[]); // systemd has not started it yet
    }
    host.expect("accompanied", &[]);
    let remedy = host.status(User::Root, &policy).remedy.expect("remedy");
    assert_eq!(remedy.shell, format!("sudo systemctl stop {SERVICE}"));
    host.guest.must(&["sh", "-ec", &remedy.shell]);
    host.expect_with(User::Root, &policy, "impaired", &["run-failed"]);
}

#[test]
fn a_held_lock_is_seen() {
    let Some(host) = Host::accompanied() else { return };
    let look = "teleport-selfcheck debug updater-status --save-observation /run/seen.json";
    let seen = |command: &str| {
        host.guest.must(&["sh", "-c", command]);
        let seen = std::fs::read_to_string(host.guest.path("/run/seen.json")).expect("saved");
        serde_json::from_str::<serde_json::Value>(&seen).expect("json")["v2"]["lock"]["present"].clone()
    };
    assert_eq!(seen(look), "free");
    assert_eq!(seen(&format!("flock /opt/teleport/default/update.lock {look}")), "held");
}

#[test]
fn last_update_failed_and_mended() {
    let Some(host) = Host::accompanied() else { return };
    host.proxy.set_version("18.3.0");
    host.guest.write("/run/standin-unavailable-18.3.0", "");
    assert!(!host.run_updater().status.success());
    host.expect("impaired", &["last-update-failed", "run-failed"]);
    host.guest.must(&["rm", "/run/standin-unavailable-18.3.0"]);
    let remedy = host.status(User::Root, &[]).remedy.expect("remedy");
    assert_eq!(remedy.shell, "sudo teleport-update update --now");
    host.guest.must(&["sh", "-ec", &remedy.shell]);
    // The service itself has not run again yet; its timer or this remedy makes it.
    host.expect("impaired", &["run-failed"]);
    host.remedy_helps("sudo systemctl start teleport-update.service");
    assert_eq!(host.status(User::Root, &[]).agent.version.expect("version").as_str(), "18.3.0");
}

#[test]
fn rolled_back_then_silently_skipping() {
    let Some(host) = Host::accompanied() else { return };
    host.proxy.set_version("18.3.0");
    host.guest.write("/run/standin-unhealthy-18.3.0", "");
    assert!(!host.run_updater().status.success());
    host.expect("impaired", &["rolled-back", "run-failed"]);
    // From now on every run succeeds and does nothing.
    assert!(host.run_updater().status.success());
    host.expect("impaired", &["rolled-back"]);
    host.guest.must(&["rm", "/run/standin-unhealthy-18.3.0"]);
    host.remedy_helps("sudo teleport-update enable");
}

#[test]
fn target_skipped() {
    let Some(host) = Host::accompanied() else { return };
    host.edit(CONFIG, "    last_update:", "    skip:\n        version: 18.2.0\n    last_update:");
    host.expect("impaired", &["target-skipped"]);
    host.edit(CONFIG, "skip:\n        version: 18.2.0", "skip:\n        version: 18.1.9");
    host.expect("accompanied", &[]);
}
