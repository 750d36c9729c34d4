//! Agents without an updater, and agents that need none.

use selfcheck_core::UpdaterKind;
use selfcheck_tests::Host;
use selfcheck_tests::User;

const AGENT: &str =
    "auth_service: {enabled: no}\nproxy_service: {enabled: no}\nssh_service: {enabled: yes}\n";

/// An agent from a package of before `teleport-update`.
fn without_updater() -> Option<Host> {
    let host = Host::bare()?;
    host.install_package();
    host.guest.must(&["rm", "/usr/local/bin/teleport-update", "/opt/teleport/system/bin/teleport-update"]);
    host.configure("", AGENT);
    host.guest.systemctl(&["start", "teleport.service"]);
    Some(host)
}

#[test]
fn no_updater() {
    let Some(host) = without_updater() else { return };
    host.expect_as_root("unaccompanied", &["no-updater"]);
    assert_eq!(host.look(User::Root, &[]).status.code(), Some(11));
    let proxy = host.proxy.address();
    let remedy = host.status(User::Root, &[]).remedy.expect("remedy");
    assert_eq!(remedy.shell, format!("curl -fsSL https://{proxy}/scripts/install.sh | sudo bash"));
    assert_eq!(remedy.steps.len(), 2);
    assert_eq!(remedy.steps[1].stdin_from, Some(0));
}

#[test]
fn who_cannot_see_roles_and_environment_does_not_say_unaccompanied() {
    let Some(host) = without_updater() else { return };
    host.expect_with(User::Ordinary, &[], "unknown", &["applicability-unreadable"]);
    let text = String::from_utf8_lossy(&host.look(User::Ordinary, &[]).stdout).into_owned();
    assert!(text.contains("sudo teleport-selfcheck debug updater-status"), "{text}");
}

#[test]
fn updater_not_enabled() {
    let Some(host) = Host::with_package() else { return };
    host.expect_as_root("unaccompanied", &["updater-not-enabled"]);
    host.guest.must(&["sh", "-ec", "sudo teleport-update enable"]);
    host.expect_as_root("accompanied", &["group-unset"]);
}

#[test]
fn a_host_without_an_agent_says_so() {
    let Some(host) = Host::bare() else { return };
    for user in [User::Root, User::Ordinary] {
        host.expect_with(user, &[], "unknown", &["no-agent"]);
        let text = String::from_utf8_lossy(&host.look(user, &[]).stdout).into_owned();
        assert!(text.contains("none found: no process, no `teleport.service`, no"), "{text}");
        assert!(!text.contains("hint:"), "{text}");
    }
    // A program of an agent that nobody has configured yet is one.
    host.guest.must(&["mkdir", "-p", "/usr/local/bin"]);
    host.guest.write("/usr/local/bin/teleport", "ELF");
    host.expect_as_root("unaccompanied", &["no-updater"]);
}

#[test]
fn control_plane() {
    let Some(host) = Host::with_package() else { return };
    // A section that is missing means enabled.
    for services in
        ["auth_service: {enabled: yes}\n", "auth_service: {enabled: no}\nssh_service: {enabled: no}\n"]
    {
        host.configure("", services);
        host.expect_as_root("exempt", &["control-plane"]);
        assert_eq!(host.look(User::Root, &[]).status.code(), Some(0));
    }
    host.configure("", AGENT);
    host.expect_as_root("unaccompanied", &["updater-not-enabled"]);
}

#[test]
fn updated_by_the_cluster() {
    let Some(host) = Host::with_package() else { return };
    host.guest.write(
        "/etc/systemd/system/teleport.service.d/cloud.conf",
        "[Service]\nEnvironment=TELEPORT_INSTALL_METHOD_AWSOIDC_DEPLOYSERVICE=true\n",
    );
    host.guest.systemctl(&["daemon-reload"]);
    host.guest.systemctl(&["restart", "teleport.service"]);
    host.expect_as_root("exempt", &["updated-by-cluster"]);
    host.expect_with(User::Ordinary, &[], "unknown", &["applicability-unreadable"]);
    let view = host.status(User::Root, &[]).reporting.stock_view.expect("seen");
    assert_eq!(view.external_upgrader, Some(UpdaterKind::IntegrationAwsOidc));
}

#[test]
fn acknowledged() {
    let Some(host) = Host::with_package() else { return };
    let until = |year: u32| {
        format!("acknowledged: {{reason: updated by Ansible, until: \"{year}-01-01T00:00:00Z\"}}\n")
    };
    host.guest.write("/etc/teleport-selfcheck/policy.yaml", &until(2999));
    for user in [User::Root, User::Ordinary] {
        host.expect_with(user, &[], "exempt", &["acknowledged"]);
    }
    host.guest.write("/etc/teleport-selfcheck/policy.yaml", &until(2001));
    host.expect_as_root("unaccompanied", &["updater-not-enabled"]);
}
