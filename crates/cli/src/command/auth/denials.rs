//! Who is let in no longer: the policy's `denied`, which counts as soon as its file is changed.

use std::convert::Infallible;
use std::path::PathBuf;
use std::time::Duration;

use selfcheck_core::policy::Denied;
use selfcheck_server::Gate;

use crate::command::policy;
use crate::output::Output;

/// How often the policy is looked at.
const EVERY: Duration = Duration::from_secs(2);

/// Denies whom the policy denies, for as long as this is polled. What cannot be read changes nothing, and is said once.
pub(super) async fn keep(
    gate: Gate,
    file: Option<PathBuf>,
    mut denied: Denied,
    output: &Output,
) -> Infallible {
    gate.deny(denied.clone());
    let mut said = None;
    let mut ticks = tokio::time::interval(EVERY);
    loop {
        ticks.tick().await;
        let file = file.clone();
        let read = tokio::task::spawn_blocking(move || policy::effective(file.as_deref(), None)).await;
        let words = match read {
            Ok(Ok(policy)) => {
                if policy.denied != denied {
                    denied = policy.denied;
                    let (hosts, certificates) = (denied.host_ids.len(), denied.serials.len());
                    output.warn(&format!(
                        "the policy denies {hosts} hosts and {certificates} certificates now"
                    ));
                    gate.deny(denied.clone());
                }
                said = None;
                continue;
            }
            Ok(Err(error)) => error.to_string(),
            Err(error) => error.to_string(),
        };
        if said.as_ref() != Some(&words) {
            output.warn(&format!("the policy's `denied` stays as it was: {words}"));
            said = Some(words);
        }
    }
}
