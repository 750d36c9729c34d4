//! Which configuration an agent reads, and so which roles it has and which proxy it asks.

use selfcheck_tests::Host;
use selfcheck_tests::Sidecar;
use selfcheck_tests::User;
use selfcheck_tests::shown;

const CONFIG: &str = "/etc/teleport.yaml";
const AGENT: &str = "auth_service: {enabled: no}\nproxy_service: {enabled: no}\n";
/// The base64 of `{}`, by which the product runs auth, proxy and node, and of [`AGENT`].
const ALL: &str = "e30=";
const AGENT_ENCODED: &str = "YXV0aF9zZXJ2aWNlOiB7ZW5hYmxlZDogbm99CnByb3h5X3NlcnZpY2U6IHtlbmFibGVkOiBub30K";

/// Starts the agent anew with these arguments, and settings of its unit.
fn start(host: &Host, arguments: &str, settings: &str) {
    let text = format!(
        "[Unit]\nStartLimitIntervalSec=0\n[Service]\n{settings}ExecStart=\nExecStart=/usr/local/bin/teleport {arguments}\n"
    );
    host.drop_in("teleport.service", &text);
    host.guest.systemctl(&["restart", "teleport.service"]);
}

#[test]
fn what_the_command_line_and_the_environment_say_goes_before_a_file() {
    let Some(host) = Host::with_package() else { return };
    host.guest.write("/etc/all.yaml", "{}\n");
    host.guest.write("/etc/agent.yaml", AGENT);
    let variable = |encoded: &str| format!("Environment=TELEPORT_CONFIG={encoded}\n");
    let (none, all, agent) = (String::new(), variable(ALL), variable(AGENT_ENCODED));
    for (usual, arguments, settings, is_exempt) in [
        // The usual file would say the opposite of each.
        (AGENT, format!("start --config-string={ALL}"), &none, true),
        ("{}\n", format!("start --config-string {AGENT_ENCODED}"), &none, false),
        (AGENT, "start".to_owned(), &all, true),
        ("{}\n", "start".to_owned(), &agent, false),
        ("{}\n", "start -c /etc/all.yaml".to_owned(), &agent, false),
        (AGENT, format!("start --config-string={ALL}"), &agent, true),
        (AGENT, "start -dc/etc/all.yaml".to_owned(), &none, true),
        ("{}\n", "start -dc /etc/agent.yaml".to_owned(), &none, false),
        ("{}\n", "start -drnode".to_owned(), &none, false),
        ("{}\n", "app start --name a --uri http://localhost".to_owned(), &none, false),
        ("{}\n", "db start --config-string=e30=".to_owned(), &none, false),
        ("auth_service: {enabled: maybe}\nproxy_service: {enabled: no}\n", "start".to_owned(), &none, false),
        ("auth_service: {enabled: \"yes\"}\nproxy_service: {enabled: no}\n", "start".to_owned(), &none, true),
        (AGENT, "start --roles=node,auth".to_owned(), &none, true),
        (AGENT, "start --roles=auth,node --auth-server=a:3025".to_owned(), &none, false),
    ] {
        host.guest.write(CONFIG, usual);
        start(&host, &arguments, settings);
        let label = host.status(User::Root, &[]).label();
        let expected = if is_exempt { "exempt.control-plane" } else { "unaccompanied.updater-not-enabled" };
        assert_eq!(label, expected, "{arguments} with {settings}");
    }
}

#[test]
fn without_any_file_an_agent_is_a_control_plane_while_it_runs() {
    let Some(host) = Host::with_package() else { return };
    start(&host, "start", "");
    host.guest.must(&["rm", CONFIG]);
    host.expect_as_root("exempt", &["control-plane"]);
    // Who may not see the environment does not know that no variable says otherwise.
    host.expect_with(User::Ordinary, &[], "unknown", &["applicability-unreadable"]);
    host.guest.systemctl(&["stop", "teleport.service"]);
    host.expect("unaccompanied", &["updater-not-enabled"]);
    // A file that it was told to read was there when it started.
    host.guest.write("/etc/agent.yaml", AGENT);
    start(&host, "start -c /etc/agent.yaml", "");
    host.guest.must(&["rm", "/etc/agent.yaml"]);
    host.expect_as_root("unknown", &["applicability-unreadable"]);
    assert!(host.text().contains("agent configuration: no longer there"), "{}", host.text());
}

