//! What Teleport's requests and counts are in the terms used here.

use std::collections::BTreeMap;

use selfcheck_core::Text;
use selfcheck_fleet::AlertFilter;
use selfcheck_fleet::Count;
use selfcheck_fleet::Filter;
use selfcheck_fleet::InvalidAlert;
use selfcheck_protocol::relaxed_version;
use selfcheck_protocol::severity_from_wire;
use selfcheck_protocol::wire::types;
use semver::Version;
use tonic::Status;

/// As stock Teleport counts.
pub(crate) fn narrow(agents: u64) -> u32 {
    u32::try_from(agents).unwrap_or(u32::MAX)
}

pub(crate) fn words(counts: Vec<Count<Text>>) -> BTreeMap<String, u32> {
    counts.into_iter().map(|count| (count.of.to_string(), narrow(count.agents))).collect()
}

pub(crate) fn refused(why: &InvalidAlert) -> Status {
    match why {
        InvalidAlert::Full => Status::resource_exhausted(why.to_string()),
        _ => Status::invalid_argument(why.to_string()),
    }
}

/// Teleport's filter of alerts, as that of the book.
pub(crate) fn alert_filter(request: types::GetClusterAlertsRequest) -> AlertFilter {
    let mut filter = AlertFilter::default();
    filter.severity = Some(severity_from_wire(request.severity));
    filter.id = (!request.alert_id.is_empty()).then_some(request.alert_id);
    filter.labels = request.labels.into_iter().collect();
    filter.with_superseded = request.with_superseded;
    filter.with_acknowledged = request.with_acknowledged;
    filter.with_untargeted = request.with_untargeted;
    filter
}

/// Teleport's filter, as that of a store.
pub(crate) fn filter(asked: &types::InstanceFilter) -> Result<Filter, Status> {
    let given = |text: &String| (!text.is_empty()).then(|| text.clone());
    let without = asked.no_ext_upgrader.then(String::new);
    let mut filter = Filter::default();
    filter.server_id = given(&asked.server_id);
    filter.version = version("version", &asked.version)?;
    filter.services.clone_from(&asked.services);
    filter.upgrader = without.or_else(|| given(&asked.external_upgrader));
    filter.older_than = version("older-than version", &asked.older_than_version)?;
    filter.newer_than = version("newer-than version", &asked.newer_than_version)?;
    filter.update_group = given(&asked.update_group);
    Ok(filter)
}

/// A version of a request, if one is given.
pub(crate) fn version(what: &str, raw: &str) -> Result<Option<Version>, Status> {
    if raw.is_empty() {
        return Ok(None);
    }
    let refused = || Status::invalid_argument(format!("{what} `{}` is no version", Text::new(raw)));
    relaxed_version(raw).map(Some).ok_or_else(refused)
}
