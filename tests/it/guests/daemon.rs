//! The daemon on a real systemd: what changes is told, and nothing else.

use selfcheck_tests::Followed;
use selfcheck_tests::Host;
use selfcheck_tests::Sidecar;
use selfcheck_tests::User;
use selfcheck_tests::eventually;

const CONFIG: &str = "/opt/teleport/default/update.yaml";
const TIMER: &str = "teleport-update.timer";

/// Replaces a file as careful programs do: written beside it and renamed.
fn rename_into(host: &Host, path: &str, change: impl Fn(String) -> String) {
    let text = std::fs::read_to_string(host.guest.path(path)).expect(path);
    host.guest.write(&format!("{path}.new"), &change(text));
    host.guest.must(&["mv", &format!("{path}.new"), path]);
}

#[test]
fn what_happens_to_the_units_is_told() {
    let Some(host) = Host::accompanied() else { return };
    let mut sidecar = Sidecar::start(&host);
    assert_eq!(sidecar.next_change().label(), "accompanied");
    let systemctl = |arguments: &[&str]| host.guest.systemctl(arguments);
    systemctl(&["stop", TIMER]);
    sidecar.tells("impaired.timer-inactive");
    systemctl(&["start", TIMER]);
    sidecar.tells("accompanied");
    systemctl(&["disable", TIMER]);
    sidecar.tells("impaired.timer-disabled");
    systemctl(&["enable", TIMER]);
    sidecar.tells("accompanied");
    // Masked behind systemd's back: no reload, no signal, only a file.
    let unit = format!("/etc/systemd/system/{TIMER}");
    host.guest.must(&["mv", &unit, "/run/kept"]);
    host.guest.must(&["ln", "-s", "/dev/null", &unit]);
    sidecar.tells("impaired.timer-masked");
    host.guest.must(&["mv", "/run/kept", &unit]);
    sidecar.tells("accompanied");
    // Masked through systemd, which needs the unit where packages put theirs.
    host.guest.must(&["mv", &unit, "/usr/lib/systemd/system/"]);
    systemctl(&["reenable", "--now", TIMER]);
    systemctl(&["mask", TIMER]);
    sidecar.tells("impaired.timer-masked");
    systemctl(&["unmask", TIMER]);
    systemctl(&["enable", "--now", TIMER]);
    sidecar.tells("accompanied");
}

#[test]
fn what_happens_to_runs_is_told() {
    let Some(host) = Host::accompanied() else { return };
    let mut sidecar = Sidecar::start(&host);
    assert_eq!(sidecar.next_change().label(), "accompanied");
    host.guest.write(
        "/etc/systemd/system/teleport-update.service.d/test.conf",
        "[Service]\nExecStart=\nExecStart=/usr/local/bin/teleport-update no-such-command\n",
    );
    host.guest.systemctl(&["daemon-reload"]);
    assert!(!host.run_updater().status.success());
    let failed = sidecar.tells("impaired.run-failed");
    assert_eq!(failed.findings[0].severity.code(), "warning", "once may be the network");
    for _ in 0..2 {
        assert!(!host.run_updater().status.success());
        sidecar.recheck();
    }
    let grave = sidecar.next_change();
    assert_eq!(grave.findings[0].severity.code(), "critical", "three times in a row: {grave:#?}");
    assert!(grave.proof.last_success.is_some_and(|success| Some(success) < grave.proof.last_run));
    host.guest.must(&["rm", "-r", "/etc/systemd/system/teleport-update.service.d"]);
    host.guest.systemctl(&["daemon-reload"]);
    assert!(host.run_updater().status.success());
    sidecar.tells("accompanied");
}

#[test]
fn what_happens_to_files_is_told() {
    let Some(host) = Host::accompanied() else { return };
    let mut sidecar = Sidecar::start(&host);
    assert_eq!(sidecar.next_change().label(), "accompanied");
    host.edit(CONFIG, "enabled: true", "enabled: false"); // in place
    sidecar.tells("held.updates-disabled");
    rename_into(&host, CONFIG, |text| text.replace("enabled: false", "enabled: true"));
    sidecar.tells("accompanied");
    host.guest.must(&["chmod", "0", CONFIG]); // root reads it all the same
    rename_into(&host, CONFIG, |text| text.replace("kind: update_config", "kind: other"));
    sidecar.tells("impaired.config-corrupt");
    rename_into(&host, CONFIG, |text| text.replace("kind: other", "kind: update_config"));
    sidecar.tells("accompanied");
    host.edit("/etc/teleport.yaml", &host.proxy.address(), "elsewhere.example.com:443");
    sidecar.tells("impaired.proxy-mismatch");
    host.edit("/etc/teleport.yaml", "elsewhere.example.com:443", &host.proxy.address());
    sidecar.tells("accompanied");
    // A configuration that is a link, and changed where it lies.
    host.guest.must(&["mkdir", "/srv/config"]);
    host.guest.must(&["mv", "/etc/teleport.yaml", "/srv/config/teleport.yaml"]);
    host.guest.must(&["ln", "-s", "../srv/config/teleport.yaml", "/etc/teleport.yaml"]);
    sidecar.recheck();
    host.edit("/srv/config/teleport.yaml", &host.proxy.address(), "elsewhere.example.com:443");
    sidecar.tells("impaired.proxy-mismatch");
    host.edit("/srv/config/teleport.yaml", "elsewhere.example.com:443", &host.proxy.address());
    sidecar.tells("accompanied");
    // A whole folder that goes and comes back.
    host.guest.must(&["mv", "/opt/teleport", "/opt/away"]);
    sidecar.tells("impaired.config-missing");
    host.guest.must(&["mv", "/opt/away", "/opt/teleport"]);
    sidecar.tells("accompanied");
}

