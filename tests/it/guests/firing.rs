//! What a firing of the timer leads to: a run of the updater, or of something else, or nothing.

use selfcheck_core::Severity;
use selfcheck_tests::Host;
use selfcheck_tests::User;

const TIMER: &str = "teleport-update.timer";
const SERVICE: &str = "teleport-update.service";
const UPDATER: &str = "/usr/local/bin/teleport-update";
/// What takes away all drop-ins of the service.
const REVERT: &str =
    "sudo systemctl revert teleport-update.service && sudo systemctl restart teleport-update.service";

fn evidence(host: &Host, name: &str) -> String {
    let status = host.status(User::Root, &[]);
    let value = &status.findings[0].evidence[name];
    serde_json::to_value(value).expect("json").as_str().expect("text").to_owned()
}

#[test]
fn a_timer_that_starts_another_unit() {
    let Some(host) = Host::accompanied() else { return };
    host.guest.write("/etc/systemd/system/other.service", "[Service]\nType=oneshot\nExecStart=/bin/true\n");
    host.drop_in(TIMER, &format!("[Timer]\nUnit={SERVICE}\n"));
    host.guest.systemctl(&["restart", TIMER]);
    host.expect("accompanied", &[]);
    host.drop_in(TIMER, "[Timer]\nUnit=other.service\n");
    host.guest.systemctl(&["restart", TIMER]);
    host.expect("impaired", &["timer-misdirected"]);
    assert_eq!(evidence(&host, "starts"), "other.service");
    assert_eq!(evidence(&host, "drop_in"), format!("/etc/systemd/system/{TIMER}.d/test.conf"));
    host.remedy_helps(&format!("sudo systemctl revert {TIMER} && sudo systemctl restart {TIMER}"));
}

#[test]
fn a_timer_that_is_a_link_to_another_one() {
    let Some(host) = Host::accompanied() else { return };
    let units = "/usr/lib/systemd/system";
    host.guest.write(&format!("{units}/backup.service"), "[Service]\nType=oneshot\nExecStart=/bin/true\n");
    host.guest.write(&format!("{units}/backup.timer"), "[Timer]\nOnActiveSec=1m\nOnUnitActiveSec=5m\n");
    host.guest.systemctl(&["stop", TIMER]);
    host.guest.must(&[
        "ln",
        "-sf",
        &format!("{units}/backup.timer"),
        &format!("/etc/systemd/system/{TIMER}"),
    ]);
    host.guest.systemctl(&["daemon-reload"]);
    host.guest.systemctl(&["start", TIMER]);
    host.expect("impaired", &["timer-misdirected"]);
    assert_eq!(evidence(&host, "starts"), "backup.service");
    host.remedy_helps(&format!("sudo teleport-update enable && sudo systemctl restart {TIMER}"));
}

#[test]
fn a_service_that_is_an_alias_is_the_updaters_all_the_same() {
    let Some(host) = Host::accompanied() else { return };
    let own = format!("/etc/systemd/system/{SERVICE}");
    host.guest.must(&["mv", &own, "/etc/systemd/system/updates-of-teleport.service"]);
    host.guest.must(&["ln", "-s", "updates-of-teleport.service", &own]);
    host.guest.systemctl(&["daemon-reload"]);
    host.fire();
    host.expect("accompanied", &[]);
}

#[test]
fn a_service_that_stays_active() {
    let Some(host) = Host::accompanied() else { return };
    host.drop_in(SERVICE, "[Service]\nRemainAfterExit=yes\n");
    host.fire();
    host.expect("impaired", &["run-skipped"]);
    assert_eq!(host.judged_later(120), ("impaired".to_owned(), vec!["run-skipped"]));
    host.remedy_helps(REVERT);
    // One that stops as soon as nothing needs it runs again.
    host.drop_in(SERVICE, "[Unit]\nStopWhenUnneeded=yes\n[Service]\nRemainAfterExit=yes\n");
    host.fire();
    host.expect("accompanied", &[]);
}

#[test]
fn a_job_that_waits_for_ever() {
    let Some(host) = Host::accompanied() else { return };
    host.guest.write(
        "/etc/systemd/system/never.service",
        "[Service]\nType=oneshot\nTimeoutStartSec=infinity\nExecStart=/bin/sleep infinity\n",
    );
    host.drop_in(SERVICE, "[Unit]\nWants=never.service\nAfter=never.service\n");
    host.fire();
    // A job may wait for a while.
    host.expect("accompanied", &[]);
    assert_eq!(host.judged_later(50), ("accompanied".to_owned(), vec![]));
    for minutes in [61, 26 * 60] {
        assert_eq!(host.judged_later(minutes), ("impaired".to_owned(), vec!["run-skipped"]), "{minutes}");
    }
    host.guest.must(&["sh", "-ec", &REVERT.replace("sudo ", "")]);
    host.expect("accompanied", &[]);
}

