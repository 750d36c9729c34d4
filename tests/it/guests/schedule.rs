//! Every link of the schedule chain broken for real, and its remedy run as printed.

use std::time::Duration;

use selfcheck_tests::Host;
use selfcheck_tests::SystemdGuest;
use selfcheck_tests::User;

const TIMER: &str = "teleport-update.timer";
const TIMER_FILE: &str = "/etc/systemd/system/teleport-update.timer";
const SERVICE: &str = "teleport-update.service";
const SERVICE_FILE: &str = "/etc/systemd/system/teleport-update.service";
const ENABLE: &str = "sudo teleport-update enable";

#[test]
fn timer_missing() {
    let Some(host) = Host::accompanied() else { return };
    host.guest.must(&["rm", TIMER_FILE]);
    // The timer still fires, but it will not outlive the next reload or boot.
    host.expect("impaired", &["timer-missing", "reload-needed"]);
    host.guest.systemctl(&["stop", TIMER]);
    host.guest.systemctl(&["daemon-reload"]);
    host.expect("impaired", &["timer-missing"]);
    host.remedy_helps(ENABLE);
}

#[test]
fn timer_masked_by_replacing_its_file() {
    let Some(host) = Host::accompanied() else { return };
    host.guest.must(&["ln", "-sf", "/dev/null", TIMER_FILE]);
    host.expect("impaired", &["timer-masked"]);
    host.guest.systemctl(&["daemon-reload"]);
    for user in [User::Root, User::Ordinary] {
        host.expect_with(user, &[], "impaired", &["timer-masked"]);
        let output = host.look(user, &[]);
        assert_eq!(output.status.code(), Some(10));
        assert!(String::from_utf8_lossy(&output.stdout).contains("masked"));
    }
    // Unmasking would leave no unit at all: the remedy must create it again.
    host.remedy_helps(ENABLE);
}

#[test]
fn what_systemd_saw_of_a_file_long_ago_is_asked_anew() {
    let Some(host) = Host::accompanied() else { return };
    // From the first question to the next reload it keeps to what it saw.
    let state = || host.guest.systemctl(&["show", "--value", "-p", "UnitFileState", TIMER]);
    assert_eq!(state(), "enabled\n");
    host.guest.must(&["mv", TIMER_FILE, "/run/kept"]);
    host.guest.must(&["ln", "-s", "/dev/null", TIMER_FILE]);
    assert_eq!(state(), "enabled\n");
    host.expect("impaired", &["timer-masked"]);
    host.guest.must(&["mv", "/run/kept", TIMER_FILE]);
    let link = "/etc/systemd/system/teleport.service.wants/teleport-update.timer";
    host.guest.must(&["rm", link]);
    assert_eq!(state(), "enabled\n");
    host.expect("impaired", &["timer-disabled"]);
    host.guest.must(&["ln", "-s", TIMER_FILE, link]);
    host.expect("accompanied", &[]);
}

#[test]
fn timer_masked_over_a_packaged_unit() {
    let Some(host) = Host::accompanied() else { return };
    let vendor = "/usr/lib/systemd/system/teleport-update.timer";
    host.guest.must(&["mv", TIMER_FILE, vendor]);
    host.guest.systemctl(&["daemon-reload"]);
    host.guest.systemctl(&["mask", "--now", TIMER]);
    host.expect("impaired", &["timer-masked"]);
    host.remedy_helps(&format!("sudo systemctl unmask {TIMER} && sudo systemctl enable --now {TIMER}"));
}

#[test]
fn service_missing() {
    let Some(host) = Host::accompanied() else { return };
    host.guest.must(&["rm", SERVICE_FILE]);
    host.guest.systemctl(&["daemon-reload"]);
    host.expect("impaired", &["service-missing"]);
    host.remedy_helps(ENABLE);
}

#[test]
fn service_masked() {
    let Some(host) = Host::accompanied() else { return };
    host.guest.must(&["ln", "-sf", "/dev/null", SERVICE_FILE]);
    host.guest.systemctl(&["daemon-reload"]);
    host.expect("impaired", &["service-masked"]);
    // A timer that cannot start its service fails; that is the same fault, not another one.
    let _ = host.guest.run(User::Root, &["systemctl", "restart", TIMER]);
    host.expect("impaired", &["service-masked"]);
    host.remedy_helps(ENABLE);
}

#[test]
fn timer_disabled() {
    let Some(host) = Host::accompanied() else { return };
    host.guest.systemctl(&["disable", TIMER]);
    host.expect("impaired", &["timer-disabled"]);
    host.guest.systemctl(&["stop", TIMER]);
    host.expect("impaired", &["timer-disabled"]);
    host.remedy_helps(&format!("sudo systemctl enable --now {TIMER}"));
}

