//! What systemd does.

use crate::Generation;
use crate::layout;

use super::RemedyTarget;
use super::plan::CLI;
use super::plan::Plan;
use super::plan::UPDATES;
use super::plan::words;

/// What stands for the agent's unit where that is not known.
const UNIT: &str = "UNIT";

pub(super) fn enable_timer(target: &RemedyTarget<'_>) -> Plan {
    let timer = timer(target);
    on(&["enable", "--now", &timer], "starts the timer now and at every boot")
        .undone_by(systemctl(&["disable", "--now", &timer]))
}

pub(super) fn start_timer(target: &RemedyTarget<'_>) -> Plan {
    let timer = timer(target);
    let effect = format!("starts the timer; the updater runs {}", soon(target));
    on(&["start", &timer], effect).undone_by(systemctl(&["stop", &timer]))
}

pub(super) fn restart_timer(target: &RemedyTarget<'_>) -> Plan {
    on(&["restart", &timer(target)], format!("arms the timer anew; the updater runs {}", soon(target)))
}

pub(super) fn revert_timer(target: &RemedyTarget<'_>) -> Plan {
    let timer = timer(target);
    let effect =
        format!("takes away all drop-ins of {timer} and arms it anew; the updater runs {}", soon(target));
    on(&["revert", &timer], effect).then(systemctl(&["restart", &timer]))
}

pub(super) fn revert_and_enable_timer(target: &RemedyTarget<'_>) -> Plan {
    let timer = timer(target);
    let effect = format!("takes away all drop-ins of {timer}, and starts it now and at every boot");
    on(&["revert", &timer], effect).then(systemctl(&["enable", "--now", &timer]))
}

pub(super) fn revert_service(target: &RemedyTarget<'_>) -> Plan {
    let service = service(target);
    let effect = format!(
        "takes away all drop-ins of {service}, whatever they are for (as a proxy for downloads), and runs the updater now, \
         which may update and reload the agent"
    );
    on(&["revert", &service], effect).then(systemctl(&["restart", &service]))
}

pub(super) fn want_timer(target: &RemedyTarget<'_>) -> Plan {
    let (unit, timer) = (target.agent_unit.unwrap_or(UNIT), timer(target));
    let effect = format!("lets {unit} start the timer at every boot, and starts it now");
    on(&["add-wants", unit, &timer], effect)
        .then(systemctl(&["start", &timer]))
        .undone_by(words(&["rm", &format!("{}/{unit}.wants/{timer}", layout::UNITS)]))
        .needs(missing(target))
}

/// Takes a mask off the timer; `kind` says which kind of mask.
pub(super) fn unmask_timer(target: &RemedyTarget<'_>, kind: &[&str]) -> Plan {
    let timer = timer(target);
    unmask(&timer, kind, &["--now"]).then(systemctl(&["enable", "--now", &timer]))
}

/// Takes a mask off the service; `kind` says which kind of mask. Undoing that stops no run in progress.
pub(super) fn unmask_service(target: &RemedyTarget<'_>, kind: &[&str]) -> Plan {
    unmask(&service(target), kind, &[]).then(systemctl(&["restart", &timer(target)]))
}

fn unmask(unit: &str, kind: &[&str], undo: &[&str]) -> Plan {
    let effect = format!("brings the packaged {unit} back and starts the timer");
    on(&[&["unmask"], kind, &[unit]].concat(), effect)
        .undone_by(systemctl(&[&["mask"], kind, undo, &[unit]].concat()))
}

pub(super) fn run_updater(target: &RemedyTarget<'_>) -> Plan {
    let service = service(target);
    let effect = format!(
        "runs the updater now, which may update and reload the agent; if it fails again, `journalctl -u {service}` says why"
    );
    Plan::new(systemctl(&["start", &service]), effect, CLI)
}

pub(super) fn reset_updater(target: &RemedyTarget<'_>) -> Plan {
    let service = service(target);
    let effect =
        "clears the failures systemd counted and runs the updater now, which may update and reload the agent";
    Plan::new(systemctl(&["reset-failed", &service]), effect, CLI).then(systemctl(&["start", &service]))
}

pub(super) fn stop_run(target: &RemedyTarget<'_>) -> Plan {
    on(&["stop", &service(target)], "ends the run in progress; the timer starts the next one")
}

pub(super) fn restart_agent(target: &RemedyTarget<'_>) -> Plan {
    on(&["restart", &target.namespace.agent_unit()], "restarts the agent; sessions through it end")
}

/// The agent's unit, where it has another name than an installation's.
pub(super) fn restart_unit(target: &RemedyTarget<'_>) -> Plan {
    let unit = target.agent_unit.unwrap_or(UNIT);
    on(&["restart", unit], "restarts the agent; sessions through it end").needs(missing(target))
}

pub(super) fn reload_systemd() -> Plan {
    on(&["daemon-reload"], "lets systemd read its unit files again")
}

pub(super) fn start_bus() -> Plan {
    on(&["start", "dbus.socket", "dbus.service"], "starts the system bus, if it is not running")
}

fn on(arguments: &[&str], effect: impl Into<String>) -> Plan {
    Plan::new(systemctl(arguments), effect, UPDATES)
}

fn systemctl(arguments: &[&str]) -> Vec<String> {
    words(&[&["systemctl"], arguments].concat())
}

fn timer(target: &RemedyTarget<'_>) -> String {
    target.generation.timer(target.namespace)
}

fn service(target: &RemedyTarget<'_>) -> String {
    target.generation.service(target.namespace)
}

/// When a timer that has just been started runs the updater.
const fn soon(target: &RemedyTarget<'_>) -> &'static str {
    match target.generation {
        Generation::V2 => "within two minutes",
        Generation::V1 => "when it next fires",
    }
}

/// What a person has to fill in where the agent's unit is not known.
fn missing(target: &RemedyTarget<'_>) -> Option<&'static str> {
    target.agent_unit.is_none().then_some("write the unit that runs the agent for UNIT")
}