#[test]
fn a_start_that_something_refuses() {
    for (setting, cause) in [
        ("ConditionPathExists=/run/ready", "ConditionPathExists=/run/ready"),
        ("ConditionPathExists=!/etc", "ConditionPathExists=!/etc"),
        ("AssertPathExists=/run/ready", "AssertPathExists=/run/ready"),
        ("ConditionHost=elsewhere", "ConditionHost"),
    ] {
        let Some(host) = Host::accompanied() else { return };
        host.drop_in(SERVICE, &format!("[Unit]\n{setting}\n"));
        // Once is once.
        host.fire();
        host.expect("accompanied", &[]);
        assert_eq!(host.judged_later(120), ("impaired".to_owned(), vec!["run-skipped"]), "{setting}");
        // Again and again, seen while it goes on.
        host.fire_again_after("200ms");
        let policy = host.policy("thresholds: {overdue: 1s, overdue_periods: 1}\n");
        selfcheck_tests::eventually(setting, || host.judged(User::Root, &policy).1 == ["run-skipped"]);
        let status = host.status(User::Root, &policy);
        let refused = serde_json::to_value(&status.findings[0].evidence["refused_by"]).expect("json");
        assert_eq!(refused, cause);
        assert_eq!(status.remedy.expect("remedy").shell, REVERT, "{setting}");
        host.guest.must(&["rm", &format!("/etc/systemd/system/{TIMER}.d/often.conf")]);
        host.guest.must(&["sh", "-ec", &REVERT.replace("sudo ", "")]);
        assert_eq!(host.judged(User::Root, &policy).0, "accompanied", "{setting}");
    }
}

#[test]
fn a_condition_that_holds_refuses_nothing() {
    let Some(host) = Host::accompanied() else { return };
    host.drop_in(SERVICE, "[Unit]\nConditionPathExists=/etc\n[Service]\nExecCondition=/bin/true\n");
    host.fire();
    host.expect("accompanied", &[]);
    // What is late later is the timer of the recording, which fires no more.
    assert_eq!(host.judged_later(120), ("impaired".to_owned(), vec!["timer-overdue"]));
}

#[test]
fn a_start_that_fails_because_of_another_unit() {
    let Some(host) = Host::accompanied() else { return };
    host.guest.write("/etc/systemd/system/broken.service", "[Service]\nType=oneshot\nExecStart=/bin/false\n");
    host.drop_in(SERVICE, "[Unit]\nRequires=broken.service\nAfter=broken.service\n");
    host.guest.must(&["sh", "-c", "systemctl start teleport-update.service || true"]);
    host.fire_again_after("200ms");
    // A reload is no reason to begin anew.
    host.guest.systemctl(&["daemon-reload"]);
    let policy = host.policy("thresholds: {overdue: 1s, overdue_periods: 1}\n");
    selfcheck_tests::eventually("skipped", || host.judged(User::Root, &policy).1 == ["run-skipped"]);
    // So that no run is known at all.
    host.guest.must(&["mv", &format!("/etc/systemd/system/{SERVICE}"), "/run/kept"]);
    host.guest.systemctl(&["stop", TIMER]);
    host.guest.systemctl(&["daemon-reload"]);
    host.guest.must(&["mv", "/run/kept", &format!("/etc/systemd/system/{SERVICE}")]);
    host.guest.systemctl(&["daemon-reload"]);
    host.guest.systemctl(&["start", TIMER]);
    selfcheck_tests::eventually("skipped", || host.judged(User::Root, &policy).1 == ["run-skipped"]);
}

#[test]
fn a_condition_that_is_a_program() {
    let Some(host) = Host::accompanied() else { return };
    host.drop_in(SERVICE, "[Service]\nExecCondition=/bin/false\n");
    host.fire();
    host.expect("impaired", &["run-skipped"]);
    assert_eq!(evidence(&host, "refused_by"), "ExecCondition");
    host.remedy_helps(REVERT);
}

#[test]
fn the_stamp_of_an_earlier_boot_is_no_firing() {
    let Some(host) = Host::accompanied() else { return };
    host.guest.must(&["mkdir", "-p", "/var/lib/systemd/timers"]);
    host.guest.must(&["touch", "-d", "3 hours ago", &format!("/var/lib/systemd/timers/stamp-{TIMER}")]);
    host.drop_in(TIMER, "[Timer]\nOnCalendar=*-01-01\nPersistent=yes\n");
    host.guest.systemctl(&["restart", TIMER]);
    let stamp =
        host.guest.systemctl(&["show", "-p", "LastTriggerUSec", "-p", "LastTriggerUSecMonotonic", TIMER]);
    assert!(stamp.contains("LastTriggerUSecMonotonic=0") && !stamp.contains("LastTriggerUSec=\n"), "{stamp}");
    host.expect("accompanied", &[]);
}

