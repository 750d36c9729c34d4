//! Enabled means: something that will be there after a boot starts the timer.

use crate::Generation;
use crate::Reason;
use crate::RemedyId;
use crate::Text;
use crate::observation::Starter;
use crate::observation::StarterState;
use crate::observation::TimerUnit;
use crate::observation::UnitFileState;

use super::blame;
use super::case::Case;

/// Adds that nothing will start the timer after a boot, where that is so.
pub(super) fn judge(case: &mut Case<'_>, generation: Generation, timer: &TimerUnit) -> bool {
    let state = &timer.state;
    let starters = timer.starters.present();
    let started = match starters {
        Some(starters) => starters.iter().any(|starter| starter.state == StarterState::There),
        // In an image only a link starts the timer; on a host it may have been started otherwise.
        None if case.is_static() => state.unit_file_state == Some(UnitFileState::Enabled),
        None => !is_not_enabled(state.unit_file_state),
    };
    let lasts = !state.lasting_file.is_absent();
    if started && lasts {
        return false;
    }
    let cannot_start = blame::cannot_start(timer);
    let remedy = match cannot_start {
        _ if !lasts => Some(RemedyId::EnableV2),
        // What keeps it from being started is taken away first.
        Some(concerns) => blame::remedy(state, concerns, RemedyId::RevertEnableTimer, generation),
        None => Some(remedy(case, generation, timer)),
    };
    case.find(Reason::TimerDisabled)
        .of(generation)
        .because("unit", &state.unit)
        .because_of("unit_file_state", state.unit_file_state.map(UnitFileState::word))
        .because("active_state", state.active_state.word())
        .because_of("started_by", starters.filter(|_| !started).and_then(|starters| listed(starters)))
        .because_of("file", (!lasts).then_some("only below /run, until the next boot"))
        .because_of("drop_in", cannot_start.and_then(|concerns| blame::named(state, concerns)))
        .remedied_by(remedy);
    true
}

/// The units that would start the timer and will not.
fn listed(starters: &[Starter]) -> Option<Text> {
    let each = starters.iter().map(|starter| format!("{} ({})", starter.unit, starter.state.word()));
    let list = each.collect::<Vec<_>>().join(", ");
    (!list.is_empty()).then(|| Text::new(&list))
}

/// Enabling helps where the unit that the timer installs itself under will be there.
fn remedy(case: &Case<'_>, generation: Generation, timer: &TimerUnit) -> RemedyId {
    let can_be_enabled = is_not_enabled(timer.state.unit_file_state)
        || timer.state.unit_file_state == Some(UnitFileState::Enabled)
        || timer.state.unit_file_state.is_none();
    let own = case.observation.agent.namespace.agent_unit();
    let lies_elsewhere = match generation {
        Generation::V1 => false, // it installs itself under timers.target
        Generation::V2 => match &case.observation.agent.unit {
            crate::Fact::Present(unit) => unit.state.unit != *own || unit.state.is_masked(),
            crate::Fact::Absent => true,
            crate::Fact::Unreadable(_) | crate::Fact::NotApplicable => false,
        },
    };
    if can_be_enabled && !lies_elsewhere { RemedyId::EnableTimer } else { RemedyId::WantTimer }
}

/// Whether the agent runs in a unit that does not start the timer, so that a boot does not either.
pub(super) fn agents_unit_starts_it(case: &Case<'_>, timer: &TimerUnit) -> bool {
    let Some(unit) = case.observation.agent.unit.present() else { return true };
    let is_own = unit.state.unit == *case.observation.agent.namespace.agent_unit();
    let starters = timer.starters.present().map_or(&[][..], Vec::as_slice);
    is_own || starters.iter().any(|starter| starter.unit == unit.state.unit)
}

const fn is_not_enabled(state: Option<UnitFileState>) -> bool {
    matches!(
        state,
        Some(
            UnitFileState::Disabled
                | UnitFileState::Linked
                | UnitFileState::LinkedRuntime
                | UnitFileState::EnabledRuntime
        )
    )
}
