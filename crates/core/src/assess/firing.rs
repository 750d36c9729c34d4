//! What a firing of the timer leads to: a run of the updater, or of something else, or nothing.

use crate::Generation;
use crate::Moment;
use crate::Reason;
use crate::RemedyId;
use crate::Text;
use crate::observation::ActiveState;
use crate::observation::Runs;
use crate::observation::ServiceUnit;
use crate::observation::TimerUnit;
use crate::observation::UnitResult;

use super::case::Case;
use super::presence::Updater;

/// Why a firing does not lead to a run.
struct Skipped {
    /// What is named as the cause, and what it is.
    cause: (&'static str, Text),
    /// Since when nothing runs.
    since: Option<Moment>,
}

pub(super) fn judge(case: &mut Case<'_>, updater: &Updater<'_>) {
    let Some(service) = updater.service.present().filter(|service| !service.state.is_masked()) else {
        return;
    };
    replaced(case, updater.generation, service);
    let Some(timer) = updater.timer.present() else { return };
    if timer.state.is_masked() || is_misdirected(timer, service) {
        return; // it starts nothing at all, or something else
    }
    if let Some(Skipped { cause: (name, what), since }) = skipped(case, timer, service) {
        let since = since.map(|moment| moment.realtime);
        case.find(Reason::RunSkipped)
            .of(updater.generation)
            .because("unit", &service.state.unit)
            .because(name, what)
            .because_of("last_run", since)
            .since(since)
            .remedied_by(reverted(service, updater.generation));
    }
}

/// Whether the timer starts another unit than the updater's service.
pub(super) fn is_misdirected(timer: &TimerUnit, service: &ServiceUnit) -> bool {
    timer.triggers.as_ref().is_some_and(|triggers| !service.state.is_called(triggers))
}

/// What helps where the settings of the service are at fault: taking drop-ins away, else writing the unit anew. A packaged
/// drop-in comes back, and of dependencies that fail nothing is known here.
pub(super) fn reverted(service: &ServiceUnit, generation: Generation) -> Option<RemedyId> {
    let state = &service.state;
    if state.has_own_drop_ins() {
        return Some(RemedyId::RevertService);
    }
    let by_its_own_file = service.refusal.is_some()
        || service.result == Some(UnitResult::ExecCondition)
        || service.remains_after_exit == Some(true)
        || service.exec.as_ref().is_some_and(|exec| exec.runs == Some(Runs::Other));
    (state.drop_ins.is_empty() && by_its_own_file && generation == Generation::V2)
        .then_some(RemedyId::EnableV2)
}

fn replaced(case: &mut Case<'_>, generation: Generation, service: &ServiceUnit) {
    // What v2 puts in the place of the older updater is no fault of that one.
    if generation == Generation::V1 && !case.observation.v1.neutralised.is_absent() {
        return;
    }
    let Some(exec) = service.exec.as_ref().filter(|exec| exec.runs == Some(Runs::Other)) else { return };
    let program = if exec.path.is_empty() { Text::new("nothing") } else { exec.path.clone() };
    let drop_in = service.state.drop_ins.last();
    case.find(Reason::ServiceReplaced)
        .of(generation)
        .because("unit", &service.state.unit)
        .because("runs", program)
        .because_of("drop_in", drop_in)
        .remedied_by(reverted(service, generation));
}

fn skipped(case: &mut Case<'_>, timer: &TimerUnit, service: &ServiceUnit) -> Option<Skipped> {
    let named = |name: &'static str, cause: &str| (name, Text::new(cause));
    if case.is_static() {
        let stays = service.remains_after_exit == Some(true) && service.stops_when_unneeded != Some(true);
        return stays.then(|| Skipped { cause: named("RemainAfterExit", "yes"), since: None });
    }
    if !case.is_settled() {
        return None;
    }
    let at_work = service.last_seen_at_work();
    if service.stays_active() {
        return stays_active(case, service)
            .then(|| Skipped { cause: named("active_state", "active (exited)"), since: at_work });
    }
    if service.is_running() || service.state.active_state == ActiveState::Activating {
        return None; // one that waits to be started again has failed
    }
    if service.result == Some(UnitResult::ExecCondition) {
        return Some(Skipped { cause: named("refused_by", "ExecCondition"), since: at_work });
    }
    let fired = timer.last_trigger?;
    if at_work.is_some_and(|at_work| at_work.monotonic >= fired.monotonic) {
        return None;
    }
    leads_to_nothing(case, timer, service, fired)
        .then(|| Skipped { cause: hindrance(case, service, fired), since: at_work })
}

/// What keeps the service from starting, as far as it shows.
fn hindrance(case: &mut Case<'_>, service: &ServiceUnit, fired: Moment) -> (&'static str, Text) {
    if let Some(refusal) = &service.refusal {
        return ("refused_by", refusal.by.clone());
    }
    // Each firing makes a job that waits for a moment; named is one that has waited for long.
    let stuck = case.policy.thresholds.stuck.usec();
    let job = service.state.job.as_ref().filter(|_| case.horizon.is_past(fired.monotonic, stuck));
    match job {
        Some(job) => ("waiting_job", job.clone()),
        None => ("started", Text::new("not since the timer fired")),
    }
}

/// Whether a service that stays active will not be started by the next firing either. One that stops when nothing needs it
/// stays for a moment only.
fn stays_active(case: &mut Case<'_>, service: &ServiceUnit) -> bool {
    let limit = case.policy.thresholds.overdue.usec();
    service.stops_when_unneeded != Some(true)
        || service.last_seen_at_work().is_none_or(|moment| case.horizon.is_past(moment.monotonic, limit))
}

/// Whether the service, last at work before the timer `fired`, will not work any more because of that.
fn leads_to_nothing(case: &mut Case<'_>, timer: &TimerUnit, service: &ServiceUnit, fired: Moment) -> bool {
    let thresholds = case.policy.thresholds;
    let waits = service.state.job.is_some();
    let period = timer.schedule.period();
    // What is told of firings begins when the timer started. What is told of a service that was never seen at work may begin
    // when systemd last read its file; and a job may wait because of what that brought.
    let at_work = service.last_seen_at_work();
    let refused = service.refusal.as_ref().and_then(|refusal| refusal.at);
    let is_refused = refused.is_some_and(|at| at.monotonic >= fired.monotonic);
    let loaded = case.observation.systemd.units_loaded.filter(|_| waits || at_work.is_none() && !is_refused);
    let known_since =
        [at_work, timer.active_since, loaded].into_iter().flatten().map(|moment| moment.monotonic).max();
    // Several firings in a row, of which this is the last, led to nothing. By the calendar they come as far apart as the
    // last one and the next.
    let apart = timer.next_elapse.map(|next| next.monotonic.saturating_sub(fired.monotonic));
    let several = period.or(apart).map(|apart| thresholds.overdue_after(Some(apart)));
    let missed = known_since
        .zip(several)
        .is_some_and(|(since, several)| fired.monotonic.saturating_sub(since) >= several);
    let allowed = if waits { thresholds.stuck.usec() } else { thresholds.overdue_after(period) };
    // The question about time is asked in any case, so that the status says how long it holds.
    case.horizon.is_past(fired.monotonic, allowed) || missed
}
