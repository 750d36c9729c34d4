//! The updater's configuration: is it told to update this agent, and from the right cluster?

use crate::Fact;
use crate::Generation;
use crate::ProxyAddr;
use crate::Reason;
use crate::RemedyId;
use crate::Why;
use crate::observation::UpdateConfig;

use super::case::Case;
use super::gaps;
use super::presence;
use super::updater::Updater;
use super::v1;

pub(super) fn judge(case: &mut Case<'_>, updater: &Updater<'_>) {
    if updater.generation == Generation::V1 {
        return v1::judge(case);
    }
    let observation = case.observation;
    let path = &observation.v2.config_path;
    match &observation.v2.config {
        Fact::Present(config) => configured(case, config),
        Fact::Absent => {
            case.find(Reason::ConfigMissing).because("path", path);
        }
        Fact::Unreadable(why) if why.is_corruption() => {
            case.find(Reason::ConfigCorrupt).because("path", path).because("why", why.code());
        }
        Fact::Unreadable(why) => gaps::config(case, *why),
        Fact::NotApplicable => {}
    }
    v1::beside(case);
}

fn configured(case: &mut Case<'_>, config: &UpdateConfig) {
    let observation = case.observation;
    let path = &observation.v2.config_path;
    refused(case, config);
    if !config.spec.enabled {
        case.find(Reason::UpdatesDisabled).because("path", path).because("spec.enabled", "false");
    } else if observation.systemd.booted.is_absent() {
        let missing = presence::systemds_mark(case);
        case.find(Reason::NoScheduler).because("missing", missing);
    }
    if config.spec.pinned {
        case.find(Reason::VersionPinned)
            .because("path", path)
            .because("spec.pinned", "true")
            .because_of("version", config.status.active.as_ref().map(|active| active.version.clone()));
    }
    if config.spec.group.as_ref().is_none_or(crate::Text::is_empty) {
        case.find(Reason::GroupUnset).because("path", path);
    }
    proxy(case, config);
}

/// Adds that the updater refuses what is written, as far as that shows without asking anybody.
fn refused(case: &mut Case<'_>, config: &UpdateConfig) {
    let (setting, wrong, remedy) = if config.spec.insecure_base_url {
        ("spec.base_url", "not https", RemedyId::ResetBaseUrlV2)
    } else if config.spec.enabled && config.spec.proxy.is_none() {
        ("spec.proxy", "missing", RemedyId::SetProxyV2)
    } else {
        return;
    };
    let path = &case.observation.v2.config_path;
    case.find(Reason::ConfigCorrupt)
        .because("path", path)
        .because("why", Why::Invalid.code())
        .because(setting, wrong)
        .remedied_by(Some(remedy));
}

/// Compares the updater's proxy with the agent's, where both are known and are addresses.
fn proxy(case: &mut Case<'_>, config: &UpdateConfig) {
    let observation = case.observation;
    let Some(agents) = observation.agent.config.present().and_then(|config| config.proxy_server.as_ref())
    else {
        return;
    };
    let Some(updaters) = &config.spec.proxy else { return };
    let (Ok(agent), Ok(updater)) =
        (agents.as_str().parse::<ProxyAddr>(), updaters.as_str().parse::<ProxyAddr>())
    else {
        return;
    };
    if !agent.same_as(&updater) {
        case.find(Reason::ProxyMismatch)
            .because("update.yaml", updaters)
            .because("teleport.yaml", agents)
            .remedied_by(Some(RemedyId::SetProxyV2));
    }
}
