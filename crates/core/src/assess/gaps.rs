//! Evidence that was needed and could not be read.

use crate::Reason;
use crate::RemedyId;
use crate::Why;

use super::case::Case;
use super::presence::Updater;

/// The name of the updater's configuration among what could not be seen.
pub(super) const UPDATE_CONFIG: &str = "update.yaml";

/// What an updater's units need to be judged.
pub(super) fn judge(case: &mut Case<'_>, updater: &Updater<'_>) {
    let hidden = updater.timer.why().map(|why| ("timer", why));
    if let Some((fact, why)) = hidden.or_else(|| updater.service.why().map(|why| ("service", why))) {
        let fact = format!("{} {fact}", updater.generation.updater());
        bus(case, &fact, why);
    }
}

/// A place where an updater could be, and which could not be seen.
pub(super) fn place(case: &mut Case<'_>, fact: &'static str, why: Why) {
    if fact == UPDATE_CONFIG {
        config(case, why);
    } else if fact.ends_with("timer") || fact.ends_with("service") {
        bus(case, fact, why);
    } else {
        applicability(case, fact, why);
    }
}

/// update.yaml could not be read.
pub(super) fn config(case: &mut Case<'_>, why: Why) {
    let (remedy, path) = (remedy(case, why), case.observation.v2.config_path.clone());
    case.find(Reason::ConfigDenied).because("path", path).because("why", why.code()).remedied_by(remedy);
}

/// What decides whether an updater is needed could not be seen.
pub(super) fn applicability(case: &mut Case<'_>, fact: &'static str, why: Why) {
    let remedy = remedy(case, why);
    case.find(Reason::ApplicabilityUnreadable)
        .because("fact", fact)
        .because("why", why.code())
        .remedied_by(remedy);
}

fn bus(case: &mut Case<'_>, fact: &str, why: Why) {
    let reason = match why {
        Why::Denied => Reason::BusDenied,
        Why::Timeout => Reason::BusTimeout,
        _ => Reason::BusUnavailable,
    };
    let remedy = match reason {
        Reason::BusUnavailable => reason.entry().remedy,
        _ => remedy(case, why),
    };
    case.find(reason).because("fact", fact).because("why", why.code()).remedied_by(remedy);
}

/// What helps against `why`: rights for what was denied to an ordinary user, time for what was late.
pub(super) fn remedy(case: &Case<'_>, why: Why) -> Option<RemedyId> {
    match why {
        Why::Denied if case.observation.host.looked_as_uid != Some(0) => Some(RemedyId::LookAsRoot),
        Why::Timeout => Some(RemedyId::LookLonger),
        _ => None,
    }
}
