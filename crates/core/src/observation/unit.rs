//! Units of systemd, as their properties say.

use serde::Deserialize;
use serde::Serialize;

use crate::Fact;
use crate::Moment;
use crate::Text;
use crate::Usec;

/// Makes an enum of the words systemd uses, closed by `Other` for words added later.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $word:literal,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
        pub enum $name {
            $($(#[$vdoc])* #[serde(rename = $word)] $variant,)*
            /// A word this version does not know.
            #[serde(other, rename = "other")]
            Other,
        }

        impl $name {
            /// The word systemd uses.
            pub const fn word(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)*
                    Self::Other => "other",
                }
            }
        }

        impl From<&str> for $name {
            fn from(word: &str) -> Self {
                match word {
                    $($word => Self::$variant,)*
                    _ => Self::Other,
                }
            }
        }
    };
}

words! {
    /// `LoadState`.
    LoadState {
        /// Its file was read.
        Loaded = "loaded",
        /// It has no file.
        NotFound = "not-found",
        /// Its file is a link to `/dev/null`.
        Masked = "masked",
        /// Its file could not be understood.
        BadSetting = "bad-setting",
        /// Its file could not be read.
        Error = "error",
        /// It is another name of another unit.
        Merged = "merged",
        /// Not loaded yet.
        Stub = "stub",
    }
}

words! {
    /// `ActiveState`.
    ActiveState {
        /// Started.
        Active = "active",
        /// Started, reading its configuration again.
        Reloading = "reloading",
        /// Stopped.
        Inactive = "inactive",
        /// Stopped by a failure.
        Failed = "failed",
        /// Starting; a oneshot service is in this state while it works.
        Activating = "activating",
        /// Stopping.
        Deactivating = "deactivating",
    }
}

words! {
    /// `UnitFileState`.
    UnitFileState {
        /// Enabled.
        Enabled = "enabled",
        /// Enabled until the next boot.
        EnabledRuntime = "enabled-runtime",
        /// Linked into the search path, not enabled.
        Linked = "linked",
        /// Linked until the next boot, not enabled.
        LinkedRuntime = "linked-runtime",
        /// Another name.
        Alias = "alias",
        /// A link to `/dev/null`.
        Masked = "masked",
        /// The same until the next boot.
        MaskedRuntime = "masked-runtime",
        /// Cannot be enabled, for want of an install section.
        Static = "static",
        /// Not enabled.
        Disabled = "disabled",
        /// Enabled through another unit.
        Indirect = "indirect",
        /// Made by a generator.
        Generated = "generated",
        /// Made at run time.
        Transient = "transient",
        /// Not understood.
        Bad = "bad",
    }
}

words! {
    /// `Result` of a timer or service.
    UnitResult {
        /// No failure.
        Success = "success",
        /// The process ended with a non-zero exit status.
        ExitCode = "exit-code",
        /// The process was ended by a signal.
        Signal = "signal",
        /// The process was ended by a signal and dumped core.
        CoreDump = "core-dump",
        /// A time limit of the unit was exceeded.
        Timeout = "timeout",
        /// The watchdog of the unit was not fed.
        Watchdog = "watchdog",
        /// The kernel ended it for want of memory.
        OomKill = "oom-kill",
        /// Something it needs to start was not to be had.
        Resources = "resources",
        /// Started too often.
        StartLimitHit = "start-limit-hit",
        /// The service did not do what its type demands.
        Protocol = "protocol",
        /// A condition of the unit said no.
        ExecCondition = "exec-condition",
    }
}

