//! The update chain: what came of the last update that was tried. Only the first that holds is a finding.

use crate::Generation;
use crate::Reason;
use crate::RemedyId;
use crate::Revision;
use crate::observation::UpdateStatus;

use super::case::Case;
use super::updater::Updater;

pub(super) fn judge(case: &mut Case<'_>, updater: &Updater<'_>) {
    if updater.generation == Generation::V1 {
        return;
    }
    let Some(config) = case.observation.v2.config.present() else { return };
    let status = &config.status;
    let last = status.last_update.as_ref();
    let Some(reason) = reason(status) else { return };
    let remedy = match reason {
        // Trying again does nothing while a person holds the updates.
        Reason::LastUpdateFailed if !config.spec.enabled => Some(RemedyId::EnableV2),
        Reason::LastUpdateFailed if config.spec.pinned => Some(RemedyId::UnpinV2),
        _ => reason.entry().remedy,
    };
    let path = case.observation.v2.config_path.clone();
    let version = |revision: &Option<Revision>| revision.as_ref().map(|revision| revision.version.clone());
    let target = last.map_or(&status.skip, |last| &last.target);
    let time = last.and_then(|last| last.time);
    case.find(reason)
        .because("path", &path)
        .because_of(if last.is_some() { "target" } else { "skips" }, version(target))
        .because_of("active", version(&status.active))
        .because_of("time", time)
        .since(time)
        .remedied_by(remedy);
}

fn reason(status: &UpdateStatus) -> Option<Reason> {
    let skip = status.skip.as_ref();
    let Some(last) = &status.last_update else {
        // Older updaters do not write the last update; that is their age, not a fault. What they skip shows all the same.
        let (skipped, active) = (skip?.comparable()?, status.active.as_ref()?.comparable()?);
        return (skipped > active).then_some(Reason::TargetSkipped);
    };
    // The updater compares versions, and no editions.
    let skips_target =
        skip.zip(last.target.as_ref()).is_some_and(|(skip, target)| skip.version == target.version);
    match (last.success, skips_target) {
        (false, true) => Some(Reason::RolledBack),
        (false, false) => Some(Reason::LastUpdateFailed),
        (true, true) => Some(Reason::TargetSkipped),
        (true, false) => None,
    }
}
