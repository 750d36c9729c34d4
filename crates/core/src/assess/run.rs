//! The last run of the updater, and one in progress.

use crate::Generation;
use crate::Moment;
use crate::Reason;
use crate::RemedyId;
use crate::Severity;
use crate::observation::FailedRun;
use crate::observation::History;
use crate::observation::LockState;
use crate::observation::ServiceUnit;
use crate::observation::UnitResult;

use super::blame;
use super::blame::Concerns;
use super::case::Case;
use super::updater::Updater;

/// systemd's own exit statuses for a program it could not execute as asked.
const EXEC_FAILURES: std::ops::RangeInclusive<i32> = 200..=243;

/// That of a program that is not there or cannot be executed.
const NO_PROGRAM: i32 = 203;

pub(super) fn judge(case: &mut Case<'_>, updater: &Updater<'_>) {
    let observation = case.observation;
    let Some(service) = updater.service.present() else { return };
    if service.exec.as_ref().is_some_and(|exec| exec.insecure) {
        case.find(Reason::InsecureUpdater).of(updater.generation).because("unit", &service.state.unit);
    }
    if service.is_running() {
        let stuck = case.policy.thresholds.stuck.usec();
        if let Some(started) = started(updater, service)
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
    }
    // A recording of another origin may not say whose runs it counts.
    let own = |history: &&History| history.unit.as_ref().is_none_or(|unit| *unit == service.state.unit);
    let history = observation.history.as_ref().filter(own);
    // What failed is not mended by trying again: a run in progress leaves the one before it standing.
    let standing = history.and_then(|history| history.standing_failure(&service.state.unit));
    let remembered = standing.filter(|_| service.is_running());
    // The settings say to try again only after a failure, and it was tried again.
    let retried = service.restarts.filter(|restarts| restarts.count > 0 && restarts.only_after_failure);
    let retried = retried.filter(|_| service.is_running());
    let retried = retried.map(|_| FailedRun {
        result: UnitResult::Other,
        exit_status: None,
        ended: None,
        before_updater: false,
    });
    let Some(run) = FailedRun::last_of(service).or(remembered).or(retried) else { return };
    let failed_runs = history.map_or(0, |history| history.consecutive_failed_runs);
    let repeated = failed_runs >= case.policy.thresholds.failed_runs;
    let severity = if repeated || !is_plain(&run) { Severity::Critical } else { Severity::Warning };
    let before_it = run.before_updater;
    let (remedy, concerns) = remedy(updater, service, &run);
    case.find(Reason::RunFailed)
        .of(updater.generation)
        .graded(severity)
        .because("unit", &service.state.unit)
        .because("result", run.result.word())
        .because_of("exit_status", run.exit_status.filter(|_| !before_it))
        .because_of("stopped_before", before_it.then(|| updater.generation.updater()))
        .because_of("ended", run.ended)
        .because_of("drop_in", concerns.and_then(|concerns| blame::named(&service.state, concerns)))
        .since(history.and_then(|history| history.failing_since).or(run.ended))
        .remedied_by(remedy);
}

/// What helps against a failed run, and which settings it blames.
fn remedy(
    updater: &Updater<'_>,
    service: &ServiceUnit,
    run: &FailedRun,
) -> (Option<RemedyId>, Option<Concerns>) {
    let generation = updater.generation;
    let reverted = |concerns: Concerns| {
        let remedy = blame::remedy(&service.state, concerns, RemedyId::RevertService, generation);
        let is_in_its_file = service.state.drop_ins_about(concerns).next().is_none();
        let remedy = match (remedy, generation) {
            (Some(RemedyId::EnableV2), _) => Some(RemedyId::RewriteServiceV2),
            // The older updater's own service cannot be written anew, but the newer one can take over.
            (None, Generation::V1) if is_in_its_file => Some(RemedyId::EnableV2),
            (remedy, _) => remedy,
        };
        (remedy, Some(concerns))
    };
    // What comes before the updater in its service is not of the product, and a person put it there.
    if run.result == UnitResult::StartLimitHit {
        (Some(RemedyId::ResetUpdater), None)
    } else if run.before_updater {
        reverted(blame::surroundings)
    } else if run.exit_status == Some(NO_PROGRAM) {
        reverted(blame::reach)
    } else if run.exit_status.is_some_and(|status| EXEC_FAILURES.contains(&status)) {
        reverted(blame::surroundings)
    } else {
        (Some(RemedyId::RunUpdater), None)
    }
}

/// Since when the run in progress goes on. One that is started again and again has gone on since the timer started it.
fn started(updater: &Updater<'_>, service: &ServiceUnit) -> Option<Moment> {
    let fired = updater.timer.present().and_then(|timer| timer.last_trigger);
    fired.filter(|_| service.always_restarts()).or(service.started)
}

/// Whether the updater itself said that it failed, which one time may be the network.
fn is_plain(run: &FailedRun) -> bool {
    matches!(run.result, UnitResult::ExitCode | UnitResult::Other)
        && !run.exit_status.is_some_and(|status| EXEC_FAILURES.contains(&status))
}
