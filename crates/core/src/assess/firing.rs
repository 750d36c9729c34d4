//! What a firing of the timer leads to: a run of the updater, or of something else, or nothing.

use crate::Generation;
use crate::Moment;
use crate::Reason;
use crate::RemedyId;
use crate::Text;
use crate::observation::ActiveState;
use crate::observation::Exec;
use crate::observation::Runs;
use crate::observation::ServiceUnit;
use crate::observation::TimerUnit;
use crate::observation::UnitResult;
use crate::observation::UnitState;

use super::blame;
use super::blame::Concerns;
use super::case::Case;
use super::updater::Updater;

/// A firing that does not lead to a run.
struct Skipped {
    cause: Cause,
    /// Since when nothing runs.
    since: Option<Moment>,
}

/// Why it does not.
enum Cause {
    /// The service is set to stay active after a run, as its files say.
    RemainAfterExit,
    /// It stays active after a run.
    StaysActive,
    /// A condition, an assertion or a program of the service refuses the start.
    Refused(Text),
    /// The job that is to start it waits.
    WaitingJob(Text),
    /// Something else, as a unit that it requires.
    Unknown,
}

impl Cause {
    /// What is named as evidence.
    fn evidence(self) -> (&'static str, Text) {
        match self {
            Self::RemainAfterExit => ("RemainAfterExit", "yes".into()),
            Self::StaysActive => ("active_state", "active (exited)".into()),
            Self::Refused(by) => ("refused_by", by),
            Self::WaitingJob(job) => ("waiting_job", job),
            Self::Unknown => ("started", "not since the timer fired".into()),
        }
    }

    /// The settings that may be at fault.
    const fn concerns(&self) -> Concerns {
        match self {
            Self::RemainAfterExit | Self::StaysActive => blame::after_a_run,
            Self::Refused(_) => blame::conditions,
            Self::WaitingJob(_) => blame::waiting,
            Self::Unknown => blame::dependencies,
        }
    }

    /// What helps against it.
    fn remedy(&self, service: &UnitState, generation: Generation) -> Option<RemedyId> {
        let remedy = blame::remedy(service, self.concerns(), RemedyId::RevertService, generation)?;
        match (self, remedy) {
            // What came of the last start stands until the next one, whatever the file says by now.
            (Self::StaysActive | Self::Refused(_), RemedyId::EnableV2) => Some(RemedyId::RewriteServiceV2),
            // What another unit or a job is the cause of is not in this one's file.
            (Self::WaitingJob(_) | Self::Unknown, RemedyId::EnableV2) => None,
            _ => Some(remedy),
        }
    }
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
    if let Some(Skipped { cause, since }) = skipped(case, timer, service) {
        let since = since.map(|moment| moment.realtime);
        let remedy = cause.remedy(&service.state, updater.generation);
        let drop_in = blame::named(&service.state, cause.concerns());
        let (name, what) = cause.evidence();
        case.find(Reason::RunSkipped)
            .of(updater.generation)
            .because("unit", &service.state.unit)
            .because(name, what)
            .because_of("last_run", since)
            .because_of("drop_in", drop_in)
            .since(since)
            .remedied_by(remedy);
    }
}

/// Whether the timer starts another unit than the updater's service.
pub(super) fn is_misdirected(timer: &TimerUnit, service: &ServiceUnit) -> bool {
    timer.triggers.as_ref().is_some_and(|triggers| !service.state.is_called(triggers))
}

fn replaced(case: &mut Case<'_>, generation: Generation, service: &ServiceUnit) {
    // What v2 puts in the place of the older updater is no fault of that one.
    if generation == Generation::V1 && !case.observation.v1.neutralised.is_absent() {
        return;
    }
    let is_other = |exec: &&Exec| exec.runs == Some(Runs::Other) || exec.is_missing;
    let Some(exec) = service.exec.as_ref().filter(is_other) else { return };
    let missing = exec
        .is_missing
        .then(|| format!("{}'s service starts a program that is not in this image", generation.updater()));
    let program = if exec.path.is_empty() { Text::new("nothing") } else { exec.path.clone() };
    let remedy = blame::remedy(&service.state, blame::program, RemedyId::RevertService, generation);
    case.find(Reason::ServiceReplaced)
        .of(generation)
        .because("unit", &service.state.unit)
        .because("runs", program)
        .because_of("missing", missing.as_ref().map(|_| "yes"))
        .because_of("drop_in", blame::named(&service.state, blame::program))
        .in_words(missing)
        .remedied_by(remedy);
}

fn skipped(case: &mut Case<'_>, timer: &TimerUnit, service: &ServiceUnit) -> Option<Skipped> {
    if case.is_static() {
        let stays = service.remains_after_exit == Some(true) && service.stops_when_unneeded != Some(true);
        return stays.then_some(Skipped { cause: Cause::RemainAfterExit, since: None });
    }
    if !case.is_settled() {
        return None;
    }
    let at_work = service.last_seen_at_work();
    if service.stays_active() {
        return stays_active(case, service).then_some(Skipped { cause: Cause::StaysActive, since: at_work });
    }
    if service.is_running() || service.state.active_state == ActiveState::Activating {
        return None; // one that waits to be started again has failed
    }
    if service.result == Some(UnitResult::ExecCondition) {
        return Some(Skipped { cause: Cause::Refused("ExecCondition".into()), since: at_work });
    }
    let fired = timer.last_trigger?;
    if at_work.is_some_and(|at_work| at_work.monotonic >= fired.monotonic) {
        return None;
    }
    leads_to_nothing(case, timer, service, fired)
        .then(|| Skipped { cause: cause_of_skip(case, service, fired), since: at_work })
}

/// What keeps the service from starting, as far as it shows.
fn cause_of_skip(case: &mut Case<'_>, service: &ServiceUnit, fired: Moment) -> Cause {
    // A start that was refused before this firing says nothing of this one.
    let is_of_this = |at: Option<Moment>| at.is_none_or(|at| at.monotonic >= fired.monotonic);
    if let Some(refusal) = service.refusal.as_ref().filter(|refusal| is_of_this(refusal.at)) {
        return Cause::Refused(refusal.by.clone());
    }
    // Each firing makes a job that waits for a moment; named is one that has waited for long.
    let stuck = case.policy.thresholds.stuck.usec();
    let job = service.state.job.as_ref().filter(|_| case.horizon.is_past(fired.monotonic, stuck));
    match job {
        Some(job) => Cause::WaitingJob(job.clone()),
        None => Cause::Unknown,
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
