//! Several installations on one host: only the agent's own is judged.

use selfcheck_tests::Host;
use selfcheck_tests::User;

const AGENT: &str =
    "auth_service: {enabled: no}\nproxy_service: {enabled: no}\nssh_service: {enabled: yes}\n";

/// A host with a healthy default installation and a healthy one named `blue`.
fn two() -> Option<Host> {
    let host = Host::accompanied()?;
    host.configure("blue", AGENT);
    host.guest.must(&["teleport-update", "--install-suffix", "blue", "enable", "--group", "production"]);
    host.guest.systemctl(&["start", "teleport_blue.service"]);
    host.guest.systemctl(&["start", "teleport-update_blue.service"]);
    Some(host)
}

#[test]
fn each_is_judged_by_its_own_parts() {
    let Some(host) = two() else { return };
    let blue = ["--install-suffix", "blue"];
    for flags in [[].as_slice(), &blue] {
        host.expect_with(User::Root, flags, "accompanied", &[]);
        host.expect_with(User::Ordinary, flags, "accompanied", &[]);
    }
    let status = host.status(User::Root, &blue);
    assert_eq!(status.agent.namespace.name(), "blue");
    assert_eq!(status.updater.expect("updater").unit.expect("unit").as_str(), "teleport-update_blue.timer");

    host.guest.must(&["ln", "-sf", "/dev/null", "/etc/systemd/system/teleport-update_blue.timer"]);
    host.guest.systemctl(&["daemon-reload"]);
    host.expect("accompanied", &[]);
    host.expect_with(User::Root, &blue, "impaired", &["timer-masked"]);
    let remedy = host.status(User::Root, &blue).remedy.expect("remedy");
    assert_eq!(remedy.shell, "sudo teleport-update --install-suffix blue enable");
    host.guest.must(&["sh", "-ec", &remedy.shell]);
    host.expect_with(User::Root, &blue, "accompanied", &[]);

    host.guest.must(&["teleport-update", "disable"]);
    host.expect("held", &["updates-disabled"]);
    host.expect_with(User::Root, &blue, "accompanied", &[]);
    let text = String::from_utf8_lossy(&host.look(User::Root, &[]).stdout).into_owned();
    assert!(text.contains("also here") && text.contains("`blue`"), "{text}");
}

#[test]
fn the_installation_is_that_of_the_process() {
    let Some(host) = two() else { return };
    host.guest.must(&["teleport-update", "--install-suffix", "blue", "disable"]);
    let pid = host.guest.systemctl(&["show", "--value", "-p", "MainPID", "teleport_blue.service"]);
    // Who may not see what a process executes still sees which unit it belongs to.
    for user in [User::Root, User::Ordinary] {
        let status = host.status(user, &["--pid", pid.trim()]);
        assert_eq!(
            (status.agent.namespace.name(), status.label().as_str()),
            ("blue", "held.updates-disabled")
        );
    }
}

#[test]
fn the_only_installation_of_a_host_is_the_one_judged() {
    let Some(host) = Host::only_suffixed("blue") else { return };
    for user in [User::Root, User::Ordinary] {
        let status = host.status(user, &[]);
        assert_eq!(
            (status.agent.namespace.name(), status.label().as_str()),
            ("blue", "accompanied"),
            "{user:?}"
        );
    }
}
