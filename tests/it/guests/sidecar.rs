//! The daemon beside a stock agent as a service, and the command that asks it.

use std::io::Read;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;

use selfcheck_tests::Followed;
use selfcheck_tests::Host;
use selfcheck_tests::Sidecar;
use selfcheck_tests::User;
use selfcheck_tests::eventually;

const UNIT: &str = "teleport-selfcheck.service";
const TIMER: &str = "teleport-update.timer";
const CONFIG: &str = "/opt/teleport/default/update.yaml";

fn text(output: &std::process::Output) -> (String, String) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (text(&output.stdout), text(&output.stderr))
}

fn property(host: &Host, name: &str) -> String {
    host.guest.systemctl(&["show", "--value", "-p", name, UNIT]).trim().to_owned()
}

#[test]
fn systemd_is_told_and_the_service_ends_cleanly() {
    let Some(host) = Host::accompanied() else { return };
    let mut sidecar = Sidecar::start_with(&host, "WatchdogSec=2s\n");
    sidecar.next_change();
    // Type=notify: it was ready when its start returned.
    assert_eq!(property(&host, "ActiveState"), "active");
    assert_eq!(
        property(&host, "StatusText"),
        "accompanied: teleport-update is scheduled, and its last run succeeded"
    );
    let fed = || property(&host, "WatchdogTimestampMonotonic");
    let first = fed();
    eventually("it is fed again", || fed() != first);
    host.guest.systemctl(&["stop", TIMER]);
    sidecar.tells("impaired.timer-inactive");
    let told = || property(&host, "StatusText").starts_with("impaired.timer-inactive: ");
    eventually("systemd knows", told);
    host.guest.systemctl(&["stop", UNIT]);
    assert_eq!(
        (property(&host, "Result"), property(&host, "ExecMainStatus")),
        ("success".into(), "0".into())
    );
    assert!(!Sidecar::socket(&host).exists(), "nothing is left");
}

#[test]
fn what_systemd_shows_moves_on_with_the_times() {
    let Some(host) = Host::with_package() else { return };
    host.guest.must(&["teleport-update", "enable"]);
    host.guest.systemctl(&["restart", "teleport.service"]);
    let mut sidecar = Sidecar::start(&host);
    let first = sidecar.next_change();
    assert!(first.summary.ends_with("its first run since boot is still to come"), "{}", first.summary);
    assert!(host.run_updater().status.success());
    // This is no change, but other words.
    eventually("systemd knows", || property(&host, "StatusText").ends_with("its last run succeeded"));
    assert_eq!(sidecar.status().sequence, first.sequence);
}

#[test]
fn a_daemon_that_hangs_or_is_not_where_it_should_be_is_mentioned() {
    let Some(host) = Host::accompanied() else { return };
    let _sidecar = Sidecar::start(&host);
    host.guest.systemctl(&["kill", "--signal=STOP", UNIT]);
    let (shown, errors) = text(&host.look(User::Root, &["--timeout", "300ms"]));
    assert!(shown.starts_with("ACCOMPANIED: "), "{shown}");
    assert_eq!(
        errors,
        "warning: what listens on `/run/teleport-selfcheck/default.sock` does not answer in time\n"
    );
    host.guest.systemctl(&["kill", "--signal=CONT", UNIT]);
    let (_, errors) = text(&host.look(User::Root, &["--socket", "/run/elsewhere.sock"]));
    assert_eq!(errors, "warning: no self-check daemon answers on `/run/elsewhere.sock`\n");
}

#[test]
fn the_policy_is_read_again_when_told_to() {
    let Some(host) = Host::accompanied() else { return };
    host.guest.systemctl(&["stop", TIMER]);
    let mut sidecar = Sidecar::start(&host);
    assert_eq!(sidecar.next_change().label(), "impaired.timer-inactive");
    let policy = "/etc/teleport-selfcheck/policy.yaml";
    host.guest.write(policy, "acknowledged: {reason: Ansible}\n");
    host.guest.systemctl(&["reload", UNIT]);
    assert_eq!(sidecar.next_change().label(), "exempt.acknowledged");
    host.guest.write(policy, "acknowledge: {reason: typing}\n");
    host.guest.systemctl(&["reload", UNIT]);
    sidecar.recheck();
    assert_eq!(sidecar.status().label(), "exempt.acknowledged", "what is not valid changes nothing");
    let log = std::fs::read_to_string(host.guest.path("/run/sidecar.log")).expect("log");
    assert!(
        log.contains("the policy stays as it was: policy `/etc/teleport-selfcheck/policy.yaml` is not valid"),
        "{log}"
    );
    let shown = |start: &'static str| property(&host, "StatusText").starts_with(start);
    eventually("systemd knows", || shown("the policy stays as it was: "));
    host.guest.must(&["rm", policy]);
    host.guest.systemctl(&["reload", UNIT]);
    assert_eq!(sidecar.next_change().label(), "impaired.timer-inactive");
    eventually("systemd knows", || shown("impaired.timer-inactive: "));
}

