//! Every remedy of the catalogue, executed as it is printed, makes the finding go away that led to it.

use selfcheck_core::RemedyId;
use selfcheck_tests::Host;
use selfcheck_tests::User;

use crate::pods;

use super::boot::in_a_unit_of_another_name;

const UNITS: &str = "/etc/systemd/system";
const TIMER: &str = "teleport-update.timer";
const SERVICE: &str = "teleport-update.service";
const CONFIG: &str = "/opt/teleport/default/update.yaml";

/// Remedies that no test executes, and why.
const NOT_EXECUTED: &[(RemedyId, &str)] =
    &[(RemedyId::ShowDenials, "a guest shares the kernel of its host, and SELinux is not in it")];

/// Makes a test of each line: its name, the remedy, the finding, how it comes about, and what has to happen before the
/// finding can go away.
macro_rules! executed {
    ($($name:ident: $remedy:ident, $reason:literal, $host:expr, $break:expr $(, then $then:expr)?;)*) => {
        /// The remedies that are executed here.
        const EXECUTED: &[RemedyId] = &[$(RemedyId::$remedy),*];

        $(#[test]
        fn $name() {
            let Some(host) = $host else { return };
            let arrange: fn(&Host) -> Vec<&'static str> = $break;
            let flags = arrange(&host);
            execute(&host, RemedyId::$remedy, $reason, &flags);
            $(let then: fn(&Host) = $then; then(&host);)?
            let after = host.status(User::Root, &flags);
            let found: Vec<_> = after.findings.iter().map(|finding| finding.reason.code()).collect();
            assert!(!found.contains(&$reason), "still {found:?}");
        })*
    };
}

/// Runs the remedy that is named against `reason`, which must be this one.
fn execute(host: &Host, id: RemedyId, reason: &str, flags: &[&str]) {
    let status = host.status(if id == RemedyId::LookAsRoot { User::Ordinary } else { User::Root }, flags);
    let found: Vec<_> = status.findings.iter().map(|finding| finding.reason.code()).collect();
    assert!(found.contains(&reason), "{reason} is not found: {found:?}");
    let remedy = status.remedy.unwrap_or_else(|| panic!("no remedy against {found:?}"));
    assert_eq!(remedy.id, id, "{remedy:?}");
    let line = &remedy.shell;
    // A look ends with the verdict's own exit code.
    let output = host.guest.run(User::Root, &["sh", "-ec", line]);
    let looks = matches!(id, RemedyId::LookAsRoot | RemedyId::LookLonger);
    assert!(looks || output.status.success(), "`{line}`: {}", selfcheck_tests::shown(&output));
}

fn reload(host: &Host) {
    host.guest.systemctl(&["daemon-reload"]);
}

/// Writes the text of the updater's own unit file anew.
fn write_unit(host: &Host, unit: &str, text: &str) {
    host.guest.write(&format!("{UNITS}/{unit}"), text);
    reload(host);
}

/// The updater's own service file, with more settings.
fn service_with(host: &Host, more: &str) {
    let text = std::fs::read_to_string(host.guest.path(&format!("{UNITS}/{SERVICE}"))).expect("service");
    write_unit(host, SERVICE, &format!("{text}{more}"));
}

fn timer_with(host: &Host, more: &str) {
    let text = std::fs::read_to_string(host.guest.path(&format!("{UNITS}/{TIMER}"))).expect("timer");
    let text = text.replace("[Install]", &format!("{more}[Install]"));
    write_unit(host, TIMER, &text);
}

fn fails(host: &Host) {
    assert!(!host.run_updater().status.success(), "the run fails");
}

/// Puts the updater's unit where packages have theirs, and masks it.
fn mask_a_packaged(host: &Host, unit: &str, flags: &[&str]) {
    host.guest.must(&["mv", &format!("{UNITS}/{unit}"), "/usr/lib/systemd/system/"]);
    reload(host);
    host.guest.systemctl(&[&["mask"], flags, &[unit]].concat());
}

