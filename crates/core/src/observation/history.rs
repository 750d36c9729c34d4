//! What a daemon remembers beyond one look.

use jiff::Timestamp;
use serde::Deserialize;
use serde::Serialize;

use crate::Text;

use super::service::ServiceUnit;
use super::unit::UnitResult;

/// What a daemon remembers beyond one look, of the service that runs the updater judged.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct History {
    /// The service remembered.
    #[serde(default)]
    pub unit: Option<Text>,
    /// How many runs of the updater failed in a row, up to now; at least, as a run between two looks is missed.
    #[serde(default)]
    pub consecutive_failed_runs: u32,
    /// Since when they fail.
    #[serde(default)]
    pub failing_since: Option<Timestamp>,
    /// The last of these failures.
    #[serde(default)]
    pub last_failure: Option<FailedRun>,
    /// The last run seen to succeed.
    #[serde(default)]
    pub last_success: Option<Timestamp>,
}

/// A run of the updater that failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailedRun {
    /// In what way.
    pub result: UnitResult,
    /// The exit status or signal number of its process.
    #[serde(default)]
    pub exit_status: Option<i32>,
    /// When it ended, or began where that is all that is known.
    #[serde(default)]
    pub ended: Option<Timestamp>,
    /// Whether it ended before it came to the updater.
    #[serde(default)]
    pub before_updater: bool,
}

impl FailedRun {
    /// The last run of `service`, if it ended in failure.
    pub fn last_of(service: &ServiceUnit) -> Option<Self> {
        if service.is_running() {
            return None; // what it says is about the run in progress
        }
        let ended = service.last_seen_at_work().map(|moment| moment.realtime);
        let is_failure = |result: &UnitResult| *result != UnitResult::Success;
        match service.result.filter(is_failure) {
            // A condition of the unit that said no is no failure: nothing was run.
            Some(UnitResult::ExecCondition) => None,
            Some(result) => {
                let before_updater = !service.came_to_its_program();
                Some(Self { result, exit_status: service.exit_status, ended, before_updater })
            }
            // Settings that call any status a success do not make it one.
            None => {
                let exec = service.exec.as_ref()?;
                let result = exec.result.filter(is_failure)?;
                Some(Self { result, exit_status: exec.status, ended, before_updater: false })
            }
        }
    }
}

impl History {
    /// What is remembered after a look that saw `service`, at `now`.
    #[must_use]
    pub fn after(self, service: &ServiceUnit, now: Timestamp) -> Self {
        let unit = Some(service.state.unit.clone());
        let before = if self.unit == unit { self } else { Self { unit, ..Self::default() } };
        // A condition that said no leaves the run before it standing, and so does what was forgotten.
        let is_forgotten = service.exec.as_ref().is_some_and(|exec| exec.is_forgotten);
        if service.is_running() || service.result == Some(UnitResult::ExecCondition) || is_forgotten {
            return before;
        }
        match FailedRun::last_of(service) {
            Some(failure) if before.is_known(&failure) => before,
            Some(failure) => Self {
                consecutive_failed_runs: before.consecutive_failed_runs.saturating_add(1),
                failing_since: before.failing_since.or(failure.ended).or(Some(now)),
                last_failure: Some(failure),
                ..before
            },
            None => Self {
                consecutive_failed_runs: 0,
                failing_since: None,
                last_success: before.success_of(service).or(before.last_success),
                ..before
            },
        }
    }

    /// The end of the last run of `service`, if that run succeeded. One that failed and was then reset by a person says
    /// of itself that it did, and one that did not run since boot that there was no failure.
    pub fn success_of(&self, service: &ServiceUnit) -> Option<Timestamp> {
        let ended = service.exited.filter(|_| service.has_succeeded())?.realtime;
        let was_failure = self.last_failure.is_some_and(|failure| failure.ended == Some(ended));
        (!was_failure).then_some(ended)
    }