#[test]
fn a_failure_that_settings_hide_is_a_failure() {
    for settings in [
        format!("ExecStart=\nExecStart=-{UPDATER} no-such-command"),
        format!("ExecStart=\nExecStart={UPDATER} no-such-command\nSuccessExitStatus=1"),
        format!("ExecStart=\nExecStart=-{UPDATER} no-such-command\nExecStart=/bin/true"),
        format!("ExecStart=\nExecStart=-/usr/bin/timeout 5m {UPDATER} no-such-command"),
        format!("ExecStart=\nExecStart=-{UPDATER} no-such-command\nRemainAfterExit=no"),
    ] {
        let Some(host) = Host::accompanied() else { return };
        let before = host.status(User::Root, &[]).proof.last_success;
        host.drop_in(SERVICE, &format!("[Service]\n{settings}\n"));
        host.guest.systemctl(&["start", SERVICE]);
        host.expect("impaired", &["run-failed"]);
        let status = host.status(User::Root, &[]);
        assert_eq!(status.findings[0].severity, Severity::Warning);
        assert!(status.proof.last_success < before, "{settings}: a failure is given as a success");
        // systemd forgets how each line ended, but not how the last one did.
        host.guest.systemctl(&["daemon-reload"]);
        if settings.contains("/bin/true") {
            host.expect("accompanied", &[]);
            let text = host.text().replace("\n    ", " ");
            assert!(
                text.contains("systemd forgot it at a reload") && !text.contains("last run succeeded"),
                "{text}"
            );
            assert!(host.status(User::Root, &[]).proof.last_success < before, "{text}");
        } else {
            host.expect("impaired", &["run-failed"]);
        }
    }
}

#[test]
fn of_several_lines_that_of_the_updater_decides() {
    let Some(host) = Host::accompanied() else { return };
    host.drop_in(
        SERVICE,
        &format!("[Service]\nExecStart=\nExecStart=-/bin/false\nExecStart={UPDATER} update\n"),
    );
    host.fire();
    host.expect("accompanied", &[]);
    let status = host.status(User::Root, &[]);
    assert!(status.proof.last_success.is_some() && status.proof.last_success == status.proof.last_run);
}

#[test]
fn an_updater_that_is_started_again_and_again() {
    let Some(host) = Host::accompanied() else { return };
    host.drop_in(
        SERVICE,
        &format!(
            "[Unit]\nStartLimitIntervalSec=0\n[Service]\nRestart=on-failure\nRestartSec=1h\nExecStart=\n\
             ExecStart={UPDATER} no-such-command\n"
        ),
    );
    let _ = host.guest.run(User::Root, &["systemctl", "start", "--no-block", SERVICE]);
    selfcheck_tests::eventually("failed", || host.judged(User::Root, &[]).1 == ["run-failed"]);
    assert_eq!(host.judged_later(3), ("impaired".to_owned(), vec!["run-failed"]));
    // While it is at it again, too: it would not be but for the failure before.
    host.guest.systemctl(&["stop", SERVICE]);
    host.guest.write(
        "/usr/libexec/standin/teleport-update",
        "#!/bin/sh\n[ -e /run/tried ] && exec sleep infinity\ntouch /run/tried\nexit 1\n",
    );
    host.guest.must(&["chmod", "755", "/usr/libexec/standin/teleport-update"]);
    host.drop_in(
        SERVICE,
        "[Service]\nRestart=on-failure\nRestartSec=0\nExecStart=\nExecStart=/usr/libexec/standin/teleport-update\n",
    );
    host.guest.systemctl(&["start", "--no-block", SERVICE]);
    let restarts = || host.guest.systemctl(&["show", "--value", "-p", "NRestarts", SERVICE]);
    selfcheck_tests::eventually("again", || restarts() == "1\n");
    selfcheck_tests::eventually("runs", || host.judged(User::Root, &[]).1 == ["run-failed"]);
    let policy = host.policy("thresholds: {stuck: 0s}\n");
    host.expect_with(User::Root, &policy, "impaired", &["run-stuck", "run-failed"]);
    // Where it is started again whatever becomes of it, that shows nothing of how it ended.
    let Some(host) = Host::accompanied() else { return };
    host.drop_in(SERVICE, "[Service]\nType=simple\nRestart=always\nRestartSec=0\n");
    host.fire();
    selfcheck_tests::eventually("again", || {
        host.status(User::Root, &[])
            .unseen
            .iter()
            .any(|unseen| unseen.why.as_str().starts_with("systemd always restarts it"))
    });
}

