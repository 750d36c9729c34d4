//! What is wrong with one agent.

use std::num::NonZeroU32;

use crate::FaultKind;

/// What is wrong with an agent. Times are seconds since the fleet began.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) kind: FaultKind,
    pub(crate) since: u32,
    pub(crate) state: FaultState,
}

/// Whether a fault counts for an alert.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FaultState {
    /// Not yet.
    Waiting,
    /// It does.
    Raised,
    /// It does, and so many have it that something they share is to blame.
    Shared,
}

/// When a fault is to be looked at again.
pub(crate) type Due = NonZeroU32;
