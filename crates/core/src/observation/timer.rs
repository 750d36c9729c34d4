//! Timers, as their properties and the links on disk say.

use serde::Deserialize;
use serde::Serialize;

use crate::Fact;
use crate::Moment;
use crate::Text;
use crate::Usec;

use super::service::Refusal;
use super::unit::UnitResult;
use super::unit::UnitState;

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
    /// When it last fired since boot. The stamp that a `Persistent=` timer keeps of an earlier boot is none.
    #[serde(default)]
    pub last_trigger: Option<Moment>,
    /// When it will fire next.
    #[serde(default)]
    pub next_elapse: Option<Moment>,
    /// The condition or assertion that refused to start the timer, if the last start asked for was refused.
    #[serde(default)]
    pub refusal: Option<Refusal>,
    /// The unit that it starts, by that unit's own name.
    #[serde(default)]
    pub triggers: Option<Text>,
    /// What would start it at a boot, as links and files on disk say: one that will be there, or all that will not.
    #[serde(default)]
    pub starters: Fact<Vec<Starter>>,
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

/// A unit that would start another one at a boot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Starter {
    /// Its name.
    pub unit: Text,
    /// The link or file that says so.
    pub by: Text,
    /// Whether it will be there.
    pub state: StarterState,
}

/// Whether a unit that would start another one will be there after a boot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum StarterState {
    /// It will.
    There,
    /// It has no file.
    Missing,
    /// Its file is a link to /dev/null.
    Masked,
    /// The link to the unit that it starts lies below /run, which a boot empties.
    UntilBoot,
}

impl StarterState {
    /// The word used in JSON.
    pub const fn word(self) -> &'static str {
        match self {
            Self::There => "there",
            Self::Missing => "missing",
            Self::Masked => "masked",
            Self::UntilBoot => "until-boot",
        }
    }
}
