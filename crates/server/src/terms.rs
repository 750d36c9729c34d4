//! What Teleport's requests and counts are in the terms used here.

use std::collections::BTreeMap;

use selfcheck_fleet::InvalidAlert;
use selfcheck_protocol::Count;
use selfcheck_protocol::InvalidFilter;
use tonic::Status;

/// As stock Teleport counts.
pub(crate) fn narrow(agents: u64) -> u32 {
    u32::try_from(agents).unwrap_or(u32::MAX)
}

pub(crate) fn words<T>(counts: &[Count<T>], word: impl Fn(&T) -> &str) -> BTreeMap<String, u32> {
    counts.iter().map(|count| (word(&count.of).to_owned(), narrow(count.agents))).collect()
}

pub(crate) fn refused(why: &InvalidAlert) -> Status {
    match why {
        InvalidAlert::Full => Status::resource_exhausted(why.to_string()),
        _ => Status::invalid_argument(why.to_string()),
    }
}

/// A filter that cannot be.
pub(crate) fn invalid(why: &InvalidFilter) -> Status {
    Status::invalid_argument(why.to_string())
}