/// In place of `curl`, which the guest may lack, and of the proxy's TLS: prints what the proxy would.
fn serve_install_script(host: &Host) {
    let proxy = host.proxy.address();
    host.guest.install("standin-teleport", "/srv/download/teleport");
    host.guest.install("standin-teleport-update", "/srv/download/teleport-update");
    host.guest.write(
        "/usr/local/sbin/curl",
        &format!(
            "#!/bin/sh\n[ \"$*\" = '-fsSL https://{proxy}/scripts/install.sh' ] || exit 22\n\
             echo /srv/download/teleport-update enable --proxy {proxy}\n"
        ),
    );
    host.guest.must(&["chmod", "755", "/usr/local/sbin/curl"]);
}

fn without_program(host: &Host) {
    serve_install_script(host);
    host.guest.must(&[
        "sh",
        "-c",
        "rm -f /usr/local/bin/teleport-update /opt/teleport/system/bin/teleport-update",
    ]);
}

const NOW: &[&str] = &["--policy", "/run/policy.yaml"];

executed! {
    enables_an_updater_that_never_was: EnableV2, "updater-not-enabled", Host::with_package(), |_| vec![];
    enables_what_is_disabled: EnableV2, "updates-disabled", Host::accompanied(), |host| {
        host.guest.must(&["teleport-update", "disable"]);
        vec![]
    };
    creates_update_yaml: EnableV2, "config-missing", Host::accompanied(), |host| {
        host.guest.must(&["rm", CONFIG]);
        vec![]
    };
    creates_the_timer: EnableV2, "timer-missing", Host::accompanied(), |host| {
        host.guest.systemctl(&["stop", TIMER]);
        host.guest.must(&["rm", &format!("{UNITS}/{TIMER}")]);
        reload(host);
        vec![]
    };
    replaces_a_mask: EnableV2, "timer-masked", Host::accompanied(), |host| {
        host.guest.must(&["ln", "-sf", "/dev/null", &format!("{UNITS}/{TIMER}")]);
        reload(host);
        vec![]
    };
    creates_the_service: EnableV2, "service-missing", Host::accompanied(), |host| {
        host.guest.must(&["rm", &format!("{UNITS}/{SERVICE}")]);
        reload(host);
        vec![]
    };
    replaces_a_mask_of_the_service: EnableV2, "service-masked", Host::accompanied(), |host| {
        host.guest.must(&["ln", "-sf", "/dev/null", &format!("{UNITS}/{SERVICE}")]);
        reload(host);
        vec![]
    };
    writes_a_service_that_systemd_could_not_read: EnableV2, "service-missing", Host::accompanied(), |host| {
        write_unit(host, SERVICE, "[Service]\nType=oneshot\n");
        vec![]
    };
    writes_the_services_program: EnableV2, "service-replaced", Host::accompanied(), |host| {
        write_unit(host, SERVICE, "[Service]\nType=oneshot\nExecStart=/bin/true\n");
        vec![]
    };
    writes_the_path_of_the_program: RewriteServiceV2, "run-failed", Host::accompanied(), |host| {
        write_unit(host, SERVICE, "[Service]\nType=oneshot\nExecStart=/nowhere/teleport-update update\n");
        fails(host);
        vec![]
    };
    writes_what_the_timer_starts: RewriteTimerV2, "timer-misdirected", Host::accompanied(), |host| {
        host.guest.write(&format!("{UNITS}/other.service"), "[Service]\nType=oneshot\nExecStart=/bin/true\n");
        timer_with(host, "Unit=other.service\n");
        host.guest.systemctl(&["restart", TIMER]);
        vec![]
    };
    writes_a_timer_that_lasts: EnableV2, "timer-disabled", Host::accompanied(), |host| {
        host.guest.must(&["mv", &format!("{UNITS}/{TIMER}"), "/run/systemd/system/"]);
        reload(host);
        vec![]
    };
    writes_a_timer_that_can_be_read: EnableV2, "timer-inactive", Host::accompanied(), |host| {
        host.guest.systemctl(&["stop", TIMER]);
        write_unit(host, TIMER, "[Timer]\nUnit=teleport-update.service\n[Install]\nWantedBy=teleport.service\n");
        vec![]
    };
    writes_a_timer_without_condition: EnableV2, "timer-inactive", Host::accompanied(), |host| {
        host.guest.systemctl(&["stop", TIMER]);
        let file = format!("{UNITS}/{TIMER}");
        host.edit(&file, "[Timer]", "ConditionPathExists=/run/ready\n[Timer]");
        reload(host);
        host.guest.systemctl(&["start", TIMER]);
        vec![]
    };
    writes_a_timer_that_repeats: RewriteTimerV2, "timer-not-armed", Host::accompanied(), |host| {
        let file = format!("{UNITS}/{TIMER}");
        host.edit(&file, "OnActiveSec=1m\nOnUnitActiveSec=5m\nRandomizedDelaySec=1m", "OnCalendar=2001-01-01");
        reload(host);
        host.guest.systemctl(&["restart", TIMER]);
        vec![]
    };
    tries_a_version_again: EnableV2, "rolled-back", Host::accompanied(), |host| {
        host.proxy.set_version("18.3.0");
        host.guest.write("/run/standin-unhealthy-18.3.0", "");
        fails(host);
        host.guest.must(&["rm", "/run/standin-unhealthy-18.3.0"]);
        vec![]
    };
    skips_a_target_no_more: EnableV2, "target-skipped", Host::accompanied(), |host| {
        host.edit(CONFIG, "    last_update:", "    skip:\n        version: 18.2.0\n    last_update:");
        vec![]
    };
    skips_a_newer_version_no_more: EnableV2, "target-skipped", Host::accompanied(), |host| {
        let text = std::fs::read_to_string(host.guest.path(CONFIG)).expect("update.yaml");
        let (before, _) = text.split_once("    last_update:").expect("last update");
        host.guest.write(CONFIG, &format!("{before}    skip:\n        version: 18.10.0\n"));
        vec![]
    };
    takes_over_from_one_that_fights: EnableV2, "two-updaters", Host::accompanied(), |host| {
        host.install_v1();
        vec![]
    };
    takes_over_from_a_wrong_endpoint: EnableV2, "v1-endpoint-wrong", Host::with_v1(), |host| {
        host.guest.write("/etc/teleport-upgrade.d/endpoint", "https://updates.releases.teleport.dev/v1/stable/cloud\n");
        vec![]
    };
    takes_over_from_a_bad_schedule: EnableV2, "v1-schedule-bad", Host::with_v1(), |host| {
        host.guest.must(&["rm", "/etc/teleport-upgrade.d/installer"]);
        vec![]
    };
    takes_over_from_a_held_package: EnableV2, "package-held", Host::with_v1(), |host| {
        host.guest.write("/var/lib/dpkg/status", "Package: teleport-ent\nStatus: hold ok installed\nVersion: 17.4.1\n");
        vec![]
    };
    takes_over_from_a_deprecated_one: EnableV2, "v1-deprecated", Host::with_v1(), |_| vec![];
    takes_over_from_a_script_that_is_gone: EnableV2, "run-failed", Host::with_v1(), |host| {
        host.guest.must(&["rm", "/usr/sbin/teleport-upgrade"]);
        assert!(!host.guest.run(User::Root, &["systemctl", "start", "teleport-upgrade.service"]).status.success());
        vec![]
    };

    installs_an_updater: InstallV2, "no-updater", Host::with_package(), |host| {
        without_program(host);
        vec![]
    };
    installs_a_program_that_is_gone: InstallV2, "run-failed", Host::accompanied(), |host| {
        without_program(host);
        fails(host);
        vec![]
    }, then |host| assert!(host.run_updater().status.success());
    installs_in_place_of_a_script_that_is_gone: InstallV2, "run-failed", Host::with_v1(), |host| {
        without_program(host);
        host.guest.must(&["rm", "/usr/sbin/teleport-upgrade"]);
        assert!(!host.guest.run(User::Root, &["systemctl", "start", "teleport-upgrade.service"]).status.success());
        vec![]
    };

    unpins: UnpinV2, "version-pinned", Host::accompanied(), |host| {
        host.guest.must(&["teleport-update", "pin"]);
        vec![]
    };
    sets_the_agents_proxy: SetProxyV2, "proxy-mismatch", Host::accompanied(), |host| {
        host.edit(CONFIG, &host.proxy.address(), "other.example.com:443");
        vec![]
    };
    sets_a_proxy_where_none_is: SetProxyV2, "config-corrupt", Host::accompanied(), |host| {
        host.edit(CONFIG, &format!("proxy: {}", host.proxy.address()), "proxy: \"\"");
        vec![]
    };
    sets_a_broken_file_aside: RewriteConfigV2, "config-corrupt", Host::accompanied(), |host| {
        host.guest.write(CONFIG, "spec: [\n");
        vec![]
    };
    sets_a_refused_file_aside: RewriteConfigV2, "config-corrupt", Host::accompanied(), |host| {
        host.edit(CONFIG, "enabled: true", "enabled: \"true\"");
        vec![]
    };
    forgets_a_mirror: ResetBaseUrlV2, "config-corrupt", Host::accompanied(), |host| {
        host.edit(CONFIG, "base_url: \"\"", "base_url: http://mirror.example.com");
        vec![]
    };
    writes_a_service_that_does_not_stay: RewriteServiceV2, "run-skipped", Host::accompanied(), |host| {
        service_with(host, "RemainAfterExit=yes\n");
        host.guest.systemctl(&["start", SERVICE]);
        vec![]
    };
    writes_a_service_without_condition: RewriteServiceV2, "run-skipped", Host::accompanied(), |host| {
        let file = format!("{UNITS}/{SERVICE}");
        host.edit(&file, "[Service]", "ConditionPathExists=/run/ready\n[Service]");
        host.fire_again_after("10ms");
        host.policy("thresholds: {overdue: 0s, overdue_periods: 0}\n");
        NOW.to_vec()
    };
    tries_an_update_again: RetryUpdateV2, "last-update-failed", Host::accompanied(), |host| {
        host.proxy.set_version("18.3.0");
        host.guest.write("/run/standin-unavailable-18.3.0", "");
        fails(host);
        host.guest.must(&["rm", "/run/standin-unavailable-18.3.0"]);
        vec![]
    };

    enables_the_timer: EnableTimer, "timer-disabled", Host::accompanied(), |host| {
        host.guest.systemctl(&["disable", "--now", TIMER]);
        vec![]
    };
    starts_the_timer: StartTimer, "timer-inactive", Host::accompanied(), |host| {
        host.guest.systemctl(&["stop", TIMER]);
        vec![]
    };
    restarts_the_timer: RestartTimer, "timer-not-armed", Host::accompanied(), |host| {
        let drop_in = format!("{UNITS}/{TIMER}.d/once.conf");
        host.guest.write(&drop_in, "[Timer]\nOnActiveSec=\nOnBootSec=1ms\nRandomizedDelaySec=0\nAccuracySec=1us\n");
        reload(host);
        host.guest.systemctl(&["restart", TIMER]);
        host.guest.systemctl(&["start", SERVICE]);
        host.guest.must(&["rm", &drop_in]);
        reload(host);
        vec![]
    };
    reverts_a_schedule_that_is_none: RevertTimer, "timer-inactive", Host::accompanied(), |host| {
        host.guest.systemctl(&["stop", TIMER]);
        host.drop_in(TIMER, "[Timer]\nOnActiveSec=\nOnUnitActiveSec=\n");
        vec![]
    };
    reverts_a_condition_of_the_timer: RevertTimer, "timer-inactive", Host::accompanied(), |host| {
        host.guest.systemctl(&["stop", TIMER]);
        host.drop_in(TIMER, "[Unit]\nConditionPathExists=/run/ready\n");
        host.guest.systemctl(&["start", TIMER]);
        vec![]
    };
    reverts_a_dependency_of_the_timer: RevertTimer, "timer-inactive", Host::accompanied(), |host| {
        host.guest.systemctl(&["stop", TIMER]);
        host.drop_in(TIMER, "[Unit]\nRequires=of-no-such-name.service\n");
        assert!(!host.guest.run(User::Root, &["systemctl", "start", TIMER]).status.success());
        vec![]
    };
    reverts_a_calendar_in_the_past: RevertTimer, "timer-not-armed", Host::accompanied(), |host| {
        host.drop_in(TIMER, "[Timer]\nOnActiveSec=\nOnUnitActiveSec=\nOnCalendar=2001-01-01\n");
        host.guest.systemctl(&["restart", TIMER]);
        vec![]
    };
    reverts_a_schedule_of_a_month: RevertTimer, "timer-not-armed", Host::accompanied(), |host| {
        host.drop_in(TIMER, "[Timer]\nOnActiveSec=\nOnUnitActiveSec=\nOnActiveSec=30d\nOnUnitActiveSec=30d\n");
        host.guest.systemctl(&["restart", TIMER]);
        vec![]
    };
    reverts_what_the_timer_starts: RevertTimer, "timer-misdirected", Host::accompanied(), |host| {
        host.guest.write(&format!("{UNITS}/other.service"), "[Service]\nType=oneshot\nExecStart=/bin/true\n");
        host.drop_in(TIMER, "[Timer]\nUnit=other.service\n");
        host.guest.systemctl(&["restart", TIMER]);
        vec![]
    };
    reverts_and_enables_a_timer_without_schedule: RevertEnableTimer, "timer-disabled", Host::accompanied(), |host| {
        host.guest.systemctl(&["disable", "--now", TIMER]);
        host.drop_in(TIMER, "[Timer]\nOnActiveSec=\nOnUnitActiveSec=\n");
        vec![]
    };
    reverts_the_services_program: RevertService, "service-replaced", Host::accompanied(), |host| {
        host.drop_in(SERVICE, "[Service]\nExecStart=\nExecStart=/bin/true\n");
        vec![]
    };
    reverts_a_service_that_systemd_does_not_load: RevertService, "service-missing", Host::accompanied(), |host| {
        host.drop_in(SERVICE, "[Service]\nExecStart=\n");
        vec![]
    };
    reverts_a_program_that_says_no: RevertService, "run-skipped", Host::accompanied(), |host| {
        host.drop_in(SERVICE, "[Service]\nExecCondition=/bin/false\n");
        host.fire();
        vec![]
    };
    reverts_a_user_that_is_not_there: RevertService, "run-failed", Host::accompanied(), |host| {
        host.drop_in(SERVICE, "[Service]\nUser=nobody-of-this-name\n");
        fails(host);
        vec![]
    };
    wants_the_timer_where_the_agent_is: WantTimer, "timer-inactive", in_a_unit_of_another_name(), |host| {
        host.guest.systemctl(&["stop", TIMER]);
        vec![]
    };
    unmasks_the_timer: UnmaskTimer, "timer-masked", Host::accompanied(), |host| {
        mask_a_packaged(host, TIMER, &["--now"]);
        vec![]
    };
    unmasks_the_service: UnmaskService, "service-masked", Host::accompanied(), |host| {
        mask_a_packaged(host, SERVICE, &[]);
        vec![]
    };
    unmasks_the_timer_of_this_boot: UnmaskRuntimeTimer, "timer-masked", Host::accompanied(), |host| {
        mask_a_packaged(host, TIMER, &["--runtime", "--now"]);
        vec![]
    };
    unmasks_the_service_of_this_boot: UnmaskRuntimeService, "service-masked", Host::accompanied(), |host| {
        mask_a_packaged(host, SERVICE, &["--runtime"]);
        vec![]
    };
    runs_the_updater_again: RunUpdater, "run-failed", Host::with_v1(), |host| {
        host.guest.write("/run/standin-v1-fails", "");
        assert!(!host.guest.run(User::Root, &["systemctl", "start", "teleport-upgrade.service"]).status.success());
        host.guest.must(&["rm", "/run/standin-v1-fails"]);
        vec![]
    };
    resets_the_updater: ResetUpdater, "run-failed", Host::accompanied(), |host| {
        for _ in 0..8 {
            host.run_updater();
        }
        vec![]
    };
    stops_a_run: StopRun, "run-stuck", Host::accompanied(), |host| {
        host.execute("/bin/sleep", "ExecStart=\nExecStart=PROGRAM infinity");
        host.guest.systemctl(&["start", "--no-block", SERVICE]);
        host.policy("thresholds: {stuck: 0s}\n");
        while host.judged(User::Root, NOW).1 != ["run-stuck"] {} // systemd has not started it yet
        NOW.to_vec()
    };
    restarts_the_agent: RestartAgent, "restart-needed", Host::with_package(), |host| {
        host.install_v1();
        host.guest.systemctl(&["start", "teleport-upgrade.service"]);
        vec![]
    };
    restarts_the_unit_that_runs_the_agent: RestartUnit, "running-old-binary", in_a_unit_of_another_name(), |host| {
        host.policy("thresholds: {old_binary: 0s}\n");
        host.proxy.set_version("18.3.0");
        assert!(host.run_updater().status.success());
        NOW.to_vec()
    };
    reloads_systemd: ReloadSystemd, "reload-needed", Host::accompanied(), |host| {
        let file = format!("{UNITS}/{TIMER}");
        host.edit(&file, "RandomizedDelaySec=1m", "RandomizedDelaySec=2m");
        vec![]
    };
    starts_the_bus: StartBus, "bus-unavailable", Host::accompanied(), |host| {
        host.guest.systemctl(&["stop", "dbus.socket", "dbus.service"]);
        vec![]
    };
    looks_as_root: LookAsRoot, "applicability-unreadable", Host::with_package(), |_| vec![];
    looks_longer: LookLonger, "bus-timeout", Host::accompanied(), |host| {
        let pause = "pid=$(systemctl show --value -p MainPID dbus.service); kill -STOP $pid; \
                     (sleep 5; kill -CONT $pid) >/dev/null 2>&1 &";
        host.guest.must(&["sh", "-c", pause]);
        vec![]
    };
}

