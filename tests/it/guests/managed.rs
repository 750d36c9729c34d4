//! Whether the updater replaces the very file that the agent runs.

use selfcheck_tests::Host;
use selfcheck_tests::User;

const UNIT: &str = "teleport.service";
const VERSION: &str = "/opt/teleport/default/versions/18.2.0/bin/teleport";
const LINK: &str = "/usr/local/bin/teleport";

/// Lets the agent's unit start `command`, and starts it.
fn start(host: &Host, command: &str) {
    configured(host, &format!("ExecStart=\nExecStart={command}"));
}

/// Starts the agent with these settings of its unit.
fn configured(host: &Host, settings: &str) {
    host.drop_in(UNIT, &format!("[Unit]\nStartLimitIntervalSec=0\n[Service]\n{settings}\n"));
    host.guest.systemctl(&["restart", UNIT]);
}

/// Whoever may not see what a process executes cannot tell, and says so.
fn expect_unmanaged(host: &Host, runs: &str) {
    host.expect_as_root("impaired", &["agent-not-managed"]);
    host.expect_with(User::Ordinary, &[], "accompanied", &[]);
    let status = host.status(User::Root, &[]);
    assert!(status.remedy.is_none(), "{:?}", status.remedy);
    let stock = status.reporting.stock_view.expect("seen");
    assert!(stock.external_upgrader.is_none(), "{stock:?}");
    let text = host.text();
    assert!(
        text.contains(&format!("runs: {runs}")) && text.contains(&format!("updater_replaces: {VERSION}")),
        "{text}"
    );
}

#[test]
fn a_unit_that_starts_another_file() {
    let Some(host) = Host::accompanied() else { return };
    host.guest.must(&["cp", VERSION, "/usr/bin/teleport"]);
    start(&host, "/usr/bin/teleport start --config /etc/teleport.yaml");
    expect_unmanaged(&host, "/usr/bin/teleport");
    start(&host, "/usr/bin/env A=b /usr/bin/teleport start");
    expect_unmanaged(&host, "/usr/bin/teleport");
    // A link to what the updater replaces is what it replaces.
    host.guest.must(&["ln", "-sf", LINK, "/usr/bin/teleport"]);
    host.guest.systemctl(&["restart", UNIT]);
    host.expect("accompanied", &[]);
    // Where nothing is enabled, nothing is replaced.
    host.guest.must(&["sh", "-c", &format!("rm /usr/bin/teleport && cp {VERSION} /usr/bin/teleport")]);
    host.guest.systemctl(&["restart", UNIT]);
    host.guest.must(&["teleport-update", "disable"]);
    host.expect_as_root("held", &["updates-disabled", "updater-changed-since-start"]);
}

#[test]
fn a_copy_in_the_place_of_the_link() {
    let Some(host) = Host::accompanied() else { return };
    host.guest.must(&["sh", "-c", &format!("rm {LINK} && cp {VERSION} {LINK}")]);
    host.guest.systemctl(&["restart", UNIT]);
    expect_unmanaged(&host, LINK);
    // Where only the process runs another file, a restart helps.
    host.guest.must(&["ln", "-sf", VERSION, LINK]);
    host.expect_as_root("accompanied", &["updater-changed-since-start"]);
    let policy = host.policy("thresholds: {old_binary: 0s}\n");
    host.expect_with(User::Root, &policy, "impaired", &["running-old-binary", "updater-changed-since-start"]);
    let remedy = host.status(User::Root, &policy).remedy.expect("remedy");
    assert_eq!(remedy.shell, "sudo systemctl restart teleport.service");
    host.guest.must(&["sh", "-ec", &remedy.shell]);
    host.expect_with(User::Root, &policy, "accompanied", &[]);
}

#[test]
fn a_container_is_updated_by_its_image() {
    let Some(host) = Host::accompanied() else { return };
    host.guest.must(&["cp", "/bin/sleep", "/usr/bin/docker"]);
    start(&host, "/usr/bin/docker infinity");
    host.expect_as_root("impaired", &["agent-not-managed"]);
    let redeploy = "redeploy its image";
    assert!(host.text().replace("\n  ", " ").contains(redeploy), "{}", host.text());
    let hint = |text: &str| text.lines().any(|line| line.starts_with("hint:"));
    assert!(!hint(&host.text()), "{}", host.text());
    // No command installs an updater for it either.
    host.guest.must(&[
        "sh",
        "-c",
        "systemctl disable --now teleport-update.timer && rm -r /opt/teleport/default",
    ]);
    host.guest.must(&["sh", "-c", "rm /etc/systemd/system/teleport-update.* && systemctl daemon-reload"]);
    host.expect_as_root("unaccompanied", &["updater-not-enabled"]);
    assert!(host.text().replace("\n  ", " ").contains(redeploy) && !hint(&host.text()), "{}", host.text());
}