#[test]
fn an_agent_that_does_not_run_is_judged_by_what_its_unit_would_start() {
    let Some(host) = Host::with_package() else { return };
    host.guest.write(CONFIG, "{}\n");
    host.guest.write("/etc/agent.yaml", AGENT);
    let variable = format!("Environment=A=b TELEPORT_CONFIG={AGENT_ENCODED}\n");
    for (arguments, settings, is_exempt) in [
        ("start", "", true),
        ("start --roles=node", "", false),
        ("start -c /etc/agent.yaml", "", false),
        ("start", variable.as_str(), false),
        ("start --config-string=e30= --roles=proxy", variable.as_str(), true),
    ] {
        start(&host, arguments, settings);
        host.guest.systemctl(&["stop", "teleport.service"]);
        let expected = if is_exempt { "exempt.control-plane" } else { "unaccompanied.updater-not-enabled" };
        assert_eq!(host.status(User::Root, &[]).label(), expected, "{arguments} with {settings}");
    }
}

#[test]
fn a_configuration_that_is_asked_for_must_be_there_and_names_its_agent() {
    let Some(host) = Host::accompanied() else { return };
    let output = host.look(User::Root, &["-c", "/etc/nowhere.yaml"]);
    assert_eq!(output.status.code(), Some(1));
    let said = shown(&output);
    assert!(said.contains("error: there is no configuration `/etc/nowhere.yaml`\nhint: "), "{said}");
    assert_eq!(host.look(User::Root, &["-c", "/etc/nowhere.yaml", "--root", "/"]).status.code(), Some(1));
    let daemon = ["teleport-selfcheck", "daemon", "-c", "/etc/nowhere.yaml"];
    assert!(shown(&host.guest.run(User::Root, &daemon)).contains("error: there is no configuration"));
    // That of another agent: the process of this one is none of it.
    host.guest.write("/etc/other.yaml", AGENT);
    let other = host.status(User::Root, &["-c", "/etc/other.yaml"]);
    assert_eq!((other.agent.pid, other.is_without_process()), (None, true), "{other:?}");
    // The agent's own by another name, and the agent that was asked for.
    host.guest.must(&["ln", "-s", CONFIG, "/etc/same.yaml"]);
    assert!(host.status(User::Root, &["-c", "/etc/same.yaml"]).agent.pid.is_some());
    let pid = host.guest.systemctl(&["show", "--value", "-p", "MainPID", "teleport.service"]);
    let asked = host.status(User::Root, &["-c", "/etc/other.yaml", "--pid", pid.trim()]);
    assert_eq!(asked.agent.pid, pid.trim().parse().ok());
}

#[test]
fn a_proxy_of_the_agent_without_a_port_is_that_on_3080() {
    let Some(host) = Host::accompanied() else { return };
    host.edit(CONFIG, &host.proxy.address(), "teleport.example.com");
    host.expect_as_root("impaired", &["proxy-mismatch"]);
    let remedy = host.status(User::Root, &[]).remedy.expect("remedy");
    assert_eq!(remedy.shell, "sudo teleport-update enable --proxy teleport.example.com:3080");
    // What is written out is no difference.
    host.edit("/opt/teleport/default/update.yaml", &host.proxy.address(), "teleport.example.com:3080");
    host.expect_as_root("accompanied", &[]);
}

