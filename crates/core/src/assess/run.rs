//! The last run of the updater, and one in progress.

use crate::Generation;
use crate::Reason;
use crate::RemedyId;
use crate::Severity;
use crate::observation::LockState;
use crate::observation::ServiceUnit;
use crate::observation::UnitResult;

use super::case::Case;
use super::presence::Updater;

/// systemd's own exit statuses for a program it could not execute as asked.
const EXEC_FAILURES: std::ops::RangeInclusive<i32> = 200..=243;

pub(super) fn judge(case: &mut Case<'_>, updater: &Updater<'_>) {
    let observation = case.observation;
    let Some(service) = updater.service.present() else { return };
    if service.exec.as_ref().is_some_and(|exec| exec.insecure) {
        case.find(Reason::InsecureUpdater).of(updater.generation).because("unit", &service.state.unit);
    }
    if service.is_running() {
        let stuck = case.policy.thresholds.stuck.usec();
        if let Some(started) = service.started
            && case.horizon.is_past(started.monotonic, stuck)
        {
            let of_v2 = updater.generation == Generation::V2;
            let lock = observation.v2.lock.present().filter(|_| of_v2).map(|lock| match lock {
                LockState::Held => "held",
                LockState::Free => "free",
            });
            case.find(Reason::RunStuck)
                .of(updater.generation)
                .because("unit", &service.state.unit)
                .because("started", started.realtime)
                .because_of("lock", lock)
                .since(Some(started.realtime));
        }
        return;
    }
    let Some(result) = service.result.filter(|result| *result != UnitResult::Success) else { return };
    let history = observation.history.unwrap_or_default();
    let repeated = history.consecutive_failed_runs >= case.policy.thresholds.failed_runs;
    let severity =
        if repeated || !is_plain(result, service) { Severity::Critical } else { Severity::Warning };
    let remedy =
        if result == UnitResult::StartLimitHit { RemedyId::ResetUpdater } else { RemedyId::RunUpdater };
    let ended = service.exited.or(service.started).map(|moment| moment.realtime);
    case.find(Reason::RunFailed)
        .of(updater.generation)
        .graded(severity)
        .because("unit", &service.state.unit)
        .because("result", result.word())
        .because_of("exit_status", service.exit_status)
        .because_of("ended", ended)
        .since(history.failing_since.or(ended))
        .remedied_by(Some(remedy));
}

/// Whether the updater itself said that it failed, which one time may be the network.
fn is_plain(result: UnitResult, service: &ServiceUnit) -> bool {
    result == UnitResult::ExitCode
        && !service.exit_status.is_some_and(|status| EXEC_FAILURES.contains(&status))
}