#[test]
fn wherever_the_versions_lie_they_are_what_the_updater_replaces() {
    for (what, prepare) in [
        ("a linked folder", "mv /opt/teleport /srv/teleport && ln -s /srv/teleport /opt/teleport"),
        (
            "a mount",
            "mkdir /srv/teleport && mv /opt/teleport/* /srv/teleport/ && mount --bind /srv/teleport /opt/teleport",
        ),
        (
            "an edition",
            "cd /opt/teleport/default/versions && mv 18.2.0 18.2.0_ent_fips && ln -sf \
                        /opt/teleport/default/versions/18.2.0_ent_fips/bin/teleport /usr/local/bin/teleport && sed -i \
                        's/version: 18.2.0/version: 18.2.0\\n        flags: [Enterprise, FIPS]/' ../update.yaml",
        ),
        (
            "another folder of links",
            "mkdir /srv/bin && mv /usr/local/bin/teleport /srv/bin/ && mkdir -p \
                        /etc/systemd/system/teleport.service.d && printf '[Service]\\nExecStart=\\nExecStart=/srv/bin/teleport\\n' \
                        > /etc/systemd/system/teleport.service.d/path.conf && systemctl daemon-reload",
        ),
    ] {
        let Some(host) = Host::accompanied() else { return };
        host.guest.systemctl(&["stop", UNIT]);
        host.guest.must(&["sh", "-ec", prepare]);
        host.guest.systemctl(&["start", UNIT]);
        assert_eq!(host.judged(User::Root, &[]), ("accompanied".to_owned(), vec![]), "{what}");
    }
}

#[test]
fn another_install_folder_is_told_by_the_environment() {
    let Some(host) = Host::accompanied() else { return };
    host.guest.systemctl(&["stop", UNIT]);
    host.guest.must(&[
        "sh",
        "-ec",
        "mkdir /srv/install && mv /opt/teleport/default /srv/install/ && ln -sf \
        /srv/install/default/versions/18.2.0/bin/teleport /usr/local/bin/teleport && ln -sf \
        /srv/install/default/versions/18.2.0/bin/teleport-update /usr/local/bin/teleport-update",
    ]);
    host.drop_in(
        UNIT,
        "[Service]\nEnvironment=TELEPORT_UPDATE_CONFIG_FILE=/srv/install/default/update.yaml\n",
    );
    host.guest.systemctl(&["start", UNIT]);
    host.expect_as_root("accompanied", &[]);
}

#[test]
fn hardened_units_and_wrappers_are_healthy() {
    let Some(host) = Host::accompanied() else { return };
    for settings in
        ["PrivateTmp=yes\nProtectSystem=strict\nProtectHome=yes", "User=nobody\nNoNewPrivileges=yes"]
    {
        configured(&host, settings);
        host.expect_as_root("accompanied", &[]);
    }
    // A wrapper that stays is not the agent, but what it started is.
    for command in [
        "/bin/sh -c '/usr/local/bin/teleport start; true'",
        "/bin/sh -c 'sh -c \"/usr/local/bin/teleport start; true\"; true'",
        "/usr/bin/env A=b /usr/local/bin/teleport start --config /etc/teleport.yaml",
    ] {
        start(&host, command);
        let main = host.guest.systemctl(&["show", "--value", "-p", "MainPID", UNIT]);
        selfcheck_tests::eventually(command, || host.judged(User::Root, &[]).0 == "accompanied");
        selfcheck_tests::eventually(command, || {
            let pid = host.status(User::Root, &[]).agent.pid.expect("agent");
            command.starts_with("/usr/bin/env") || pid.to_string() != main.trim()
        });
        host.expect("accompanied", &[]);
        // Given as the process to look at, it leads to the agent, too.
        host.expect_with(User::Root, &["--pid", main.trim()], "accompanied", &[]);
    }
}

#[test]
fn a_script_that_starts_the_agent_is_not_the_agent() {
    let Some(host) = Host::accompanied() else { return };
    // It waits for something before it becomes the agent.
    host.guest.write(
        "/usr/local/bin/start-teleport",
        "#!/bin/sh\nwhile [ ! -e /run/network ]; do sleep 0.05; done\nexec /usr/local/bin/teleport start\n",
    );
    host.guest.must(&["chmod", "755", "/usr/local/bin/start-teleport"]);
    start(&host, "/usr/local/bin/start-teleport");
    host.expect_as_root("accompanied", &[]);
    host.guest.write("/run/network", "");
    let main = host.guest.systemctl(&["show", "--value", "-p", "MainPID", UNIT]);
    let is_agent =
        || host.guest.must(&["readlink", &format!("/proc/{}/exe", main.trim())]).contains("versions");
    selfcheck_tests::eventually("it becomes the agent", is_agent);
    host.expect("accompanied", &[]);
    // Where it starts a file that is not managed, what a restart does is not seen, and that is said.
    host.guest.must(&["cp", VERSION, "/usr/bin/teleport"]);
    host.guest.write("/usr/local/bin/start-teleport", "#!/bin/sh\nexec /usr/bin/teleport start\n");
    host.guest.systemctl(&["restart", UNIT]);
    let copied = || {
        host.status(User::Root, &[])
            .unseen
            .iter()
            .any(|unseen| unseen.fact == *"file that the agent unit starts")
    };
    selfcheck_tests::eventually("it is said", copied);
}

#[test]
fn a_process_that_is_no_agent_is_an_error() {
    let Some(host) = Host::accompanied() else { return };
    for user in [User::Root, User::Ordinary] {
        let output = host.look(user, &["--pid", "1"]);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(
            said.starts_with("error: process 1 executes `") && said.contains("which is not Teleport"),
            "{said}"
        );
        assert!(said.contains("hint: leave out `--pid`"), "{said}");
    }
}
