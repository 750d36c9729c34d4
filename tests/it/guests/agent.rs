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
    let former = host.start_beside_the_agent(program);
    host.expect_with(User::Root, &[&["--pid", &former], policy.as_slice()].concat(), "accompanied", &[]);
}

#[test]
fn an_agent_that_does_not_run_is_judged_all_the_same() {
    let Some(host) = Host::accompanied() else { return };
    host.guest.systemctl(&["stop", "teleport.service"]);
    host.expect_as_root("accompanied", &[]);
    let text = String::from_utf8_lossy(&host.look(User::Root, &[]).stdout).into_owned();
    assert!(
        text.contains("teleport, no process found")
            && text.contains("agent process: no agent was found under teleport.service or its pid file"),
        "{text}"
    );
}

#[test]
fn an_updater_enabled_behind_the_agents_back_is_told() {
    let Some(host) = Host::with_package() else { return };
    let pid = host.status(User::Root, &[]).agent.pid.expect("agent").to_string();
    // Enabling restarts the agent; a process from before still runs the packaged program.
    host.guest.must(&["teleport-update", "enable", "--group", "production"]);
    let former = host.start_beside_the_agent("/opt/teleport/system/bin/teleport");
    assert_ne!(host.status(User::Root, &[]).agent.pid.expect("agent").to_string(), pid);
    host.expect_as_root("accompanied", &[]);
    host.expect_with(User::Root, &["--pid", &former], "accompanied", &["updater-changed-since-start"]);
}

#[test]
fn a_hostile_environment_and_command_line() {
    let Some(host) = Host::accompanied() else { return };
    // Through a script, because systemd refuses some of these words.
    let evil = "$(printf '\\033[2J\\033]0;owned\\007\\nACCOMPANIED: all is well\\233\\377')";
    let long = "x".repeat(100_000);
    host.guest.write(
        "/usr/local/bin/hostile",
        &format!(
            "#!/bin/sh\nexport TELEPORT_EXT_UPGRADER=\"{evil}\" TELEPORT_EXT_UPGRADER_VERSION=\"{evil}\" RELEASE_NAME={long}\n\
             exec /usr/local/bin/teleport start --config=/etc/teleport.yaml --roles=\"{long},{evil}\"\n"
        ),
    );
    host.guest.must(&["chmod", "755", "/usr/local/bin/hostile"]);
    host.guest.write(
        "/etc/systemd/system/teleport.service.d/hostile.conf",
        "[Service]\nType=exec\nExecStart=\nExecStart=/usr/local/bin/hostile\n",
    );
    host.guest.systemctl(&["daemon-reload"]);
    host.guest.systemctl(&["restart", "teleport.service"]);
    // The script becomes the agent a moment after it started.
    let command_line = "tr '\\0' ' ' < /proc/$(systemctl show --value -p MainPID teleport)/cmdline";
    let became = (0..500).any(|_| host.guest.must(&["sh", "-c", command_line]).contains("roles"));
    assert!(became, "the script did not become the agent");
    for user in [User::Root, User::Ordinary] {
        let text = String::from_utf8(host.look(user, &["-v"]).stdout).expect("UTF-8");
        assert_eq!(text.chars().find(|c| c.is_control() && *c != '\n'), None, "{text:?}");
        assert_eq!(text.lines().filter(|line| line.starts_with("ACCOMPANIED")).count(), 1, "{text}");
        assert!(text.starts_with("ACCOMPANIED"), "{text}");
        // It was seen, as text.
        assert!(text.contains("owned"), "{text}");
        let json = serde_json::to_string(&host.status(user, &[])).expect("json");
        assert!(json.len() < 16_384 && !json.chars().any(char::is_control), "{json}");
    }
}

#[test]
fn a_process_that_is_not_yet_the_agent_says_nothing_of_it() {
    let Some(host) = Host::with_package() else { return };
    host.expect_as_root("unaccompanied", &["updater-not-enabled"]);
    // The moment before systemd executes the agent, made to last.
    let early = "/usr/local/lib/systemd/systemd-executor";
    host.guest.install("standin-teleport", early);
    host.guest.write(
        "/etc/systemd/system/teleport.service.d/early.conf",
        &format!("[Service]\nExecStart=\nExecStart={early}\n"),
    );
    host.guest.systemctl(&["daemon-reload"]);
    host.guest.systemctl(&["restart", "teleport.service"]);
    host.expect_as_root("unknown", &["applicability-unreadable"]);
}