#[test]
fn no_remedy_of_the_catalogue_is_left_out() {
    for id in RemedyId::ALL {
        let executed = EXECUTED.contains(id) || pods::EXECUTED_BY_KUBECTL.contains(id);
        let executed = executed || pods::EXECUTED_IN_PODS.contains(id) || pods::EXECUTED_BY_HELM == *id;
        let excused = NOT_EXECUTED.iter().any(|(excused, _)| excused == id);
        assert!(executed != excused, "{id}: executed {executed}, excused {excused}");
    }
}

#[test]
fn what_cannot_be_written_is_said_in_place_of_a_command() {
    let Some(host) = Host::accompanied() else { return };
    host.guest.must(&["rm", CONFIG]);
    for (folder, named) in [("/opt", "/opt/teleport/default"), (UNITS, UNITS)] {
        host.guest.must(&[
            "sh",
            "-ec",
            &format!("mount --bind {folder} {folder} && mount -o remount,bind,ro {folder}"),
        ]);
        let status = host.status(User::Root, &[]);
        assert_eq!((status.label().as_str(), &status.remedy), ("impaired.config-missing", &None));
        assert!(status.summary.contains(&format!("{named} is read-only")), "{}", status.summary);
        assert!(!host.text().contains("hint:"), "{}", host.text());
        host.guest.must(&["umount", folder]);
    }
    assert_eq!(host.status(User::Root, &[]).remedy.expect("remedy").id, RemedyId::EnableV2);
    // What writes nothing is still a remedy.
    host.guest.must(&["teleport-update", "enable"]);
    host.guest.systemctl(&["stop", TIMER]);
    host.guest.must(&["sh", "-ec", "mount --bind /etc/systemd/system /etc/systemd/system && mount -o remount,bind,ro /etc/systemd/system"]);
    assert_eq!(host.status(User::Root, &[]).remedy.expect("remedy").id, RemedyId::StartTimer);
    host.guest.must(&["umount", UNITS]);
}
