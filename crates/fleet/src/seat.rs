//! One agent's place.

use selfcheck_core::Basis;
use selfcheck_core::Text;

use crate::StreamId;
use crate::facts::Facts;
use crate::fault::Due;
use crate::fault::Fault;
use crate::host::Host;

/// One agent's place, in two whole lines of the cache: in a large fleet nothing costs more than fetching it.
#[derive(Debug)]
#[repr(align(128))]
pub(crate) struct Seat {
    pub(crate) host: Host,
    /// Tells it from another one in the same place, and from what it was before it was gone.
    pub(crate) generation: u32,
    pub(crate) presence: Presence,
    /// Why something is kept that was said on a stream that has ended.
    pub(crate) awaits: Awaits,
    /// Tells the present wait from earlier ones.
    pub(crate) wait: u32,
    /// What is wrong with it.
    pub(crate) fault: Option<Fault>,
    /// When that is looked at again; earlier is of no use.
    pub(crate) due: Option<Due>,
    /// What was said on its streams, the newest last.
    pub(crate) told: Tolds,
}

// Not a line more.
const _: () = assert!(size_of::<Option<Seat>>() == 128);

/// Why something is kept that was said on a stream that has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Awaits {
    /// Nothing is.
    Nothing,
    /// The next process of the agent takes over.
    Process,
    /// It was a report of a fault, which no mere claim mends.
    Report,
}

/// Whether an agent is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Presence {
    /// It has only just come and does not count yet.
    Settling,
    /// It counts.
    Settled,
    /// It has disappeared, and is remembered for what is wrong with it.
    Gone,
}

/// What has just been heard on a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Heard {
    /// Something of one that goes on although another of the same identity has reported since.
    Beside,
    /// Anything else, or nothing.
    Alone,
}

/// What was said on one stream.
#[derive(Debug)]
pub(crate) struct Told {
    /// Which.
    pub(crate) stream: StreamId,
    /// Whether it has ended, and another process of the same agent takes over.
    pub(crate) has_ended: bool,
    pub(crate) hostname: Text,
    pub(crate) facts: Facts,
    /// When something was heard on it last, in seconds since 1970.
    pub(crate) heard: u32,
}

/// What was said on the streams of an agent, which nearly always has one.
#[derive(Debug)]
pub(crate) enum Tolds {
    One(Told),
    Several(Vec<Told>),
}

impl Tolds {
    pub(crate) fn as_slice(&self) -> &[Told] {
        match self {
            Self::One(told) => std::slice::from_ref(told),
            Self::Several(tolds) => tolds,
        }
    }

    pub(crate) fn as_mut_slice(&mut self) -> &mut [Told] {
        match self {
            Self::One(told) => std::slice::from_mut(told),
            Self::Several(tolds) => tolds,
        }
    }

    pub(crate) fn of(&mut self, stream: StreamId) -> Option<&mut Told> {
        self.as_mut_slice().iter_mut().find(|told| told.stream == stream && !told.has_ended)
    }

    pub(crate) fn push(&mut self, told: Told) {
        let before = std::mem::replace(self, Self::Several(Vec::new()));
        let mut all = match before {
            Self::One(told) => vec![told],
            Self::Several(tolds) => tolds,
        };
        all.push(told);
        *self = Self::Several(all);
    }

    /// What was said on this stream is the newest.
    pub(crate) fn promote(&mut self, stream: StreamId) {
        if let Self::Several(tolds) = self
            && let Some(place) = tolds.iter().position(|told| told.stream == stream && !told.has_ended)
        {
            let told = tolds.remove(place);
            tolds.push(told);
        }
    }

    /// The stream has ended, and what was said on it is kept.
    pub(crate) fn end(&mut self, stream: StreamId) {
        if let Some(told) = self.of(stream) {
            told.has_ended = true;
        }
    }

    /// Keeps those that `wanted` takes, and returns the others.
    pub(crate) fn retain(&mut self, wanted: impl Fn(&Told) -> bool) -> Vec<Told> {
        let all = match std::mem::replace(self, Self::Several(Vec::new())) {
            Self::One(told) => vec![told],
            Self::Several(tolds) => tolds,
        };
        let (mut kept, gone): (Vec<_>, Vec<_>) = all.into_iter().partition(wanted);
        *self = match kept.pop() {
            Some(only) if kept.is_empty() => Self::One(only),
            last => {
                kept.extend(last);
                Self::Several(kept)
            }
        };
        gone
    }
}

impl Presence {
    /// That of an agent on another stream.
    pub(crate) const fn back(self) -> Self {
        match self {
            Self::Gone => Self::Settling,
            there => there,
        }
    }
}

impl Seat {
    /// What counts: what was reported last, on whatever stream, or else claimed on the newest of all. A stream that has only
    /// claimed so far does not outdo a report.
    pub(crate) fn reported(&self) -> Option<&Told> {
        let told = self.told.as_slice();
        told.iter().rev().find(|told| told.facts.basis == Basis::Observed).or_else(|| told.last())
    }

    /// Whether no stream is left but those that are over; what is only remembered is none.
    pub(crate) fn is_over(&self, is_over: impl Fn(&Told) -> bool) -> bool {
        let is_remembered = |told: &Told| told.has_ended && self.awaits != Awaits::Process;
        self.told.as_slice().iter().all(|told| is_over(told) || is_remembered(told))
    }

    /// The report of a fault that goes with those that are over, and would leave but claims behind.
    pub(crate) fn lost_report(&self, is_over: impl Fn(&Told) -> bool) -> Option<StreamId> {
        let is_lost = |told: &Told| told.facts.basis == Basis::Claimed || is_over(told);
        let report = self.reported().filter(|told| told.facts.basis == Basis::Observed)?;
        (self.fault.is_some() && self.told.as_slice().iter().all(is_lost)).then_some(report.stream)
    }

    /// Whether a report is remembered of a stream that has ended.
    pub(crate) fn remembers_a_report(&self) -> bool {
        self.told.as_slice().iter().any(|told| told.has_ended && told.facts.basis == Basis::Observed)
    }

    /// The agent: as its newest stream says who it is, with the judgement that counts and the updater that it judges.
    pub(crate) fn facts(&self) -> Option<Facts> {
        let newest = self.told.as_slice().last()?.facts;
        Some(Facts { version: newest.version, services: newest.services, ..self.reported()?.facts })
    }
}