#[test]
fn a_second_daemon_does_not_steal_the_socket() {
    let Some(host) = Host::accompanied() else { return };
    let _sidecar = Sidecar::start(&host);
    let output = host.guest.run(User::Root, &["teleport-selfcheck", "daemon"]);
    let (_, error) = text(&output);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(
        error,
        "error: `/run/teleport-selfcheck/default.sock` is in use by another process\n\
         hint: another daemon runs there; end it, or give this one another `--socket`\n"
    );
}

#[test]
fn each_installation_has_its_own_and_the_end_of_one_leaves_the_other() {
    let Some(host) = Host::accompanied() else { return };
    let sidecar = Sidecar::start(&host);
    // As the example's page says: a copy of the unit.
    let unit =
        std::fs::read_to_string(host.guest.path(&format!("/etc/systemd/system/{UNIT}"))).expect("unit");
    let command = "ExecStart=/usr/local/bin/teleport-selfcheck daemon";
    let other = unit.replace(command, &format!("{command} --install-suffix other"));
    host.guest.write("/etc/systemd/system/teleport-selfcheck-other.service", &other);
    host.guest.systemctl(&["daemon-reload"]);
    host.guest.systemctl(&["start", "teleport-selfcheck-other.service"]);
    let ask = ["--live", "--install-suffix", "other"];
    assert_eq!(host.status(User::Root, &ask).label(), "unknown.no-agent");
    host.guest.systemctl(&["stop", "teleport-selfcheck-other.service"]);
    assert_eq!(host.look(User::Root, &ask).status.code(), Some(1));
    assert_eq!(sidecar.status().label(), "accompanied");
}

#[test]
fn a_killed_daemon_leaves_nothing_in_the_way() {
    let Some(host) = Host::accompanied() else { return };
    let _sidecar = Sidecar::start(&host);
    host.guest.must(&["mkdir", "/run/kept"]);
    host.guest.must(&["mv", "/run/teleport-selfcheck/default.sock", "/run/kept/"]);
    host.guest.systemctl(&["kill", "--signal=KILL", UNIT]);
    host.guest.systemctl(&["stop", UNIT]);
    host.guest.must(&["mkdir", "-p", "/run/teleport-selfcheck"]);
    host.guest.must(&["mv", "/run/kept/default.sock", "/run/teleport-selfcheck/"]);
    Sidecar::start(&host);
}

#[test]
fn the_command_compares_host_and_daemon() {
    let Some(host) = Host::accompanied() else { return };
    let mut sidecar = Sidecar::start(&host);
    sidecar.next_change();
    let (shown, errors) = text(&host.look(User::Root, &[]));
    assert!(shown.contains("  daemon        says the same, looked "), "{shown}");
    assert_eq!(errors, "");
    assert_eq!(host.status(User::Root, &[]).sequence, Some(1));
    assert_eq!(host.status(User::Root, &["--probe"]).sequence, None);
    assert_eq!(host.status(User::Root, &["--live"]).sequence, Some(1));
    let (shown, errors) = text(&host.look(User::Root, &["--live", "-v"]));
    assert!(shown.starts_with("ACCOMPANIED: "), "{shown}");
    assert_eq!(errors, "asked the self-check on `/run/teleport-selfcheck/default.sock`\n");

    // A daemon that is stopped in its tracks says what was the case then.
    host.guest.write("/run/policy.yaml", "acknowledged: {reason: Ansible}\n");
    let other = ["--policy", "/run/policy.yaml"];
    let (shown, _) = text(&host.look(User::Root, &other));
    assert!(
        shown.starts_with("EXEMPT: ")
            && shown.contains("  daemon        says otherwise: `accompanied`, looked "),
        "{shown}"
    );
    let (shown, errors) = text(&host.look(User::Root, &[&other[..], &["--format", "json"]].concat()));
    assert!(shown.contains("\"sequence\": null"), "{shown}");
    assert!(
        errors.starts_with(
            "warning: the daemon on `/run/teleport-selfcheck/default.sock` says accompanied, as of "
        ),
        "{errors}"
    );

    // Its socket is not for everybody, which hides nothing of the host.
    let (shown, errors) = text(&host.look(User::Ordinary, &["-v"]));
    assert!(shown.starts_with("ACCOMPANIED: "), "{shown}");
    assert_eq!(errors, "`/run/teleport-selfcheck/default.sock` may not be opened by this user\n");
    let output = host.look(User::Ordinary, &["--live"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output).1.contains("hint: ask as root, or leave out `--live`"), "{output:?}");
}

