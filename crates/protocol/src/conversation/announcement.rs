//! What a stock auth server is told by a Hello alone.

use std::collections::BTreeSet;

use selfcheck_core::Status;
use selfcheck_core::Text;

use crate::ClaimedUpdater;
use crate::Hello;

/// What a stock auth server is told by a Hello alone, and what may change while an agent runs.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Announcement {
    updater: ClaimedUpdater,
    /// In whatever order they are named.
    services: BTreeSet<Text>,
}

impl Announcement {
    /// What a Hello says of an agent that is as `status` says and runs `services`.
    pub fn of(status: &Status, services: Vec<Text>) -> Self {
        Self { updater: ClaimedUpdater::of(status), services: services.into_iter().collect() }
    }
}

impl From<&Hello> for Announcement {
    fn from(hello: &Hello) -> Self {
        Self { updater: hello.updater.clone(), services: hello.services.iter().cloned().collect() }
    }
}
