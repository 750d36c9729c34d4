//! The agent itself: its proxy, its process, its unit.

use selfcheck_tests::Host;
use selfcheck_tests::User;

#[test]
fn proxy_mismatch() {
    let Some(host) = Host::accompanied() else { return };
    let update = "/opt/teleport/default/update.yaml";
    let proxy = host.proxy.address();
    host.edit("/etc/teleport.yaml", &proxy, "Teleport.Example.com:3080");
    host.edit(update, &proxy, "https://teleport.example.com.:443");
    host.expect_as_root("accompanied", &[]);
    host.edit(update, "teleport.example.com", "other.example.com");
    host.expect_as_root("impaired", &["proxy-mismatch"]);
    // Who may not read teleport.yaml cannot compare, and says so.
    host.expect_with(User::Ordinary, &[], "accompanied", &[]);
    host.edit("/etc/teleport.yaml", "Teleport.Example.com:3080", &proxy);
    host.remedy_helps(&format!("sudo teleport-update enable --proxy {proxy}"));
}

#[test]
fn another_configuration_may_be_named() {
    let Some(host) = Host::accompanied() else { return };
    host.guest.write(
        "/etc/other.yaml",
        "teleport: {proxy_server: other.example.com}\nauth_service: {enabled: no}\nproxy_service: {enabled: no}\n",
    );
    host.expect_with(User::Root, &["-c", "/etc/other.yaml"], "impaired", &["proxy-mismatch"]);
}

#[test]
fn running_old_binary() {
    let Some(host) = Host::accompanied() else { return };
    let program = "/opt/teleport/default/versions/18.2.0/bin/teleport";
    host.guest.must(&["cp", program, "/run/teleport.new"]);
    host.guest.must(&["mv", "/run/teleport.new", program]);
    // Right after an update an agent may still be restarting.
    host.expect_as_root("accompanied", &[]);
    let policy = host.policy("thresholds: {old_binary: 0s}\n");
    host.expect_with(User::Root, &policy, "impaired", &["running-old-binary"]);
    // Who may not see what the process executes cannot tell.
    host.expect_with(User::Ordinary, &policy, "accompanied", &[]);
    let remedy = host.status(User::Root, &policy).remedy.expect("remedy");
    assert_eq!(remedy.shell, "sudo systemctl restart teleport.service");
    host.guest.must(&["sh", "-ec", &remedy.shell]);
    host.expect_with(User::Root, &policy, "accompanied", &[]);
}

#[test]
fn another_version_on_disk_counts_for_the_main_process_only() {
    let Some(host) = Host::accompanied() else { return };
    host.edit(
        "/opt/teleport/default/update.yaml",
        "active:\n        version: 18.2.0",
        "active:\n        version: 18.3.0",
    );
    let policy = host.policy("thresholds: {old_binary: 0s}\n");
    host.expect_with(User::Root, &policy, "impaired", &["running-old-binary"]);
    // After a graceful restart the former process serves its sessions to the end.
    let program = "/opt/teleport/default/versions/18.2.0/bin/teleport";
    host.guest.must(&["systemd-run", "--unit=former", program]);
    let former = host.guest.systemctl(&["show", "--value", "-p", "MainPID", "former.service"]);
    host.expect_with(
        User::Root,
        &[&["--pid", former.trim()], policy.as_slice()].concat(),
        "accompanied",
        &[],
    );
}

#[test]
fn an_agent_that_does_not_run_is_judged_all_the_same() {
    let Some(host) = Host::accompanied() else { return };
    host.guest.systemctl(&["stop", "teleport.service"]);
    host.expect_as_root("accompanied", &[]);
    let text = String::from_utf8_lossy(&host.look(User::Root, &[]).stdout).into_owned();
    assert!(
        text.contains("teleport, not running") && text.contains("agent process: no agent runs"),
        "{text}"
    );
}

#[test]
fn an_updater_enabled_behind_the_agents_back_is_told() {
    let Some(host) = Host::with_package() else { return };
    let pid = host.status(User::Root, &[]).agent.pid.expect("agent").to_string();
    // Enabling restarts the agent; a process from before still runs the packaged program.
    host.guest.must(&["systemd-run", "--unit=former", "/opt/teleport/system/bin/teleport"]);
    host.guest.must(&["teleport-update", "enable", "--group", "production"]);
    assert_ne!(host.status(User::Root, &[]).agent.pid.expect("agent").to_string(), pid);
    host.expect_as_root("accompanied", &[]);
    let former = host.guest.systemctl(&["show", "--value", "-p", "MainPID", "former.service"]);
    host.expect_with(User::Root, &["--pid", former.trim()], "accompanied", &["updater-changed-since-start"]);
}
