//! The older updater on a real host: alone, broken, and beside the newer one.

use selfcheck_core::UpdaterKind;
use selfcheck_tests::Host;
use selfcheck_tests::User;

const ENABLE: &str = "sudo teleport-update enable";
const SETTINGS: &str = "/etc/teleport-upgrade.d";
const DROP_IN: &str = "/etc/systemd/system/teleport-upgrade.service.d/teleport-update.conf";

#[test]
fn it_works_until_the_newer_one_takes_over() {
    let Some(host) = Host::with_v1() else { return };
    host.expect("accompanied", &["v1-deprecated"]);
    let status = host.status(User::Root, &[]);
    assert_eq!(status.updater.expect("updater").kind, UpdaterKind::Unit);
    assert_eq!(status.proof.last_run, status.proof.last_success);
    assert!(status.proof.last_run.is_some());
    assert_eq!(status.reporting.stock_view.expect("seen").external_upgrader, Some(UpdaterKind::Unit));
    // Its version server names the cluster too.
    host.status(User::Root, &["--save-observation", "/run/seen.json"]);
    let saved = std::fs::read_to_string(host.guest.path("/run/seen.json")).expect("saved");
    assert!(!saved.contains(&host.proxy.address()), "{saved}");
    host.expect_with(User::Root, &["--observation", "/run/seen.json"], "accompanied", &["v1-deprecated"]);
    host.guest.must(&["sh", "-ec", ENABLE]);
    host.guest.systemctl(&["restart", "teleport.service"]);
    // The older one's timer still fires, and does nothing.
    host.guest.systemctl(&["start", "teleport-upgrade.service"]);
    host.expect("accompanied", &["group-unset"]);
    assert_eq!(host.status(User::Root, &[]).updater.expect("updater").kind, UpdaterKind::Binary);
}

#[test]
fn two_updaters() {
    let Some(host) = Host::accompanied() else { return };
    // A reinstalled package brings the older one back to life.
    host.install_v1();
    host.expect("impaired", &["two-updaters"]);
    host.guest.write(&format!("{SETTINGS}/schedule"), "nop\n");
    host.expect("accompanied", &[]);
    host.guest.write(&format!("{SETTINGS}/schedule"), "1795600000 1795603600\n");
    host.guest.systemctl(&["disable", "--now", "teleport-upgrade.timer"]);
    host.expect("accompanied", &[]);
    host.guest.systemctl(&["enable", "--now", "teleport-upgrade.timer"]);
    host.expect("impaired", &["two-updaters"]);
    // A person paused the newer one: nothing fights, and nothing hides that.
    host.guest.must(&["teleport-update", "disable"]);
    host.expect("held", &["updates-disabled"]);
    host.edit("/opt/teleport/default/update.yaml", "enabled: false", "enabled: true");
    host.remedy_helps(ENABLE);
    assert!(host.guest.path(DROP_IN).exists());
}

#[test]
fn the_older_one_does_not_hide_that_the_newer_one_is_broken() {
    let Some(host) = Host::accompanied() else { return };
    host.install_v1();
    host.guest.must(&["ln", "-sf", "/dev/null", "/etc/systemd/system/teleport-update.timer"]);
    host.guest.systemctl(&["daemon-reload"]);
    host.expect("impaired", &["timer-masked", "two-updaters"]);
    host.remedy_helps(ENABLE);
}

#[test]
fn endpoint_wrong() {
    let Some(host) = Host::with_v1() else { return };
    let endpoint = format!("{SETTINGS}/endpoint");
    host.guest.write(&endpoint, "https://updates.releases.teleport.dev/v1/stable/cloud\n");
    host.expect("impaired", &["v1-endpoint-wrong", "v1-deprecated"]);
    host.guest.write(&endpoint, "https://other.example.com/v1\n");
    host.expect_as_root("impaired", &["v1-endpoint-wrong", "v1-deprecated"]);
    // An ordinary user cannot see which proxy is right.
    host.expect_with(User::Ordinary, &[], "accompanied", &["v1-deprecated"]);
    // What is no address is none in a saved observation either, and nothing of it is kept.
    host.guest.write(&endpoint, "https://user:hunter2@other.example.com/v1?token=hunter2\n");
    for user in [User::Root, User::Ordinary] {
        host.status(user, &["--save-observation", "/tmp/seen.json"]);
        let saved = host.guest.must(&["cat", "/tmp/seen.json"]);
        assert!(!saved.contains("hunter2") && !saved.contains("other.example.com"), "{saved}");
        let recorded = ["--observation", "/tmp/seen.json"];
        host.expect_with(User::Root, &recorded, "impaired", &["v1-endpoint-wrong", "v1-deprecated"]);
        host.guest.must(&["rm", "/tmp/seen.json"]);
    }
    host.guest.must(&["rm", &endpoint]);
    host.expect("impaired", &["v1-endpoint-wrong", "v1-deprecated"]);
}

