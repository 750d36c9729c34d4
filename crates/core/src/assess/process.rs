//! The running agent against what the updater activated on disk.
use crate::Reason;
use crate::RemedyId;
use crate::UpdaterKind;
use crate::cluster_view::Detection;
use crate::cluster_view::detected;
use crate::observation::AgentUnit;
use crate::observation::Process;

use super::case::Case;
use super::managed;
use super::managed::Managed;
use super::updater::Updater;

pub(super) fn judge(case: &mut Case<'_>, updater: &Updater<'_>) {
    let observation = case.observation;
    let unit = observation.agent.unit.present();
    if let Some(process) = observation.agent.process.present() {
        // After a graceful restart older processes serve their sessions to the end: only the main one counts.
        let is_main = |unit: &AgentUnit| {
            unit.main_pid.is_some() && [Some(process.pid), process.supervisor].contains(&unit.main_pid)
        };
        if let Some(unit) = unit.filter(|unit| is_main(unit)) {
            let managed = managed::of(case, updater);
            old_binary(case, &managed, process, unit);
        }
        changed_since_start(case, updater, process);
    }
    let units = [
        unit.map(|unit| &unit.state),
        updater.timer.present().map(|timer| &timer.state),
        updater.service.present().map(|service| &service.state),
    ];
    let stale = units.into_iter().flatten().find(|state| state.need_daemon_reload == Some(true));
    if let Some(state) = stale {
        case.find(Reason::ReloadNeeded).because("unit", &state.unit);
    }
}

fn old_binary(case: &mut Case<'_>, managed: &Managed<'_>, process: &Process, unit: &AgentUnit) {
    let after_restart = match managed {
        Managed::AfterRestart => true,
        Managed::NotInDoubt => false,
        Managed::Never { .. } => return, // a restart starts it again
    };
    let v2 = &case.observation.v2;
    let Some(executable) = process.executable.present() else { return };
    let status = v2.config.present().map(|config| &config.status);
    let active = status.and_then(|status| status.active.as_ref());
    let running = executable.revision();
    let differs =
        after_restart || matches!((&running, active), (Some(running), Some(active)) if running != active);
    let updated = status.and_then(|status| status.last_update.as_ref()).filter(|last| last.success);
    let updated = updated.and_then(|last| last.time).or(v2.config_written);
    // Without an instant since when it is so, a restart may be under way.
    let replaced_at = executable.replaced_at.filter(|_| executable.deleted);
    let since = [replaced_at, updated.filter(|_| differs)].into_iter().flatten().min();
    let (Some(since), Some(started)) = (since, process.started_boottime) else { return };
    let is_own = unit.state.unit == *case.observation.agent.namespace.agent_unit();
    let restart = if is_own { RemedyId::RestartAgent } else { RemedyId::RestartUnit };
    let length = case.policy.thresholds.old_binary.usec();
    let old_enough = case.horizon.is_past_boottime(started, length);
    let long_enough = case.horizon.is_past_realtime(since, length);
    if old_enough && long_enough && case.is_settled() {
        case.find(Reason::RunningOldBinary)
            .because("pid", process.pid)
            .because("executable", &executable.path)
            .because_of("deleted", executable.deleted.then_some("true"))
            .because_of("running", running.map(|running| running.version))
            .because_of("active", active.map(|active| active.version.clone()))
            .since(Some(since))
            .remedied_by(Some(restart));
    }
}

/// Whether stock detection, which froze when the process started, disagrees with what is there now.
fn changed_since_start(case: &mut Case<'_>, updater: &Updater<'_>, process: &Process) {
    if case.has(Reason::AgentNotManaged) {
        return; // stock detection goes by the file, and sees no updater of it: nothing changed since
    }
    let observation = case.observation;
    let is_teleport = process
        .executable
        .present()
        .is_some_and(|executable| executable.path.as_str().ends_with("/teleport"));
    let told = detected(observation, Detection::Informed)
        .filter(|_| is_teleport && observation.v2.config.is_present());
    let Some(told) = told.map(|view| view.external_upgrader) else { return };
    let now = updater.generation.kind();
    if told.as_ref() != Some(&now) {
        let told = told.as_ref().map_or("none", UpdaterKind::as_str);
        case.find(Reason::UpdaterChangedSinceStart).because("at_start", told).because("now", now.as_str());
    }
}