#[test]
fn an_updater_that_comes_and_goes_is_told() {
    let Some(host) = Host::bare() else { return };
    let mut sidecar = Sidecar::start(&host);
    assert_eq!(sidecar.next_change().label(), "unknown.no-agent");
    host.install_agent();
    sidecar.tells("unaccompanied.updater-not-enabled");
    host.enable_updater();
    sidecar.tells("accompanied");
    // The older updater is revived beside it.
    host.install_v1();
    sidecar.tells("impaired.two-updaters");
    host.guest.systemctl(&["disable", "--now", "teleport-upgrade.timer"]);
    sidecar.tells("accompanied");
    // First the one, then the other is removed.
    for unit in ["teleport-upgrade.timer", "teleport-upgrade.service"] {
        host.guest.must(&["rm", &format!("/usr/lib/systemd/system/{unit}")]);
    }
    host.guest.systemctl(&["disable", "--now", TIMER]);
    for file in [TIMER, "teleport-update.service"] {
        host.guest.must(&["rm", &format!("/etc/systemd/system/{file}")]);
    }
    host.guest.systemctl(&["daemon-reload"]);
    host.guest.must(&["rm", CONFIG]);
    sidecar.tells("unaccompanied.updater-not-enabled");
}

#[test]
fn what_changes_nothing_is_not_told() {
    let Some(host) = Host::accompanied() else { return };
    let mut sidecar = Sidecar::start(&host);
    let first = sidecar.next_change();
    assert_eq!(first.label(), "accompanied");
    for _ in 0..3 {
        assert!(host.run_updater().status.success());
    }
    rename_into(&host, CONFIG, |text| text);
    host.guest.write("/etc/systemd/system/unrelated.service", "[Service]\nExecStart=/bin/true\n");
    host.guest.systemctl(&["daemon-reload"]);
    host.guest.systemctl(&["start", "unrelated.service"]);
    host.guest.must(&["touch", "/opt/teleport/default/update.lock", "/etc/unrelated"]);
    sidecar.recheck();
    let present = sidecar.status();
    assert_eq!((first.sequence, present.sequence), (Some(1), Some(1)));
    assert!(present.observed_at > first.observed_at && present.proof.last_run > first.proof.last_run);
}

#[test]
fn a_firing_of_the_timer_costs_one_look() {
    let Some(host) = Host::accompanied() else { return };
    // A run that takes a while, as real ones do.
    host.guest.write(
        "/etc/systemd/system/teleport-update.service.d/test.conf",
        "[Service]\nExecStartPre=/bin/sleep 1\n",
    );
    host.guest.systemctl(&["daemon-reload"]);
    let mut sidecar = Sidecar::start(&host);
    assert_eq!(sidecar.next_change().label(), "accompanied");
    host.fire_timer();
    let drop_in = "/etc/systemd/system/teleport-update.timer.d/soon.conf";
    host.edit(drop_in, "OnUnitActiveSec=5m", "OnUnitActiveSec=3s");
    host.guest.systemctl(&["daemon-reload"]);
    let firing = || {
        let ran = sidecar.status().proof.last_run;
        eventually("it fires", || sidecar.status().proof.last_run != ran);
    };
    firing();
    let looks = sidecar.looks();
    // Whatever follows the first of them is counted with the second.
    firing();
    firing();
    assert_eq!(sidecar.looks(), looks + 2, "one look for timer, run and end of run");
}

#[test]
fn the_examples_do_what_they_say() {
    let Some(host) = Host::accompanied() else { return };
    // As in an agent, whose program is one of those that the updater replaces.
    let versions = "/opt/teleport/default/versions/18.2.0/bin";
    for example in ["embed", "acknowledge"] {
        let built = format!("/usr/local/libexec/selfcheck/examples/{example}");
        host.guest.must(&["cp", &built, &format!("{versions}/{example}")]);
    }
    let told = Followed::start(&host.guest, "embedding", User::Root, &[&format!("{versions}/embed")]);
    assert_eq!(
        told.line(),
        "change 1: accompanied: teleport-update is scheduled, and its last run succeeded"
    );
    host.guest.systemctl(&["stop", TIMER]);
    assert_eq!(
        told.line(),
        "change 2: impaired: teleport-update's timer is stopped, so nothing starts the updater"
    );
    // The agent runs in a unit that does not start the timer and that a boot forgets.
    assert!(
        told.line().starts_with("    run `sudo systemctl add-wants multi-user.target teleport-update.timer")
    );
    host.guest.systemctl(&["stop", "embedding.service"]);
    let acknowledged = host.guest.must(&[&format!("{versions}/acknowledge")]);
    assert_eq!(
        acknowledged,
        "exempt: somebody took over its updates by policy\n\
         impaired: teleport-update's timer is stopped, so nothing starts the updater\n"
    );
}
