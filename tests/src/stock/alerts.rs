//! The rules of Teleport for alerts.

use std::collections::BTreeMap;

use selfcheck_protocol::wire::proto as wire;
use selfcheck_protocol::wire::types;
use tonic::Status;

use super::Release;
use super::State;

const PREFIX: &str = "teleport.internal/";

/// Why a release refuses an alert, by its rules; nothing if it takes it.
pub fn refusal(release: Release, alert: &types::ClusterAlert) -> Option<String> {
    let metadata = alert.header.as_ref().and_then(|header| header.metadata.clone()).unwrap_or_default();
    let spec = alert.spec.clone().unwrap_or_default();
    if metadata.name.is_empty() {
        return Some("alert name must be specified".to_owned());
    }
    if spec.message.is_empty() || spec.message.chars().any(char::is_control) {
        return Some(format!("message {:?} is empty or has control characters", spec.message));
    }
    metadata.labels.iter().find_map(|(key, value)| label_refusal(release, key, value))
}

fn label_refusal(release: Release, key: &str, value: &str) -> Option<String> {
    let is_key = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b".-/".contains(&byte);
    let is_value = |byte: u8| is_key(byte) || b"_:|".contains(&byte);
    let is = |text: &str, holds: &dyn Fn(u8) -> bool| !text.is_empty() && text.bytes().all(holds);
    if !is(key, &is_key) {
        return Some(format!("invalid alert label key: {key:?}"));
    }
    let holds = match (release, key.strip_prefix(PREFIX)) {
        (_, Some("link")) => {
            let host = value.strip_prefix("https://").and_then(|rest| rest.split('/').next());
            host == Some("goteleport.com")
        }
        (Release::Today, Some("link-text")) => {
            is(value, &|byte| byte.is_ascii_alphanumeric() || byte == b' ')
        }
        _ => is(value, &is_value),
    };
    // The old rule is one for all values, links among them.
    let holds = holds && (release == Release::Today || is(value, &is_value));
    (!holds).then(|| format!("invalid alert label value: {value:?}"))
}

impl State {
    pub(super) fn upsert(&mut self, release: Release, alert: types::ClusterAlert) -> Result<(), Status> {
        if let Some(why) = refusal(release, &alert) {
            return Err(Status::invalid_argument(why));
        }
        let name =
            alert.header.as_ref().and_then(|header| header.metadata.as_ref()).expect("a name").name.clone();
        self.alerts.insert(name, alert);
        Ok(())
    }

    /// In the order of their ids, which is that of the keys they are kept under.
    pub(super) fn list(&self, wanted: &types::GetClusterAlertsRequest) -> wire::GetClusterAlertsResponse {
        let takes = |id: &str, alert: &types::ClusterAlert| {
            let labels = labels(alert);
            let is_targeted = ["alert-permit-all", "alert-verb-permit"]
                .iter()
                .any(|label| labels.contains_key(&format!("{PREFIX}{label}")));
            let severity = alert.spec.as_ref().map_or(0, |spec| spec.severity);
            severity >= wanted.severity
                && (wanted.alert_id.is_empty() || wanted.alert_id == id)
                && wanted.labels.iter().all(|(key, value)| labels.get(key) == Some(value))
                && (wanted.with_untargeted || is_targeted)
                && (wanted.with_acknowledged || !self.acks.contains_key(id))
        };
        let shown = self.alerts.iter().filter(|(id, alert)| takes(id, alert));
        wire::GetClusterAlertsResponse { alerts: shown.map(|(_, alert)| alert.clone()).collect() }
    }
}

fn labels(alert: &types::ClusterAlert) -> BTreeMap<String, String> {
    let metadata = alert.header.as_ref().and_then(|header| header.metadata.clone()).unwrap_or_default();
    metadata.labels.into_iter().collect()
}
