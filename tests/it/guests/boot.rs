//! Enabled means: it will be there after a boot.

use selfcheck_tests::Host;
use selfcheck_tests::User;

const TIMER: &str = "teleport-update.timer";
const UNITS: &str = "/etc/systemd/system";
const ADDED: &str = "sudo systemctl add-wants teleport-node.service teleport-update.timer && sudo systemctl start \
                     teleport-update.timer";

/// A host whose agent runs in a unit of the administrator's, from the file that the updater links.
pub(super) fn in_a_unit_of_another_name() -> Option<Host> {
    let host = Host::accompanied()?;
    host.guest.systemctl(&["stop", "teleport.service"]);
    host.guest.write(
        &format!("{UNITS}/teleport-node.service"),
        "[Service]\nType=exec\nExecStart=/usr/local/bin/teleport start --config /etc/teleport.yaml\n\
         ExecStartPost=/bin/sh -c 'echo $MAINPID > /run/teleport.pid'\n[Install]\nWantedBy=multi-user.target\n",
    );
    host.guest.systemctl(&["daemon-reload"]);
    host.guest.systemctl(&["enable", "--now", "teleport-node.service"]);
    Some(host)
}

#[test]
fn an_agent_in_a_unit_of_another_name() {
    let Some(host) = in_a_unit_of_another_name() else { return };
    // The unit under which the timer is linked is there, and its file is one that the updater replaces.
    host.expect("accompanied", &[]);
    let status = host.status(User::Root, &[]);
    assert_eq!(status.agent.unit.expect("unit").as_str(), "teleport-node.service");
    let text = host.text().replace("\n                ", " ");
    assert!(
        text.contains("unit teleport-node.service (the updater restarts only teleport.service)"),
        "{text}"
    );
    for break_it in
        ["rm /etc/systemd/system/teleport.service", "ln -sf /dev/null /etc/systemd/system/teleport.service"]
    {
        host.guest.must(&["sh", "-c", &format!("{break_it} && systemctl daemon-reload")]);
        host.expect("impaired", &["timer-disabled"]);
    }
    host.remedy_helps(ADDED);
    // It outlives a boot: the link lies where links last.
    host.guest.must(&["test", "-L", &format!("{UNITS}/teleport-node.service.wants/{TIMER}")]);
}

#[test]
fn a_timer_that_was_stopped_is_started_by_the_unit_that_runs_the_agent() {
    let Some(host) = in_a_unit_of_another_name() else { return };
    host.guest.systemctl(&["stop", TIMER]);
    host.expect("impaired", &["timer-inactive"]);
    host.remedy_helps(ADDED);
}

#[test]
fn a_unit_that_is_masked_until_the_next_boot_will_be_there() {
    let Some(host) = Host::accompanied() else { return };
    host.guest.must(&["mv", &format!("{UNITS}/teleport.service"), "/usr/lib/systemd/system/"]);
    host.guest.systemctl(&["daemon-reload"]);
    host.guest.systemctl(&["mask", "--runtime", "teleport.service"]);
    host.expect("accompanied", &[]);
    host.guest.systemctl(&["unmask", "--runtime", "teleport.service"]);
    host.guest.systemctl(&["mask", "teleport.service"]);
    host.expect("impaired", &["timer-disabled"]);
    // One that is only disabled is there.
    host.guest.systemctl(&["unmask", "teleport.service"]);
    host.guest.systemctl(&["disable", "teleport.service"]);
    host.expect("accompanied", &[]);
}

#[test]
fn a_timer_without_an_install_section() {
    let Some(host) = Host::accompanied() else { return };
    let unit = format!("{UNITS}/{TIMER}");
    host.guest.systemctl(&["disable", TIMER]);
    host.edit(&unit, "[Install]\nWantedBy=teleport.service\n", "");
    host.guest.systemctl(&["daemon-reload"]);
    host.guest.systemctl(&["start", TIMER]);
    assert_eq!(host.guest.systemctl(&["show", "--value", "-p", "UnitFileState", TIMER]), "static\n");
    host.expect("impaired", &["timer-disabled"]);
    // The agent's own unit may say that it wants it.
    host.drop_in("teleport.service", &format!("[Unit]\nWants={TIMER}\n"));
    host.expect("accompanied", &[]);
    host.guest.must(&["rm", "-r", &format!("{UNITS}/teleport.service.d/test.conf")]);
    host.guest.systemctl(&["daemon-reload"]);
    host.expect("impaired", &["timer-disabled"]);
    let added = format!("sudo systemctl add-wants teleport.service {TIMER} && sudo systemctl start {TIMER}");
    host.remedy_helps(&added);
}

#[test]
fn what_a_boot_forgets_is_no_enabling() {
    let Some(host) = Host::accompanied() else { return };
    host.guest.systemctl(&["disable", TIMER]);
    host.guest.systemctl(&["enable", "--runtime", TIMER]);
    host.expect("impaired", &["timer-disabled"]);
    host.remedy_helps(&format!("sudo systemctl enable --now {TIMER}"));
    // A unit's file below /run is gone after a boot as well.
    let Some(host) = Host::accompanied() else { return };
    host.guest.must(&["mv", &format!("{UNITS}/{TIMER}"), &format!("/run/systemd/system/{TIMER}")]);
    host.guest.systemctl(&["daemon-reload"]);
    host.expect("impaired", &["timer-disabled"]);
    host.remedy_helps("sudo teleport-update enable");
}

#[test]
fn aliases_and_templates_start_a_timer_as_well() {
    let Some(host) = Host::accompanied() else { return };
    host.guest.systemctl(&["disable", TIMER]);
    host.expect("impaired", &["timer-disabled"]);
    let link = |parent: &str| {
        let folder = format!("{UNITS}/{parent}.wants");
        let link = format!("mkdir -p {folder} && ln -s ../{TIMER} {folder}/ && systemctl daemon-reload");
        host.guest.must(&["sh", "-c", &link]);
        folder
    };
    // A link under a template's instance enables as far as there is a template.
    let folder = link("teleport@node.service");
    host.expect("impaired", &["timer-disabled"]);
    host.guest.write(&format!("{UNITS}/teleport@.service"), "[Service]\nExecStart=/bin/sleep infinity\n");
    host.expect("accompanied", &[]);
    host.guest.must(&["rm", "-r", &folder]);
    // The template itself may say what its instances start.
    host.guest.systemctl(&["daemon-reload"]);
    host.expect("impaired", &["timer-disabled"]);
    host.guest.write(
        &format!("{UNITS}/teleport@.service"),
        &format!("[Unit]\nWants={TIMER}\n[Service]\nExecStart=/bin/sleep infinity\n"),
    );
    host.guest.systemctl(&["daemon-reload"]);
    host.guest.systemctl(&["start", "teleport@node.service"]);
    host.expect("accompanied", &[]);
    host.guest.must(&[
        "sh",
        "-c",
        "systemctl stop teleport@node.service && rm /etc/systemd/system/teleport@.service",
    ]);
    // One under an alias as far as there is what it is an alias of.
    link("ssh-agent-of-teleport.service");
    host.guest.must(&["ln", "-s", "nowhere.service", &format!("{UNITS}/ssh-agent-of-teleport.service")]);
    host.expect("impaired", &["timer-disabled"]);
    host.guest.must(&["ln", "-sf", "teleport.service", &format!("{UNITS}/ssh-agent-of-teleport.service")]);
    host.expect("accompanied", &[]);
}
