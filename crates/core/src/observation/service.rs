//! Services, and what became of their runs.

use serde::Deserialize;
use serde::Serialize;

use crate::Fact;
use crate::Moment;
use crate::Text;
use crate::Usec;

use super::unit::ActiveState;
use super::unit::UnitResult;
use super::unit::UnitState;

/// What belongs together happens within this, in microseconds.
const A_MOMENT: Usec = 1_000_000;

/// A service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceUnit {
    /// State common to all units.
    #[serde(flatten)]
    pub state: UnitState,
    /// `Result` of the last run; `success` also before the first one.
    #[serde(default)]
    pub result: Option<UnitResult>,
    /// The exit status or signal number of the last run.
    #[serde(default)]
    pub exit_status: Option<i32>,
    /// When the last run started: the later of the unit's own start and that of its program.
    #[serde(default)]
    pub started: Option<Moment>,
    /// When the program of the last run started. Absent, or earlier than `started`: that run ended before it came to its
    /// program.
    #[serde(default)]
    pub main_started: Fact<Moment>,
    /// When the last run ended.
    #[serde(default)]
    pub exited: Option<Moment>,
    /// The condition or assertion that refused a start, if the last one asked did.
    #[serde(default)]
    pub refusal: Option<Refusal>,
    /// How often systemd itself started the service again since its timer did.
    #[serde(default)]
    pub restarts: Option<Restarts>,
    /// `RemainAfterExit`: the service stays active after a run. Looked at in images.
    #[serde(default)]
    pub remains_after_exit: Option<bool>,
    /// `StopWhenUnneeded`: a service that stays active is stopped as soon as nothing needs it.
    #[serde(default)]
    pub stops_when_unneeded: Option<bool>,
    /// What it executes.
    #[serde(default)]
    pub exec: Option<Exec>,
}

impl ServiceUnit {
    /// Whether a run is in progress. One that waits to be started again has ended, and so has one of a service that stays
    /// active.
    pub fn is_running(&self) -> bool {
        let sub_state = self.state.sub_state.as_ref().map_or("", Text::as_str);
        match self.state.active_state {
            ActiveState::Active => sub_state != "exited",
            ActiveState::Activating => !sub_state.starts_with("auto-restart"),
            ActiveState::Reloading | ActiveState::Deactivating => true,
            ActiveState::Inactive | ActiveState::Failed | ActiveState::Other => false,
        }
    }

    /// Whether the service stays active without running, so that starting it does nothing.
    pub fn stays_active(&self) -> bool {
        self.state.active_state == ActiveState::Active && !self.is_running()
    }

    /// Whether systemd has restarted it, and would whatever the result of a run (`Restart=always`).
    pub fn always_restarts(&self) -> bool {
        self.restarts.is_some_and(|restarts| restarts.count > 0 && !restarts.only_after_failure)
    }

    /// The later of the last start and the last end, by the monotonic clock.
    pub fn last_seen_at_work(&self) -> Option<Moment> {
        self.started.into_iter().chain(self.exited).max_by_key(|moment| moment.monotonic)
    }

    /// Whether the last run came as far as starting its program.
    pub fn came_to_its_program(&self) -> bool {
        match (self.started, &self.main_started) {
            // systemd notes the start of the program first, and that of the unit a moment later.
            (Some(started), Fact::Present(main)) => {
                main.monotonic.saturating_add(A_MOMENT) >= started.monotonic
            }
            (Some(_), Fact::Absent) => false,
            _ => true,
        }
    }

    /// Whether the last run succeeded: systemd calls it a success, and the updater's own line ended with status 0. A
    /// success that a user's settings declare of another status is none.
    pub fn has_succeeded(&self) -> bool {
        let own = self.exec.as_ref().and_then(|exec| exec.result).unwrap_or(UnitResult::Success);
        let is_told = self.exec.as_ref().is_none_or(Exec::tells_of_the_updater);
        !self.is_running()
            && self.result == Some(UnitResult::Success)
            && own == UnitResult::Success
            && is_told
    }
}

/// What a service executes, as far as judgement needs it: the line that runs the updater, or else the first one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub struct Exec {
    /// The program; empty where there is none.
    pub path: Text,
    /// Whether `--insecure` is among its arguments.
    #[serde(default)]
    pub insecure: bool,
    /// Whether the program is not there. Looked at in images.
    #[serde(default)]
    pub is_missing: bool,
    /// What runs in the end, seen through programs that only start another one; null where nobody looked.
    #[serde(default)]
    pub runs: Option<Runs>,
    /// Whether what is around the updater, as the text of a shell, may hide how its run ended.
    #[serde(default)]
    pub hides_status: bool,
    /// Whether systemd forgot, at a reload, how this line's last run ended.
    #[serde(default)]
    pub is_forgotten: bool,
    /// How this line's last run ended; null where that is not known.
    #[serde(default)]
    pub result: Option<UnitResult>,
    /// The exit status or signal number of this line's last run.
    #[serde(default)]
    pub status: Option<i32>,
}

impl Exec {
    /// Whether how the service ended tells how a run of the updater ended.
    pub fn tells_of_the_updater(&self) -> bool {
        !matches!(self.runs, Some(Runs::Other | Runs::Opaque)) && !self.hides_status && !self.is_forgotten
    }

    /// A line of which nothing is known but its program.
    pub fn of_program(path: &str) -> Self {
        Self {
            path: Text::new(path),
            is_missing: false,
            insecure: false,
            runs: None,
            hides_status: false,
            is_forgotten: false,
            result: None,
            status: None,
        }
    }
}

/// What the lines of a service run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Runs {
    /// The updater.
    Updater,
    /// Something else.
    Other,
    /// A script or a program that may start anything.
    Opaque,
}

/// Starts that systemd makes by itself (`Restart=`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Restarts {
    /// How many.
    pub count: u32,
    /// Whether its settings say to start again only what has failed.
    pub only_after_failure: bool,
}

/// A start that was refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// What refused it, as `ConditionPathExists=/run/ready`.
    pub by: Text,
    /// When.
    #[serde(default)]
    pub at: Option<Moment>,
}