#[test]
fn what_comes_before_the_updater_and_fails() {
    let Some(host) = Host::accompanied() else { return };
    host.drop_in(SERVICE, "[Service]\nExecStartPre=/bin/false\n");
    assert!(!host.run_updater().status.success());
    host.expect("impaired", &["run-failed"]);
    assert_eq!(evidence(&host, "stopped_before"), "teleport-update");
    host.remedy_helps(REVERT);
    host.drop_in(SERVICE, "[Service]\nExecStartPre=-/bin/false\n");
    assert!(host.run_updater().status.success());
    host.expect("accompanied", &[]);
}

#[test]
fn a_service_that_runs_another_program() {
    for command in
        ["/bin/true", "/bin/echo teleport-update", "/bin/sh -c 'exit 0'", "/usr/bin/env A=b /bin/true"]
    {
        let Some(host) = Host::accompanied() else { return };
        host.drop_in(SERVICE, &format!("[Service]\nExecStart=\nExecStart={command}\n"));
        host.fire();
        host.expect("impaired", &["service-replaced"]);
        // No run of the updater is claimed.
        assert_eq!(host.status(User::Root, &[]).proof.last_run, None, "{command}");
        host.guest.must(&["rm", &format!("/etc/systemd/system/{TIMER}.d/often.conf")]);
        host.remedy_helps(REVERT);
    }
    let Some(host) = Host::accompanied() else { return };
    host.edit(
        &format!("/etc/systemd/system/{SERVICE}"),
        "ExecStart=/usr/local/bin/teleport-update",
        "ExecStart=/bin/true",
    );
    host.guest.systemctl(&["daemon-reload"]);
    host.expect("impaired", &["service-replaced"]);
    host.remedy_helps("sudo teleport-update enable");
}

#[test]
fn a_program_that_only_starts_the_updater() {
    let Some(host) = Host::accompanied() else { return };
    for command in [
        format!("/usr/bin/env HTTPS_PROXY=http://proxy:3128 {UPDATER} update"),
        format!("/usr/bin/nice -n 10 /usr/bin/timeout 30m {UPDATER} --install-suffix=default update"),
        format!("/usr/bin/flock /run/updates.lock {UPDATER} update"),
        format!("/bin/sh -c 'exec {UPDATER} update'"),
        format!("@{UPDATER} updater-of-teleport update"),
    ] {
        host.drop_in(SERVICE, &format!("[Service]\nExecStart=\nExecStart={command}\n"));
        host.fire();
        host.expect("accompanied", &[]);
        let proof = host.status(User::Root, &[]).proof;
        assert!(proof.last_success.is_some() && proof.last_success == proof.last_run, "{command}");
    }
}

#[test]
fn what_cannot_be_seen_through_is_said() {
    let Some(host) = Host::accompanied() else { return };
    host.guest.write("/usr/local/bin/wrapper", "#!/bin/sh\nexec /usr/local/bin/teleport-update update\n");
    host.guest.must(&["chmod", "755", "/usr/local/bin/wrapper"]);
    host.drop_in(SERVICE, "[Service]\nExecStart=\nExecStart=/usr/local/bin/wrapper\n");
    host.fire();
    host.expect("accompanied", &[]);
    let text = host.text();
    assert!(text.contains("what teleport-update.service runs: `/usr/local/bin/wrapper` may start"), "{text}");
    assert!(!text.contains("its last run succeeded"), "{text}");
    host.drop_in(
        SERVICE,
        &format!("[Service]\nExecStart=\nExecStart=/bin/sh -c '{UPDATER} update || true'\n"),
    );
    host.fire();
    host.expect("accompanied", &[]);
    let text = host.text();
    assert!(text.contains("how the updater in teleport-update.service ended"), "{text}");
}

#[test]
fn a_service_of_the_older_updater_is_judged_alike() {
    let Some(host) = Host::with_v1() else { return };
    let service = "teleport-upgrade.service";
    host.expect("accompanied", &["v1-deprecated"]);
    host.drop_in(service, "[Service]\nExecStart=\nExecStart=/bin/true\n");
    host.expect("impaired", &["service-replaced", "v1-deprecated"]);
    host.drop_in(
        service,
        "[Service]\nExecStart=\nExecStart=-/usr/bin/nice /usr/sbin/teleport-upgrade nonsense\n",
    );
    host.expect("accompanied", &["v1-deprecated"]);
    host.drop_in("teleport-upgrade.timer", "[Timer]\nUnit=other.service\n");
    host.expect("impaired", &["timer-misdirected", "v1-deprecated"]);
}