#[test]
fn a_daemon_is_found_by_the_installation_it_watches_over() {
    let Some(host) = Host::only_suffixed("blue") else { return };
    // It was not told which installation, and found the only one.
    let mut sidecar = Sidecar::start(&host);
    assert_eq!(sidecar.next_change().agent.namespace.name(), "blue");
    let (shown, errors) = text(&host.look(User::Root, &["-v"]));
    assert!(shown.contains("  daemon        says the same, looked "), "{shown}{errors}");
    assert_eq!(host.look(User::Root, &["--live", "--install-suffix", "blue"]).status.code(), Some(0));
    // It says nothing about any other.
    let (shown, errors) = text(&host.look(User::Root, &["-v", "--install-suffix", "red"]));
    assert!(shown.starts_with("UNKNOWN: ") && !shown.contains("  daemon "), "{shown}");
    let said = "the self-check daemon on `/run/teleport-selfcheck/default.sock` watches over the installation `blue`";
    assert_eq!(errors, format!("{said}\n"));
    let (_, errors) = text(&host.look(User::Root, &["--live", "--install-suffix", "red"]));
    assert_eq!(errors, format!("error: {said}\nhint: name that installation with `--install-suffix`\n"));
}

#[test]
fn an_agents_own_socket_is_in_its_data_directory() {
    let Some(host) = Host::accompanied() else { return };
    host.edit("/etc/teleport.yaml", "teleport:\n", "teleport:\n  data_dir: /srv/agent\n");
    let settings = "ExecStart=\nExecStart=/usr/local/bin/teleport-selfcheck daemon --socket /srv/agent/debug.sock\n\
                    ReadWritePaths=/srv\n";
    host.guest.must(&["mkdir", "-p", "/srv/agent"]);
    host.guest.write("/etc/teleport-2.yaml", "teleport: {data_dir: /srv/nowhere}\n");
    let _sidecar = Sidecar::start_at(&host, "/srv/agent/debug.sock", settings);
    let (shown, _) = text(&host.look(User::Root, &[]));
    assert!(shown.contains("  daemon        says the same, looked "), "{shown}");
    assert_eq!(host.look(User::Root, &["--live"]).status.code(), Some(0));
    let (_, errors) = text(&host.look(User::Root, &["--live", "--config", "/etc/teleport-2.yaml"]));
    assert!(errors.contains("/srv/nowhere/debug.sock"), "{errors}");
    host.guest.write("/etc/teleport-2.yaml", "teleport: {data_dir: [\n");
    let (_, errors) = text(&host.look(User::Root, &["--live", "--config", "/etc/teleport-2.yaml"]));
    assert!(
        errors.starts_with("error: the agent's configuration `/etc/teleport-2.yaml` could not be read: "),
        "{errors}"
    );
}

#[test]
fn a_daemon_is_followed_until_it_ends() {
    let Some(host) = Host::accompanied() else { return };
    let _sidecar = Sidecar::start(&host);
    let argv = ["teleport-selfcheck", "debug", "updater-status", "--live", "--watch", "--format=label"];
    let watch = Followed::start(&host.guest, "watch", User::Root, &argv);
    assert_eq!(watch.line(), "accompanied");
    // Another process is a change, and no other word.
    host.guest.systemctl(&["restart", "teleport.service"]);
    host.guest.systemctl(&["stop", TIMER]);
    assert_eq!(watch.line(), "impaired.timer-inactive");
    host.guest.systemctl(&["stop", UNIT]);
    assert_eq!(watch.line(), "unknown", "a label is a word even then");
    assert_eq!(watch.next_line(), None);
}

