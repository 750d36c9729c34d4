//! Which settings are at fault, where they were made, and so what takes them back.

use crate::Generation;
use crate::RemedyId;
use crate::Text;
use crate::observation::DropIn;
use crate::observation::Refusal;
use crate::observation::TimerUnit;
use crate::observation::UnitState;

/// Tells which settings may cause what was found.
pub(super) type Concerns = fn(&str) -> bool;

/// When a timer fires.
pub(super) fn schedule(setting: &str) -> bool {
    matches!(
        setting,
        "OnActiveSec"
            | "OnBootSec"
            | "OnCalendar"
            | "OnClockChange"
            | "OnStartupSec"
            | "OnTimezoneChange"
            | "OnUnitActiveSec"
            | "OnUnitInactiveSec"
    )
}

/// What a timer starts.
pub(super) fn target(setting: &str) -> bool {
    setting == "Unit"
}

/// What refuses a start.
pub(super) fn conditions(setting: &str) -> bool {
    setting.starts_with("Condition") || setting.starts_with("Assert") || setting == "ExecCondition"
}

/// What makes a start wait for, or depend on, other units.
pub(super) fn waiting(setting: &str) -> bool {
    matches!(setting, "After" | "Conflicts" | "JobTimeoutSec") || dependencies(setting)
}

/// What makes a start fail because of other units or of how it is asked for.
pub(super) fn dependencies(setting: &str) -> bool {
    matches!(
        setting,
        "BindsTo" | "RefuseManualStart" | "Requires" | "RequiresMountsFor" | "Requisite" | "StopWhenUnneeded"
    )
}

/// What may keep a program out of reach.
pub(super) fn reach(setting: &str) -> bool {
    program(setting)
        || matches!(
            setting,
            "BindPaths"
                | "BindReadOnlyPaths"
                | "ExecPaths"
                | "InaccessiblePaths"
                | "MountImages"
                | "NoExecPaths"
                | "TemporaryFileSystem"
        )
}

/// What a service executes.
pub(super) fn program(setting: &str) -> bool {
    matches!(setting, "ExecStart" | "ExecSearchPath" | "RootDirectory" | "RootImage" | "Type")
}

/// Whether a service stays active after a run.
pub(super) fn after_a_run(setting: &str) -> bool {
    matches!(setting, "RemainAfterExit" | "Type")
}

/// What surrounds the program of a service: everything but variables and prose.
pub(super) fn surroundings(setting: &str) -> bool {
    !matches!(
        setting,
        "Description" | "Documentation" | "Environment" | "EnvironmentFile" | "PassEnvironment"
    )
}

/// What refuses to start the timer. What refused it before it last became active says nothing of why it is not.
pub(super) fn standing_refusal(timer: &TimerUnit) -> Option<&Refusal> {
    let since = timer.active_since.map_or(0, |moment| moment.monotonic);
    timer.refusal.as_ref().filter(|refusal| refusal.at.is_none_or(|at| at.monotonic >= since))
}

/// The settings for which the timer cannot be started, if there are such.
pub(super) fn cannot_start(timer: &TimerUnit) -> Option<Concerns> {
    if standing_refusal(timer).is_some() {
        Some(conditions)
    } else {
        timer.state.is_broken().then_some(schedule)
    }
}

/// The settings of a timer that is stopped for which starting it may fail or not last.
pub(super) fn keeps_stopped(timer: &TimerUnit) -> Option<Concerns> {
    let depends = |drop_in: &DropIn| drop_in.sets.is_some() && drop_in.may_set(dependencies);
    let is_dependent = timer.state.drop_ins.iter().any(depends);
    cannot_start(timer).or(is_dependent.then_some(dependencies))
}

/// The drop-ins at fault, as evidence.
pub(super) fn named(state: &UnitState, concerns: Concerns) -> Option<Text> {
    let paths: Vec<_> = state.drop_ins_about(concerns).map(|drop_in| drop_in.path.as_str()).collect();
    (!paths.is_empty()).then(|| Text::new(&paths.join(", ")))
}

/// What takes the settings at fault back: `revert` where drop-ins made them, which helps only if it takes away all of
/// them, else writing the unit anew, which only the newer updater does.
pub(super) fn remedy(
    state: &UnitState,
    concerns: Concerns,
    revert: RemedyId,
    generation: Generation,
) -> Option<RemedyId> {
    let mut guilty = state.drop_ins_about(concerns).peekable();
    if guilty.peek().is_none() {
        return (generation == Generation::V2).then_some(RemedyId::EnableV2);
    }
    let can_revert = |drop_in: &DropIn| state.can_revert(drop_in);
    guilty.all(can_revert).then_some(revert)
}
