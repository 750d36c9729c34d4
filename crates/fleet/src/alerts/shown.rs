//! Which alerts are shown, by Teleport's rules.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::collections::HashSet;

use selfcheck_core::policy::AlertSeverity;
use selfcheck_protocol::AlertFilter;

use super::Alert;
use super::AlertAck;
use super::labels;

/// Those of `alerts` that are asked for and shown, the gravest and then the newest first.
pub(super) fn shown<'a>(
    alerts: impl Iterator<Item = &'a Alert> + Clone,
    acks: impl Iterator<Item = &'a AlertAck>,
    wanted: &AlertFilter,
) -> Vec<Alert> {
    let known: HashSet<_> = acks.map(|ack| &*ack.id).collect();
    let is_known = |alert: &Alert| !wanted.with_acknowledged && known.contains(&*alert.id);
    let speaking = alerts.clone().filter(|alert| is_targeted(alert) && !is_known(alert));
    let spoken_for = if wanted.with_superseded { HashMap::new() } else { spoken_for(speaking) };
    let is_shown = |alert: &&Alert| {
        wanted.severity.is_none_or(|least| alert.severity >= least)
            && wanted.id.as_ref().is_none_or(|id| *id == alert.id)
            && wanted.labels.iter().all(|(key, value)| alert.label(key) == Some(value))
            && !is_known(alert)
            && (wanted.with_untargeted || is_targeted(alert))
            && spoken_for.get(&*alert.id).is_none_or(|severity| *severity <= alert.severity)
    };
    let mut shown: Vec<_> = alerts.filter(is_shown).cloned().collect();
    shown.sort_by_key(|alert| (Reverse(alert.severity), Reverse(alert.created)));
    shown
}

/// The alerts that others speak for, each with the gravest of those. As Teleport's code has it: only a graver alert that is
/// shown speaks for another.
fn spoken_for<'a>(speaking: impl Iterator<Item = &'a Alert>) -> HashMap<&'a str, AlertSeverity> {
    let mut spoken_for = HashMap::new();
    for alert in speaking {
        if let Some(other) = alert.label(labels::SUPERSEDES) {
            let severity = spoken_for.entry(other).or_insert(alert.severity);
            *severity = alert.severity.max(*severity);
        }
    }
    spoken_for
}

/// Whether somebody is meant to see it; who asks here may see all.
fn is_targeted(alert: &Alert) -> bool {
    alert.label(labels::PERMIT_ALL) == Some("yes") || alert.label(labels::VERB_PERMIT).is_some()
}
