//! The schedule chain: will anything start the updater again? Only the first link that is broken is a finding.

use crate::Fact;
use crate::Generation;
use crate::Moment;
use crate::Reason;
use crate::RemedyId;
use crate::Usec;
use crate::observation::ActiveState;
use crate::observation::LoadState;
use crate::observation::ServiceUnit;
use crate::observation::TimerUnit;
use crate::observation::UnitFileState;
use crate::observation::UnitState;

use super::blame;
use super::case::Case;
use super::firing;
use super::starters;
use super::updater::Updater;

/// An updater that is to run later than this is not going to run, in microseconds: 7 days.
const FAR: Usec = 7 * 24 * 3_600 * 1_000_000;

pub(super) fn judge(case: &mut Case<'_>, updater: &Updater<'_>) {
    let namespace = &case.observation.agent.namespace;
    let generation = updater.generation;
    let (timer_name, service_name) = (generation.timer(namespace), generation.service(namespace));
    // A running timer may have lost its file to a bad edit; in an image a broken file is as good as none.
    let unusable = updater.timer.present().is_some_and(|timer| case.is_static() && timer.state.is_broken());
    if unusable || is_missing(updater.timer, |timer| &timer.state) {
        let broken = updater.timer.present().map(|timer| &timer.state).filter(|state| state.is_broken());
        let remedy = match broken {
            Some(state) => blame::remedy(state, blame::schedule, RemedyId::RevertTimer, generation),
            None => Some(RemedyId::EnableV2),
        };
        case.find(Reason::TimerMissing)
            .of(generation)
            .because("unit", timer_name.as_str())
            .because_of("load_state", broken.map(|state| state.load_state.word()))
            .because_of("drop_in", broken.and_then(|state| blame::named(state, blame::schedule)))
            .remedied_by(remedy);
    } else if let Some(timer) = masked(updater.timer, |timer| &timer.state) {
        find_masked(case, Reason::TimerMasked, timer, RemedyId::UnmaskTimer, generation);
    } else if is_missing(updater.service, |service| &service.state) {
        case.find(Reason::ServiceMissing).of(generation).because("unit", service_name.as_str());
    } else if let Some(service) = updater.service.present().filter(|service| service.state.is_broken()) {
        // A file that systemd could not read is as good as none.
        let remedy = blame::remedy(&service.state, blame::surroundings, RemedyId::RevertService, generation);
        case.find(Reason::ServiceMissing)
            .of(generation)
            .because("unit", &service.state.unit)
            .because("load_state", service.state.load_state.word())
            .because_of("drop_in", blame::named(&service.state, blame::surroundings))
            .remedied_by(remedy);
    } else if let Some(service) = masked(updater.service, |service| &service.state) {
        find_masked(case, Reason::ServiceMasked, service, RemedyId::UnmaskService, generation);
    } else if let Fact::Present(timer) = updater.timer {
        armed(case, generation, timer, updater.service.present());
    }
}

fn is_missing<U>(unit: &Fact<U>, state: impl Fn(&U) -> &UnitState) -> bool {
    match unit {
        Fact::Absent => true,
        Fact::Present(unit) => state(unit).has_lost_its_file(),
        Fact::Unreadable(_) | Fact::NotApplicable => false,
    }
}

fn masked<U>(unit: &Fact<U>, state: impl Fn(&U) -> &UnitState) -> Option<&UnitState> {
    unit.present().map(state).filter(|state| state.is_masked())
}

fn find_masked(
    case: &mut Case<'_>,
    reason: Reason,
    state: &UnitState,
    unmask: RemedyId,
    generation: Generation,
) {
    // Unmasking helps only where a packaged unit file comes back by it.
    let remedy = match (state.vendor_file.is_present(), state.unit_file_state, unmask) {
        (false, ..) => RemedyId::EnableV2,
        (true, Some(UnitFileState::MaskedRuntime), RemedyId::UnmaskTimer) => RemedyId::UnmaskRuntimeTimer,
        (true, Some(UnitFileState::MaskedRuntime), _) => RemedyId::UnmaskRuntimeService,
        (true, ..) => unmask,
    };
    case.find(reason)
        .of(generation)
        .because("unit", &state.unit)
        .because("load_state", state.load_state.word())
        .because_of("unit_file_state", state.unit_file_state.map(UnitFileState::word))
        .because_of("vendor_file", state.vendor_file.present())
        .remedied_by(Some(remedy));
}

/// The rest of the chain, for a timer and a service that exist.
fn armed(case: &mut Case<'_>, generation: Generation, timer: &TimerUnit, service: Option<&ServiceUnit>) {
    let state = &timer.state;
    if starters::judge(case, generation, timer) {
        return;
    }
    if case.is_static() {
        misdirected(case, generation, timer, service);
        return;
    }
    let failed = state.active_state == ActiveState::Failed;
    if !failed && !case.is_settled() {
        return; // the host is still starting or waking
    }
    if !matches!(state.active_state, ActiveState::Active | ActiveState::Activating | ActiveState::Reloading) {
        inactive(case, generation, timer);
        return;
    }
    if misdirected(case, generation, timer, service) || case.has(Reason::RunSkipped) {
        return;
    }
    // While its service runs, a timer has no next run and its last one may lie long back.
    let running = service.is_none_or(ServiceUnit::is_running)
        || state.sub_state.as_ref().is_some_and(|sub_state| sub_state == "running");
    if running {
        return;
    }
    match timer.next_elapse {
        Some(next) if case.horizon.is_past(next.monotonic.saturating_sub(FAR), 0) => {
            late(case, generation, timer, next);
        }
        next => not_armed(case, generation, timer, next),
    }
}