#[test]
fn schedule_bad() {
    let Some(host) = Host::with_v1() else { return };
    let set = |name: &str, text: &str| host.guest.write(&format!("{SETTINGS}/{name}"), text);
    set("schedule", "");
    host.expect("accompanied", &["v1-deprecated"]);
    set("schedule", "nop");
    host.expect("impaired", &["v1-schedule-bad", "v1-deprecated"]);
    set("schedule", "1795600000 1795603600\n");
    host.expect("accompanied", &["v1-deprecated"]);
    for bad in ["nop\n", ""] {
        set("installer", bad);
        host.expect("impaired", &["v1-schedule-bad", "v1-deprecated"]);
    }
    host.guest.must(&["rm", &format!("{SETTINGS}/installer")]);
    host.expect("impaired", &["v1-schedule-bad", "v1-deprecated"]);
    // The updater itself reports success all along.
    host.guest.systemctl(&["start", "teleport-upgrade.service"]);
    host.expect("impaired", &["v1-schedule-bad", "v1-deprecated"]);
}

#[test]
fn a_schedule_that_nobody_writes_any_more() {
    let Some(host) = Host::with_v1() else { return };
    let policy = host.policy("thresholds: {v1_export: 0s}\n");
    host.expect_with(User::Root, &policy, "impaired", &["v1-schedule-bad", "v1-deprecated"]);
    // An ordinary user cannot see whether the agent knows that it should write one.
    host.expect_with(User::Ordinary, &policy, "accompanied", &["v1-deprecated"]);
    host.guest.must(&["rm", &format!("{SETTINGS}/schedule")]);
    host.expect_with(User::Root, &policy, "impaired", &["v1-schedule-bad", "v1-deprecated"]);
    host.expect("accompanied", &["v1-deprecated"]);
}

#[test]
fn restart_needed() {
    let Some(host) = Host::with_package() else { return };
    host.install_v1();
    host.guest.systemctl(&["start", "teleport-upgrade.service"]);
    // Which environment the agent started with only root can see.
    host.expect_as_root("impaired", &["restart-needed", "v1-deprecated"]);
    host.expect_with(User::Ordinary, &[], "accompanied", &["v1-deprecated"]);
    host.remedy_helps("sudo systemctl restart teleport.service");
}

#[test]
fn its_schedule_and_runs_are_judged_like_those_of_the_newer_one() {
    let Some(host) = Host::with_v1() else { return };
    let timer = "teleport-upgrade.timer";
    host.guest.systemctl(&["stop", timer]);
    host.expect("impaired", &["timer-inactive", "v1-deprecated"]);
    host.remedy_helps("sudo systemctl start teleport-upgrade.timer");
    host.guest.systemctl(&["disable", timer]);
    host.expect("impaired", &["timer-disabled", "v1-deprecated"]);
    host.remedy_helps("sudo systemctl enable --now teleport-upgrade.timer");
    // Its units are packaged: the mask covers them, and unmasking brings them back.
    host.guest.systemctl(&["mask", "--now", timer]);
    host.expect("impaired", &["timer-masked", "v1-deprecated"]);
    host.remedy_helps(
        "sudo systemctl unmask teleport-upgrade.timer && sudo systemctl enable --now teleport-upgrade.timer",
    );
    host.guest.systemctl(&["mask", "--runtime", "--now", timer]);
    host.expect("impaired", &["timer-masked", "v1-deprecated"]);
    host.remedy_helps(
        "sudo systemctl unmask --runtime teleport-upgrade.timer && sudo systemctl enable --now teleport-upgrade.timer",
    );
    host.guest.write("/run/standin-v1-fails", "");
    assert!(
        !host.guest.run(User::Root, &["systemctl", "start", "teleport-upgrade.service"]).status.success()
    );
    host.expect("impaired", &["run-failed", "v1-deprecated"]);
    host.guest.must(&["rm", "/run/standin-v1-fails"]);
    host.remedy_helps("sudo systemctl start teleport-upgrade.service");
}

#[test]
fn package_held() {
    let Some(host) = Host::with_v1() else { return };
    host.guest
        .write("/var/lib/dpkg/status", "Package: teleport-ent\nStatus: hold ok installed\nVersion: 17.4.1\n");
    host.expect("held", &["package-held", "v1-deprecated"]);
}