    /// The failure that still counts, of the runs of `unit`.
    pub(crate) fn standing_failure(&self, unit: &Text) -> Option<FailedRun> {
        self.last_failure.filter(|_| self.consecutive_failed_runs > 0 && self.unit.as_ref() == Some(unit))
    }

    fn is_known(&self, failure: &FailedRun) -> bool {
        self.consecutive_failed_runs > 0 && self.last_failure.as_ref() == Some(failure)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Fact;
    use crate::Moment;
    use crate::observation::ActiveState;
    use crate::observation::LoadState;
    use crate::observation::UnitState;

    fn at(minute: u32) -> Timestamp {
        format!("2026-11-22T10:{minute:02}:00Z").parse().expect("time")
    }

    fn service(active: ActiveState, result: UnitResult, exited: Option<u32>) -> ServiceUnit {
        let exited = exited.map(|minute| Moment { realtime: at(minute), monotonic: 1 });
        ServiceUnit {
            state: UnitState {
                unit: "teleport-update.service".into(),
                load_state: LoadState::Loaded,
                active_state: active,
                sub_state: None,
                unit_file_state: None,
                need_daemon_reload: None,
                fragment: Fact::NotApplicable,
                vendor_file: Fact::NotApplicable,
                lasting_file: Fact::NotApplicable,
                id: None,
                job: None,
                drop_ins: Vec::new(),
            },
            result: Some(result),
            exit_status: Some(1),
            started: None,
            main_started: Fact::NotApplicable,
            exited,
            refusal: None,
            restarts: None,
            remains_after_exit: None,
            stops_when_unneeded: None,
            exec: None,
        }
    }

    fn failed(minute: u32) -> ServiceUnit {
        service(ActiveState::Failed, UnitResult::ExitCode, Some(minute))
    }

    #[test]
    fn counts_runs_and_not_looks() {
        let mut history = History::default();
        for (minute, runs) in [(1, 1), (1, 1), (6, 2), (11, 3), (11, 3)] {
            history = history.after(&failed(minute), at(minute));
            assert_eq!(history.consecutive_failed_runs, runs, "at {minute}");
        }
        assert_eq!(history.failing_since, Some(at(1)));
    }

    #[test]
    fn a_run_in_progress_changes_nothing_and_a_success_forgets_the_failures() {
        let history = History::default().after(&failed(1), at(1));
        let running = service(ActiveState::Activating, UnitResult::Success, None);
        assert_eq!(history.clone().after(&running, at(6)), history);
        let succeeded = service(ActiveState::Inactive, UnitResult::Success, Some(7));
        let history = history.after(&succeeded, at(7));
        assert_eq!((history.consecutive_failed_runs, history.failing_since), (0, None));
        assert_eq!(history.last_success, Some(at(7)));
        let history = history.after(&failed(12), at(12));
        assert_eq!((history.consecutive_failed_runs, history.last_success), (1, Some(at(7))));
    }

    #[test]
    fn a_failure_that_a_person_reset_is_no_success() {
        let history = History::default().after(&failed(1), at(1));
        let reset = service(ActiveState::Inactive, UnitResult::Success, Some(1));
        let history = history.after(&reset, at(2)).after(&reset, at(3));
        assert_eq!((history.consecutive_failed_runs, history.last_success), (0, None));
        assert_eq!(history.standing_failure(&"teleport-update.service".into()), None);
    }

    #[test]
    fn another_updater_has_another_history() {
        let history = History::default().after(&failed(1), at(1));
        let mut other = failed(1);
        other.state.unit = "teleport-upgrade.service".into();
        assert_eq!(history.after(&other, at(1)).consecutive_failed_runs, 1);
    }

    #[test]
    fn a_failure_without_a_process_counts_from_now() {
        let history =
            History::default().after(&service(ActiveState::Failed, UnitResult::Resources, None), at(3));
        assert_eq!((history.consecutive_failed_runs, history.failing_since), (1, Some(at(3))));
    }
}