#[test]
fn beside_a_stock_agent_each_has_its_own_socket() {
    let Some(host) = Host::accompanied() else { return };
    // The agent's own debug service, which knows nothing of this project.
    host.guest.must(&["mkdir", "-p", "/var/lib/teleport"]);
    let listener = UnixListener::bind(host.guest.path("/var/lib/teleport/debug.sock")).expect("socket");
    std::thread::spawn(move || {
        for mut client in listener.incoming().flatten() {
            let mut request = [0; 1024];
            let _ = client.read(&mut request);
            let _ =
                client.write_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 19\r\n\r\n404 page not found\n");
        }
    });
    let (shown, errors) = text(&host.look(User::Root, &["-v"]));
    assert!(shown.starts_with("ACCOMPANIED: ") && !shown.contains("daemon"), "{shown}");
    assert_eq!(
        errors,
        "what listens on `/var/lib/teleport/debug.sock` has no self-check, as a stock agent\n"
    );
    assert_eq!(host.look(User::Root, &["--live"]).status.code(), Some(1));

    let mut sidecar = Sidecar::start(&host);
    sidecar.next_change();
    assert_eq!(host.look(User::Root, &["--live"]).status.code(), Some(0));
    let stock = ["--live", "--socket", "/var/lib/teleport/debug.sock"];
    let (_, errors) = text(&host.look(User::Root, &stock));
    assert!(
        errors.starts_with("error: what listens on `/var/lib/teleport/debug.sock` has no self-check"),
        "{errors}"
    );
}

#[test]
fn metrics_are_on_the_socket_and_in_a_file() {
    let Some(host) = Host::accompanied() else { return };
    let settings = "ExecStart=\nExecStart=/usr/local/bin/teleport-selfcheck daemon --metrics-file \
                    /run/teleport-selfcheck/selfcheck.prom\n";
    let mut sidecar = Sidecar::start_with(&host, settings);
    let status = sidecar.next_change();
    host.edit(CONFIG, "enabled: true", "enabled: false");
    sidecar.tells("held.updates-disabled");
    let metrics = sidecar.get("/metrics");
    for line in [
        "# TYPE teleport_updater_verdict gauge",
        "teleport_updater_verdict{verdict=\"held\"} 1",
        "teleport_updater_verdict{verdict=\"accompanied\"} 0",
        "teleport_updater_finding{reason=\"updates-disabled\"} 1",
        "# TYPE teleport_updater_probe_duration_seconds histogram",
    ] {
        assert!(metrics.lines().any(|found| found == line), "{line}: {metrics}");
    }
    let ran = status.proof.last_run.expect("ran").as_microsecond();
    let told: f64 = sidecar.metric("teleport_updater_last_run_timestamp_seconds");
    #[expect(clippy::cast_precision_loss, reason = "microseconds of this century fit")]
    let ran = ran as f64 / 1e6;
    assert!((told - ran).abs() < 0.001, "{told} {ran}");
    let page = include_str!("../../../docs/metrics.md");
    for line in metrics.lines().filter_map(|line| line.strip_prefix("# TYPE ")) {
        let (name, _) = line.split_once(' ').expect("a name");
        assert!(page.contains(&format!("| `{name}` |")), "{name} is not in docs/metrics.md");
    }
    // A run that changes nothing moves the file on.
    let file = host.guest.path("/run/teleport-selfcheck/selfcheck.prom");
    let in_file = |wanted: &str| std::fs::read_to_string(&file).unwrap_or_default().contains(wanted);
    eventually("the file is written", || in_file("teleport_updater_verdict{verdict=\"held\"} 1"));
    // node_exporter is another user, whatever the service's umask.
    assert_eq!(std::fs::metadata(&file).expect("file").permissions().mode() & 0o777, 0o644);
    let before = std::fs::read_to_string(&file).expect("file");
    assert!(host.run_updater().status.success());
    sidecar.recheck();
    eventually("it moves on", || std::fs::read_to_string(&file).expect("never half") != before);
    // What is no longer watched does not look as if it were.
    host.guest.systemctl(&["stop", UNIT]);
    assert!(!file.exists());
}
