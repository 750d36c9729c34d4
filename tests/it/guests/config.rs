//! update.yaml in every state, on a real host.

use selfcheck_tests::Host;
use selfcheck_tests::User;

const CONFIG: &str = "/opt/teleport/default/update.yaml";

#[test]
fn updates_disabled_and_version_pinned() {
    let Some(host) = Host::accompanied() else { return };
    host.guest.must(&["teleport-update", "disable"]);
    // The product's own pause leaves the timer firing and every run succeeding.
    assert!(host.run_updater().status.success());
    for user in [User::Root, User::Ordinary] {
        host.expect_with(user, &[], "held", &["updates-disabled"]);
        assert_eq!(host.look(user, &[]).status.code(), Some(13));
        assert_eq!(host.look(user, &["--ok", "held,unknown"]).status.code(), Some(0));
    }
    host.remedy_helps("sudo teleport-update enable");
    host.guest.must(&["teleport-update", "pin"]);
    host.expect("held", &["version-pinned"]);
    host.remedy_helps("sudo teleport-update unpin");
}

#[test]
fn a_pause_by_choice_does_not_hide_a_fault() {
    let Some(host) = Host::accompanied() else { return };
    host.guest.must(&["teleport-update", "disable"]);
    host.guest.must(&["ln", "-sf", "/dev/null", "/etc/systemd/system/teleport-update.timer"]);
    host.guest.systemctl(&["daemon-reload"]);
    host.expect("impaired", &["timer-masked", "updates-disabled"]);
}

#[test]
fn config_missing() {
    let Some(host) = Host::accompanied() else { return };
    host.guest.must(&["rm", CONFIG]);
    host.expect("impaired", &["config-missing"]);
    host.guest.must(&["sh", "-ec", "sudo teleport-update enable"]);
    // The group was written in the file alone and is lost with it.
    host.expect("accompanied", &["group-unset"]);
}

#[test]
fn config_corrupt_in_every_way() {
    let Some(host) = Host::accompanied() else { return };
    let good = std::fs::read_to_string(host.guest.path(CONFIG)).expect("config");
    let corrupt = |why: &str| {
        for user in [User::Root, User::Ordinary] {
            let status = host.status(user, &[]);
            assert_eq!(status.label(), "impaired.config-corrupt", "{why}");
            let evidence = serde_json::to_value(&status.findings[0].evidence).expect("evidence");
            assert_eq!(evidence["why"], why);
        }
    };
    for (text, why) in [
        ("version: v1\nkind: [".to_owned(), "yaml"),
        (good.replace("update_config", "other"), "kind"),
        (good.replace("version: v1", "version: v9"), "version"),
        (String::new(), "kind"),
        (format!("{good}# {}", "x".repeat(2 << 20)), "too-large"),
    ] {
        host.guest.write(CONFIG, &text);
        corrupt(why);
    }
    std::fs::write(host.guest.path(CONFIG), [0xff, 0xfe]).expect("write");
    corrupt("encoding");
    for kind in ["mkfifo", "mkdir"] {
        host.guest.must(&["rm", "-f", CONFIG]);
        host.guest.must(&[kind, CONFIG]);
        corrupt("not-a-file");
    }
    let proxy = host.proxy.address();
    host.remedy_helps(&format!(
        "sudo mv {CONFIG} {CONFIG}.broken && sudo teleport-update enable --proxy {proxy}"
    ));
}

#[test]
fn config_denied() {
    let Some(host) = Host::accompanied() else { return };
    host.guest.must(&["chmod", "600", CONFIG]);
    host.expect_as_root("accompanied", &[]);
    host.expect_with(User::Ordinary, &[], "unknown", &["config-denied"]);
    let output = host.look(User::Ordinary, &[]);
    assert_eq!(output.status.code(), Some(12));
    assert!(String::from_utf8_lossy(&output.stdout).contains("sudo teleport-selfcheck debug updater-status"));
}

#[test]
fn advisories_do_not_change_the_verdict() {
    let Some(host) = Host::accompanied() else { return };
    host.edit(CONFIG, "group: production", "group: \"\"");
    host.edit("/etc/systemd/system/teleport-update.service", " update\n", " update --insecure\n");
    // systemd compares whole seconds of a file's time with when it read it.
    host.guest.must(&["touch", "-d", "+2 seconds", "/etc/systemd/system/teleport-update.service"]);
    host.expect("accompanied", &["reload-needed", "group-unset"]);
    host.guest.systemctl(&["daemon-reload"]);
    host.expect("accompanied", &["group-unset", "insecure-updater"]);
}
