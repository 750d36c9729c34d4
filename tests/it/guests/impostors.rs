//! An ordinary user who would like to be taken for the agent, or to have his own files believed.

use selfcheck_tests::Host;
use selfcheck_tests::User;

const NO_BUS: [&str; 2] = ["--bus", "unix:path=/run/none"];

/// A program of the user `nobody`, called like the agent's, and its process.
fn impostor(host: &Host, program: &str) -> u32 {
    host.guest.must(&[
        "sh",
        "-ec",
        "mkdir -p /srv/user && cp /opt/teleport/system/bin/teleport /srv/user/teleport && chown -R 65534:65534 /srv/user",
    ]);
    let words = format!("setpriv --reuid 65534 --regid 65534 --clear-groups {program} start");
    host.guest.start(&words, program)
}

#[test]
fn a_pid_file_leads_to_no_program_that_a_user_put_somewhere() {
    let Some(host) = Host::accompanied() else { return };
    let impostor = impostor(&host, "/srv/user/teleport");
    host.guest.write("/run/teleport.pid", &format!("{impostor}\n"));
    assert_eq!(host.status(User::Root, &NO_BUS).agent.pid, None);
    // Whoever asks for it by its number means it.
    let number = impostor.to_string();
    let asked = [&NO_BUS[..], &["--pid", &number]].concat();
    assert_eq!(host.status(User::Root, &asked).agent.pid, Some(impostor));
    // The unit's word counts for more than any file.
    assert_ne!(host.status(User::Root, &[]).agent.pid, Some(impostor));
    host.expect_as_root("accompanied", &[]);
}

#[test]
fn a_pid_file_that_is_older_than_its_process_is_that_of_another_one() {
    let Some(host) = Host::accompanied() else { return };
    let agent = host.status(User::Root, &[]).agent.pid.expect("agent");
    host.guest.write("/run/teleport.pid", &format!("{agent}\n"));
    assert_eq!(host.status(User::Root, &NO_BUS).agent.pid, Some(agent));
    host.guest.must(&["touch", "-d", "-10 minutes", "/run/teleport.pid"]);
    assert_eq!(host.status(User::Root, &NO_BUS).agent.pid, None);
}

#[test]
fn the_main_process_of_the_agents_unit_is_the_agent_whoever_owns_it() {
    let Some(host) = Host::accompanied() else { return };
    host.drop_in("teleport.service", "[Unit]\nStartLimitIntervalSec=0\n[Service]\nUser=nobody\n");
    host.guest.systemctl(&["restart", "teleport.service"]);
    assert!(host.status(User::Root, &[]).agent.pid.is_some());
    host.expect_as_root("accompanied", &[]);
}

#[test]
fn a_state_file_that_an_environment_names_is_believed_if_only_root_can_have_written_it() {
    let Some(host) = Host::accompanied() else { return };
    let named = "[Unit]\nStartLimitIntervalSec=0\n[Service]\nEnvironment=TELEPORT_UPDATE_CONFIG_FILE=/srv/user/default/update.yaml\n";
    host.guest.must(&["sh", "-ec", "mkdir /srv/user && cp -a /opt/teleport/default /srv/user/ && for name in teleport teleport-update; do \
        ln -sf /srv/user/default/versions/18.2.0/bin/$name /usr/local/bin/$name; done"]);
    host.drop_in("teleport.service", named);
    host.guest.systemctl(&["restart", "teleport.service"]);
    let why = |host: &Host| {
        let status = host.status(User::Root, &[]);
        let evidence = serde_json::to_value(&status.findings.first()?.evidence).expect("json");
        Some((status.label(), evidence["why"].as_str().unwrap_or_default().to_owned()))
    };
    host.expect_as_root("accompanied", &[]);
    for change in [
        "chown 65534 /srv/user",
        "chown 0 /srv/user && chmod 0777 /srv/user",
        "chmod 0755 /srv/user && chown 65534 /srv/user/default/update.yaml",
        "chown 0 /srv/user/default/update.yaml && chmod 0666 /srv/user/default/update.yaml",
    ] {
        host.guest.must(&["sh", "-ec", change]);
        let seen = why(&host);
        assert_eq!(seen, Some(("unknown.config-denied".to_owned(), "untrusted".to_owned())), "{change}");
    }
}

/// Over other transports a server can have a file of root's sent to it, or be anybody.
#[test]
fn the_bus_is_a_socket_of_this_host() {
    let Some(host) = Host::accompanied() else { return };
    host.guest.write("/etc/secret", "secret of root\n");
    for address in [
        "nonce-tcp:host=127.0.0.1,port=1,noncefile=/etc/secret",
        "tcp:host=127.0.0.1,port=1",
        "unix:path=/run/none;nonce-tcp:host=127.0.0.1,port=1,noncefile=/etc/secret",
        "unixexec:path=/usr/bin/true",
        "launchd:env=X",
        "",
    ] {
        let output = host.look(User::Root, &["--bus", address]);
        assert_eq!(output.status.code(), Some(2), "{address}");
        let variable = format!("DBUS_SYSTEM_BUS_ADDRESS={address}");
        let command =
            ["env", &variable, "teleport-selfcheck", "debug", "updater-status", "--format", "label"];
        let said = host.guest.must(&command);
        assert_eq!(said, if address.is_empty() { "accompanied\n" } else { "unknown\n" }, "{address}");
    }
}
