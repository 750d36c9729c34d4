//! An agent in a pod, as an ordinary user without a shell or a network.

mod api;
mod applied;
mod charts;
mod containers;
mod helm;
mod hostile;
mod hostile_containers;
mod kubectl;
mod logged;
mod mounted;
mod permitted;
mod watching;

pub(crate) use containers::EXECUTED as EXECUTED_IN_PODS;
pub(crate) use helm::EXECUTED as EXECUTED_BY_HELM;
pub(crate) use kubectl::EXECUTED as EXECUTED_BY_KUBECTL;

use selfcheck_core::Status;
use selfcheck_tests::Pod;
use selfcheck_tests::shown;

const STATUS: [&str; 4] = ["debug", "updater-status", "--format", "json"];

fn status(pod: &Pod) -> Status {
    let output = pod.selfcheck(&STATUS);
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {}", shown(&output)))
}

fn reasons(status: &Status) -> Vec<&'static str> {
    status.findings.iter().map(|finding| finding.reason.code()).collect()
}
