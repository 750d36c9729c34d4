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
    AlertFilter {
        severity: Some(severity_from_wire(request.severity)),
        id: (!request.alert_id.is_empty()).then_some(request.alert_id),
        labels: request.labels.into_iter().collect(),
        with_superseded: request.with_superseded,
        with_acknowledged: request.with_acknowledged,
        with_untargeted: request.with_untargeted,
    }
}

/// Teleport's filter, as that of a store.
pub(crate) fn filter(filter: &types::InstanceFilter) -> Result<Filter, Status> {
    let given = |text: &String| (!text.is_empty()).then(|| text.clone());
    let without = filter.no_ext_upgrader.then(String::new);
    Ok(Filter {
        server_id: given(&filter.server_id),
        version: version("version", &filter.version)?,
        services: filter.services.clone(),
        upgrader: without.or_else(|| given(&filter.external_upgrader)),
        older_than: version("older-than version", &filter.older_than_version)?,
        newer_than: version("newer-than version", &filter.newer_than_version)?,
        update_group: given(&filter.update_group),
        verdict: None,
        reason: None,
    })
}

/// A version of a request, if one is given.
pub(crate) fn version(what: &str, raw: &str) -> Result<Option<Version>, Status> {
    if raw.is_empty() {
        return Ok(None);
    }
    let refused = || Status::invalid_argument(format!("{what} `{}` is no version", Text::new(raw)));
    relaxed_version(raw).map(Some).ok_or_else(refused)
}