/// Adds that the timer is stopped.
fn inactive(case: &mut Case<'_>, generation: Generation, timer: &TimerUnit) {
    let state = &timer.state;
    let refusal = blame::standing_refusal(timer);
    let concerns = blame::keeps_stopped(timer);
    let remedy = match concerns {
        Some(concerns) => blame::remedy(state, concerns, RemedyId::RevertTimer, generation),
        None if starters::agents_unit_starts_it(case, timer) => Some(RemedyId::StartTimer),
        None => Some(RemedyId::WantTimer),
    };
    case.find(Reason::TimerInactive)
        .of(generation)
        .because("unit", &state.unit)
        .because("active_state", state.active_state.word())
        .because_of("load_state", (state.load_state != LoadState::Loaded).then(|| state.load_state.word()))
        .because_of("result", timer.result.map(crate::observation::UnitResult::word))
        .because_of("refused_by", refusal.map(|refusal| &refusal.by))
        .because_of("drop_in", concerns.and_then(|concerns| blame::named(state, concerns)))
        .remedied_by(remedy);
}

/// A timer that is active keeps to what it was when it was started.
fn rearmed(remedy: Option<RemedyId>) -> Option<RemedyId> {
    remedy.map(|id| if id == RemedyId::EnableV2 { RemedyId::RewriteTimerV2 } else { id })
}

/// Adds that the timer will not fire, or not within a time in which anybody would want it to.
fn not_armed(case: &mut Case<'_>, generation: Generation, timer: &TimerUnit, next: Option<Moment>) {
    let (state, schedule) = (&timer.state, &timer.schedule);
    // A start arms it where its first firing follows from the start, and others from that one.
    let remedy = if next.is_none() && schedule.first.is_some() && schedule.interval.is_some() {
        Some(RemedyId::RestartTimer)
    } else {
        rearmed(blame::remedy(state, blame::schedule, RemedyId::RevertTimer, generation))
    };
    case.find(Reason::TimerNotArmed)
        .of(generation)
        .because("unit", &state.unit)
        .because_of("sub_state", state.sub_state.clone())
        .because_of("next_run", next.map(|next| next.realtime))
        .in_words(next.map(|_| format!("{}'s timer fires only in more than a week", generation.updater())))
        .because_of("drop_in", blame::named(state, blame::schedule))
        .remedied_by(remedy);
}

/// Adds that the timer has not fired although it should have. One that is armed is never late.
fn late(case: &mut Case<'_>, generation: Generation, timer: &TimerUnit, next: Moment) {
    match timer.last_trigger {
        None => never_fired(case, generation, timer, next),
        Some(last) => overdue(case, generation, timer, last, next),
    }
}

/// Adds that the timer starts another unit than the updater's service, where it does.
fn misdirected(
    case: &mut Case<'_>,
    generation: Generation,
    timer: &TimerUnit,
    service: Option<&ServiceUnit>,
) -> bool {
    if !service.is_some_and(|service| firing::is_misdirected(timer, service)) {
        return false;
    }
    let remedy = blame::remedy(&timer.state, blame::target, RemedyId::RevertTimer, generation);
    let remedy = if case.is_static() { remedy } else { rearmed(remedy) };
    case.find(Reason::TimerMisdirected)
        .of(generation)
        .because("unit", &timer.state.unit)
        .because_of("starts", timer.triggers.clone())
        .because_of("drop_in", blame::named(&timer.state, blame::target))
        .remedied_by(remedy);
    true
}

fn never_fired(case: &mut Case<'_>, generation: Generation, timer: &TimerUnit, next: Moment) {
    let Some(active_since) = timer.active_since else { return };
    let schedule = &timer.schedule;
    let Some(first) = schedule.first.or(schedule.interval) else {
        return; // by the calendar alone, the first firing may be far away
    };
    let length = case.policy.thresholds.never_fired_after(first.saturating_add(schedule.slack()));
    if case.horizon.is_past(active_since.monotonic, length) && case.horizon.is_past(next.monotonic, 0) {
        case.find(Reason::TimerNeverFired)
            .of(generation)
            .because("unit", &timer.state.unit)
            .because("active_since", active_since.realtime)
            .since(Some(active_since.realtime));
    }
}

fn overdue(case: &mut Case<'_>, generation: Generation, timer: &TimerUnit, last: Moment, next: Moment) {
    let thresholds = case.policy.thresholds;
    let by_interval = timer.schedule.interval.is_some() || timer.schedule.calendar.is_empty();
    let late = if by_interval {
        case.horizon.is_past(last.monotonic, thresholds.overdue_after(timer.schedule.period()))
    } else {
        // By the calendar a next firing that has passed is late, unless the host slept through it or its clock
        // jumped over it: it must also have been awake for as long as from the last firing to that one.
        let allowed = timer.schedule.slack().saturating_add(thresholds.overdue.usec());
        let apart = next.realtime.duration_since(last.realtime).as_micros();
        let apart = Usec::try_from(apart.max(0)).unwrap_or(Usec::MAX);
        let awake_for_long = case.horizon.is_past(last.monotonic, apart.saturating_add(allowed));
        case.horizon.is_past_realtime(next.realtime, allowed) && awake_for_long
    };
    if late && case.horizon.is_past(next.monotonic, 0) {
        case.find(Reason::TimerOverdue)
            .of(generation)
            .because("unit", &timer.state.unit)
            .because("last_run", last.realtime)
            .since(Some(last.realtime));
    }
}