#[test]
fn where_only_an_agent_with_a_suffix_lives_that_one_is_judged() {
    let Some(host) = Host::with_package() else { return };
    // The package's own unit is there, and nobody configured it.
    host.guest.systemctl(&["stop", "teleport.service"]);
    host.guest.must(&["mv", CONFIG, "/etc/teleport_blue.yaml"]);
    let unit = "[Service]\nType=exec\nExecStart=/usr/local/bin/teleport start -c /etc/teleport_blue.yaml\n";
    host.guest.write("/etc/systemd/system/teleport_blue.service", unit);
    host.guest.systemctl(&["daemon-reload"]);
    host.guest.systemctl(&["start", "teleport_blue.service"]);
    let status = host.status(User::Root, &[]);
    assert_eq!(status.agent.namespace.name(), "blue", "{status:?}");
    assert_eq!(status.label(), "unaccompanied.updater-not-enabled");
    // What is called like one is none.
    host.guest.write("/etc/teleport_old.yaml", AGENT);
    host.guest.write("/etc/systemd/system/teleport_exporter.service", "[Service]\nExecStart=/bin/true\n");
    assert_eq!(host.status(User::Root, &[]).agent.namespace.name(), "blue");
    // Of two, none is chosen, and both are named.
    host.guest.write("/etc/teleport_red.yaml", AGENT);
    host.guest.write("/etc/systemd/system/teleport_red.service", unit);
    assert_eq!(host.status(User::Root, &[]).agent.namespace.name(), "default");
    assert!(host.text().contains("`blue`, `red`"), "{}", host.text());
    host.guest.must(&["rm", "/etc/teleport_red.yaml"]);
    // The default one, once it is configured.
    host.guest.write(CONFIG, AGENT);
    assert_eq!(host.status(User::Root, &[]).agent.namespace.name(), "default");
}

#[test]
fn a_daemon_beside_no_agent_keeps_one_connection() {
    let Some(host) = Host::only_suffixed("blue") else { return };
    host.guest.systemctl(&["stop", "teleport_blue.service"]);
    let mut sidecar = Sidecar::start(&host);
    assert_eq!(sidecar.next_change().agent.namespace.name(), "blue");
    // The bus numbers its connections in turn.
    let newest = || {
        let names = host.guest.must(&["busctl", "--no-legend", "--no-pager", "--unique", "list"]);
        let numbers = names
            .lines()
            .filter_map(|line| line.split_whitespace().next()?.strip_prefix(":1.")?.parse().ok());
        numbers.max().unwrap_or(0_u32)
    };
    sidecar.recheck();
    let before = newest();
    for _ in 0..5 {
        sidecar.recheck();
    }
    assert_eq!(newest(), before + 1, "but for the one that asks");
}

#[test]
fn an_agent_with_mounts_of_its_own_reads_its_own_files_and_its_updater_the_hosts() {
    let Some(host) = Host::accompanied() else { return };
    let bind = "BindReadOnlyPaths=/etc/mounted.yaml:/etc/teleport.yaml\n";
    // Only the agent sees that it is the control plane; only an administrator sees that.
    host.guest.write("/etc/mounted.yaml", "{}\n");
    let unit = "[Unit]\nStartLimitIntervalSec=0\n[Service]\n";
    host.drop_in("teleport.service", &format!("{unit}{bind}"));
    host.guest.systemctl(&["restart", "teleport.service"]);
    host.expect_with(User::Root, &[], "exempt", &["control-plane"]);
    host.expect_with(User::Ordinary, &[], "accompanied", &[]);
    // The other way round, by a look at files whose links lead nowhere else.
    host.guest.write("/etc/mounted.yaml", AGENT);
    host.guest.write("/etc/teleport.yaml", "{}\n");
    host.guest.systemctl(&["restart", "teleport.service"]);
    host.expect_with(User::Root, &[], "accompanied", &[]);
    // An update.yaml that only the agent sees is not its updater's.
    host.guest.write("/etc/update.yaml", "kind: [");
    let hidden = "BindReadOnlyPaths=/etc/update.yaml:/opt/teleport/default/update.yaml\n";
    host.drop_in("teleport.service", &format!("{unit}{bind}{hidden}"));
    host.guest.systemctl(&["restart", "teleport.service"]);
    host.expect_with(User::Root, &[], "accompanied", &[]);
}

#[test]
fn a_change_of_a_file_that_only_the_agent_sees_is_told() {
    let Some(host) = Host::accompanied() else { return };
    host.guest.write("/etc/mounted.yaml", AGENT);
    host.guest.write("/etc/mounted-folder/teleport.yaml", AGENT);
    host.drop_in(
        "teleport.service",
        "[Service]\nBindReadOnlyPaths=/etc/mounted-folder:/etc/own\nExecStart=\n\
         ExecStart=/usr/local/bin/teleport start -c /etc/own/teleport.yaml\n",
    );
    host.guest.systemctl(&["restart", "teleport.service"]);
    let mut sidecar = Sidecar::start(&host);
    sidecar.tells("accompanied");
    host.guest.write("/etc/mounted-folder/teleport.yaml", "{}\n");
    sidecar.tells("exempt.control-plane");
}