/// State that all units have. A property an old systemd does not have is null.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnitState {
    /// The unit's name.
    pub unit: Text,
    /// `LoadState`.
    pub load_state: LoadState,
    /// `ActiveState`.
    pub active_state: ActiveState,
    /// `SubState`.
    #[serde(default)]
    pub sub_state: Option<Text>,
    /// `UnitFileState`.
    #[serde(default)]
    pub unit_file_state: Option<UnitFileState>,
    /// `NeedDaemonReload`: the file on disk is newer than what systemd read.
    #[serde(default)]
    pub need_daemon_reload: Option<bool>,
    /// The file the unit was read from, if that still exists. Looked for only where a reload is needed, as one is
    /// when the file is gone.
    #[serde(default)]
    pub fragment: Fact<Text>,
    /// A file of the unit's name where packages put units, which unmasking would bring back.
    #[serde(default)]
    pub vendor_file: Fact<Text>,
}

impl UnitState {
    /// Whether the unit is masked, by what systemd has loaded or by what lies on disk.
    pub const fn is_masked(&self) -> bool {
        matches!(self.load_state, LoadState::Masked)
            || matches!(self.unit_file_state, Some(UnitFileState::Masked | UnitFileState::MaskedRuntime))
    }

    /// Whether the unit's file is there but could not be understood or read.
    pub const fn is_broken(&self) -> bool {
        matches!(self.load_state, LoadState::BadSetting | LoadState::Error)
    }

    /// Whether the unit is loaded but its file is gone, so that it will not outlive a reload or reboot.
    pub const fn has_lost_its_file(&self) -> bool {
        matches!(self.load_state, LoadState::Loaded) && self.fragment.is_absent()
    }
}

/// A timer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TimerUnit {
    /// State common to all units.
    #[serde(flatten)]
    pub state: UnitState,
    /// `Result`.
    #[serde(default)]
    pub result: Option<UnitResult>,
    /// When it became active.
    #[serde(default)]
    pub active_since: Option<Moment>,
    /// When it last started its service.
    #[serde(default)]
    pub last_trigger: Option<Moment>,
    /// When it will start its service next.
    #[serde(default)]
    pub next_elapse: Option<Moment>,
    /// When it starts its service.
    #[serde(default)]
    pub schedule: Schedule,
}

/// When a timer starts its service. Lengths are in microseconds.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Schedule {
    /// From the timer's start to its first firing (`OnActiveSec=` and the like).
    #[serde(default)]
    pub first: Option<Usec>,
    /// From one firing to the next (`OnUnitActiveSec=` and the like).
    #[serde(default)]
    pub interval: Option<Usec>,
    /// Calendar expressions.
    #[serde(default)]
    pub calendar: Vec<Text>,
    /// `RandomizedDelaySec=`.
    #[serde(default)]
    pub random_delay: Usec,
    /// `AccuracySec=`.
    #[serde(default)]
    pub accuracy: Usec,
}

impl Schedule {
    /// How much later than asked a firing may be.
    pub const fn slack(&self) -> Usec {
        self.random_delay.saturating_add(self.accuracy)
    }

    /// Whether it fires again and again.
    pub fn repeats(&self) -> bool {
        self.interval.is_some() || !self.calendar.is_empty()
    }

    /// The longest time between two firings of a healthy timer, if the schedule is by intervals.
    pub fn period(&self) -> Option<Usec> {
        Some(self.interval?.saturating_add(self.slack()))
    }
}

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
    /// When the last run started.
    #[serde(default)]
    pub started: Option<Moment>,
    /// When the last run ended.
    #[serde(default)]
    pub exited: Option<Moment>,
    /// What it executes.
    #[serde(default)]
    pub exec: Option<Exec>,
}

impl ServiceUnit {
    /// Whether a run is in progress.
    pub const fn is_running(&self) -> bool {
        matches!(
            self.state.active_state,
            ActiveState::Active
                | ActiveState::Activating
                | ActiveState::Reloading
                | ActiveState::Deactivating
        )
    }
}

/// What a service executes, as far as judgement needs it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exec {
    /// The program.
    pub path: Text,
    /// Whether `--insecure` is among its arguments.
    #[serde(default)]
    pub insecure: bool,
}
