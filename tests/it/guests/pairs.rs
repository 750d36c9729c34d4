//! Two states at once, of which one could hide the other.

use selfcheck_tests::Host;
use selfcheck_tests::User;

const TIMER: &str = "teleport-update.timer";
const TIMER_FILE: &str = "/etc/systemd/system/teleport-update.timer";
const CONFIG: &str = "/opt/teleport/default/update.yaml";
const ENABLE: &str = "sudo teleport-update enable";

#[test]
fn disabled_and_masked() {
    let Some(host) = Host::accompanied() else { return };
    host.guest.systemctl(&["disable", "--now", TIMER]);
    host.guest.must(&["ln", "-sf", "/dev/null", TIMER_FILE]);
    host.guest.systemctl(&["daemon-reload"]);
    // Enabling it would fail: the mask is the link of the chain that must be mended.
    host.expect("impaired", &["timer-masked"]);
    host.remedy_helps(ENABLE);
}

#[test]
fn paused_by_a_person_and_masked() {
    let Some(host) = Host::accompanied() else { return };
    host.guest.must(&["teleport-update", "disable"]);
    host.guest.must(&["ln", "-sf", "/dev/null", TIMER_FILE]);
    host.guest.systemctl(&["daemon-reload"]);
    host.expect("impaired", &["timer-masked", "updates-disabled"]);
    host.remedy_helps(ENABLE);
}

#[test]
fn pinned_and_failing() {
    let Some(host) = Host::accompanied() else { return };
    let nobody = "127.0.0.1:1";
    for file in [CONFIG, "/etc/teleport.yaml"] {
        host.edit(file, &host.proxy.address(), nobody);
    }
    assert!(!host.run_updater().status.success());
    host.guest.must(&["teleport-update", "pin"]);
    // A pinned updater asks all the same, and fails while nobody answers.
    assert!(!host.run_updater().status.success());
    host.expect("impaired", &["run-failed", "version-pinned"]);
    for file in [CONFIG, "/etc/teleport.yaml"] {
        host.edit(file, nobody, &host.proxy.address());
    }
    assert!(host.run_updater().status.success());
    host.expect("held", &["version-pinned"]);
}

#[test]
fn a_broken_configuration_and_a_stopped_timer() {
    let Some(host) = Host::accompanied() else { return };
    host.guest.write(CONFIG, "version: v1\nkind: [\n");
    host.guest.systemctl(&["stop", TIMER]);
    host.expect("impaired", &["config-corrupt", "timer-inactive"]);
}

#[test]
fn a_broken_default_installation_beside_a_healthy_one_and_the_reverse() {
    let Some(host) = Host::accompanied() else { return };
    host.configure("blue", "auth_service: {enabled: no}\nproxy_service: {enabled: no}\n");
    host.guest.must(&["teleport-update", "--install-suffix", "blue", "enable", "--group", "production"]);
    host.guest.systemctl(&["start", "teleport_blue.service", "teleport-update_blue.service"]);
    let blue = ["--install-suffix", "blue"];
    let expect = |default: (&str, &[&str]), suffixed: (&str, &[&str])| {
        for user in [User::Root, User::Ordinary] {
            host.expect_with(user, &[], default.0, default.1);
            host.expect_with(user, &blue, suffixed.0, suffixed.1);
        }
    };
    expect(("accompanied", &[]), ("accompanied", &[]));
    host.guest.systemctl(&["stop", TIMER]);
    expect(("impaired", &["timer-inactive"]), ("accompanied", &[]));
    host.guest.systemctl(&["start", TIMER]);
    host.guest.systemctl(&["disable", "--now", "teleport-update_blue.timer"]);
    expect(("accompanied", &[]), ("impaired", &["timer-disabled"]));
}