#[test]
fn timer_inactive() {
    let Some(host) = Host::accompanied() else { return };
    host.guest.systemctl(&["stop", TIMER]);
    host.expect("impaired", &["timer-inactive"]);
    // On a host that has just booted the same is no fault yet.
    let policy = host.policy("thresholds: {boot_grace: 300h}\n");
    host.expect_with(User::Root, &policy, "accompanied", &[]);
    host.remedy_helps(&format!("sudo systemctl start {TIMER}"));
}

#[test]
fn timer_not_armed() {
    let Some(host) = Host::accompanied() else { return };
    // A timer that fires once after boot and never again.
    let drop_in = "/etc/systemd/system/teleport-update.timer.d/once.conf";
    host.guest
        .write(drop_in, "[Timer]\nOnActiveSec=\nOnBootSec=1ms\nRandomizedDelaySec=0\nAccuracySec=1us\n");
    host.guest.systemctl(&["daemon-reload"]);
    host.guest.systemctl(&["restart", TIMER]);
    host.guest.systemctl(&["start", SERVICE]);
    host.expect("impaired", &["timer-not-armed"]);
    host.guest.must(&["rm", drop_in]);
    host.guest.systemctl(&["daemon-reload"]);
    host.remedy_helps(&format!("sudo systemctl restart {TIMER}"));
}

#[test]
fn timer_never_fired() {
    let Some(host) = Host::accompanied() else { return };
    let seen = host.status(User::Root, &["--save-observation", "/run/seen.json"]);
    let at = |minutes: i64| (seen.observed_at + jiff::SignedDuration::from_mins(minutes)).to_string();
    let recorded = |at: &str| host.judged(User::Root, &["--observation", "/run/seen.json", "--now", at]);
    assert_eq!(recorded(&at(4)), ("accompanied".to_owned(), vec![]));
    assert_eq!(recorded(&at(6)), ("impaired".to_owned(), vec!["timer-never-fired"]));
}

#[test]
fn timer_overdue() {
    let Some(host) = Host::accompanied() else { return };
    host.fire_timer();
    let seen = host.status(User::Root, &["--save-observation", "/run/seen.json"]);
    let policy = host.policy("thresholds: {overdue: 0s, overdue_periods: 0}\n");
    let recorded = |at: jiff::Timestamp, more: &[&str]| {
        let at = at.to_string();
        host.judged(User::Root, &[&["--observation", "/run/seen.json", "--now", &at], more].concat())
    };
    // However short the patience, a timer that is armed is not late.
    let next = seen.proof.next_run.expect("armed");
    let second = jiff::SignedDuration::from_secs(1);
    assert_eq!(recorded(next - second, &policy), ("accompanied".to_owned(), vec![]));
    assert_eq!(recorded(next + second, &policy), ("impaired".to_owned(), vec!["timer-overdue"]));
    assert_eq!(recorded(next + second, &[]), ("accompanied".to_owned(), vec![]));
    let late = seen.observed_at + jiff::SignedDuration::from_mins(30);
    assert_eq!(recorded(late, &[]), ("impaired".to_owned(), vec!["timer-overdue"]));
}

#[test]
fn no_scheduler_and_unsupported() {
    let Some(host) = Host::accompanied() else { return };
    host.guest.must(&["rm", "-r", "/run/systemd/system"]);
    host.expect("impaired", &["no-scheduler"]);
    host.guest.must(&["rm", "/opt/teleport/default/update.yaml"]);
    host.expect("unsupported", &["platform-without-updater"]);
}

#[test]
fn a_host_that_has_just_woken_is_given_grace() {
    let Some(guest) = SystemdGuest::boot_having_slept(Duration::from_secs(3_600)) else { return };
    let host = Host::on(guest);
    host.install_agent();
    host.enable_updater();
    host.guest.systemctl(&["stop", TIMER]);
    // It slept once, but systemd does not know when it woke.
    host.expect("impaired", &["timer-inactive"]);
    let target = "[Unit]\nDescription=sleep\nDefaultDependencies=no\n";
    host.guest.write("/usr/lib/systemd/system/sleep.target", target);
    // systemd forgets a target that no loaded unit refers to.
    host.guest.write("/etc/systemd/system/dbus.service.d/sleep.conf", "[Unit]\nBefore=sleep.target\n");
    host.guest.systemctl(&["daemon-reload"]);
    host.guest.systemctl(&["start", "sleep.target"]);
    host.guest.systemctl(&["stop", "sleep.target"]);
    host.expect("accompanied", &[]);
    let policy = host.policy("thresholds: {boot_grace: 1us}\n");
    host.expect_with(User::Root, &policy, "impaired", &["timer-inactive"]);
    let seen = host.status(User::Root, &["--save-observation", "/run/seen.json"]);
    let until = seen.holds_until.expect("the grace ends");
    host.expect_with(
        User::Root,
        &["--observation", "/run/seen.json", "--now", &until.to_string()],
        "impaired",
        &["timer-inactive"],
    );
}
