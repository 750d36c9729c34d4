//! The update chain: what came of the last update that was tried. Only the first that holds is a finding.

use crate::Generation;
use crate::Reason;
use crate::RemedyId;
use crate::Revision;

use super::case::Case;
use super::presence::Updater;

pub(super) fn judge(case: &mut Case<'_>, updater: &Updater<'_>) {
    if updater.generation == Generation::V1 {
        return;
    }
    let Some(config) = case.observation.v2.config.present() else { return };
    // Older updaters do not write the last update; that is their age, not a fault.
    let Some(last) = &config.status.last_update else { return };
    let skips_target = config.status.skip.is_some() && config.status.skip == last.target;
    let reason = match (last.success, skips_target) {
        (false, true) => Reason::RolledBack,
        (false, false) => Reason::LastUpdateFailed,
        (true, true) => Reason::TargetSkipped,
        (true, false) => return,
    };
    let remedy = match reason {
        // Trying again does nothing while a person holds the updates.
        Reason::LastUpdateFailed if !config.spec.enabled => Some(RemedyId::EnableV2),
        Reason::LastUpdateFailed if config.spec.pinned => Some(RemedyId::UnpinV2),
        _ => reason.entry().remedy,
    };
    let path = case.observation.v2.config_path.clone();
    let version = |revision: &Option<Revision>| revision.as_ref().map(|revision| revision.version.clone());
    case.find(reason)
        .because("path", &path)
        .because_of("target", version(&last.target))
        .because_of("active", version(&config.status.active))
        .because_of("time", last.time)
        .since(last.time)
        .remedied_by(remedy);
}
