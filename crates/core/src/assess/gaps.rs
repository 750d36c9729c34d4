//! Evidence that was needed and could not be read.

use crate::EvidenceKind;
use crate::Generation;
use crate::Observation;
use crate::Reason;
use crate::RemedyId;
use crate::Text;
use crate::Why;
use crate::layout;
use crate::observation::FactName;

use super::case::Case;
use super::updater::Updater;

/// What every look at a host or an image answers, and this one does not: nobody looked. From that it follows neither that all is
/// well nor that something is missing.
pub(super) fn never_looked_at(observation: &Observation) -> Option<FactName> {
    let (agent, v1, v2) = (&observation.agent, &observation.v1, &observation.v2);
    let is_live = observation.evidence == EvidenceKind::Live;
    let has_units = observation.systemd.booted.is_present();
    // The older updater knows no install suffix.
    let has_v1 = has_units && agent.namespace.suffix().is_none();
    let process = agent.process.present();
    let facts = [
        (FactName::OperatingSystem, true, observation.host.os.is_empty()),
        (FactName::Systemd, true, observation.systemd.booted.is_not_applicable()),
        (FactName::AgentProcess, is_live, agent.process.is_not_applicable()),
        (
            FactName::CommandLine,
            true,
            process.is_some_and(|process| process.command_line.is_not_applicable()),
        ),
        (FactName::Environment, true, process.is_some_and(|process| process.environment.is_not_applicable())),
        (FactName::AgentConfig, true, agent.config.is_not_applicable()),
        (FactName::AgentUnit, has_units, agent.unit.is_not_applicable()),
        (FactName::UpdateConfig, true, v2.config.is_not_applicable()),
        (FactName::Timer(Generation::V2), has_units, v2.timer.is_not_applicable()),
        (FactName::Service(Generation::V2), has_units, v2.service.is_not_applicable()),
        (FactName::Timer(Generation::V1), has_v1, v1.timer.is_not_applicable()),
        (FactName::Service(Generation::V1), has_v1, v1.service.is_not_applicable()),
    ];
    facts.into_iter().find_map(|(fact, is_asked, is_missing)| (is_asked && is_missing).then_some(fact))
}

/// What an updater's units need to be judged.
pub(super) fn judge(case: &mut Case<'_>, updater: &Updater<'_>) {
    if let Some(fact) = never_looked_at(case.observation) {
        applicability(case, fact, Why::NotLookedAt);
    }
    let generation = updater.generation;
    let timer = updater.timer.why().map(|why| (FactName::Timer(generation), why));
    let service = || updater.service.why().map(|why| (FactName::Service(generation), why));
    if let Some((fact, why)) = timer.or_else(service) {
        unit(case, generation, fact, why);
    }
    if updater.generation == Generation::V1 {
        v1_files(case);
    }
}

/// The older updater has its configuration in several files; the first that is out of reach is the finding.
fn v1_files(case: &mut Case<'_>) {
    let v1 = &case.observation.v1;
    let files = [
        (layout::v1::ENDPOINT, &v1.endpoint),
        (layout::v1::SCHEDULE, &v1.schedule),
        (layout::v1::INSTALLER, &v1.installer),
        (layout::v1::DROP_INS, &v1.neutralised),
    ];
    let out_of_reach = |why: &Why| !why.is_corruption();
    let hidden = files.into_iter().find_map(|(path, file)| Some((path, file.why().filter(out_of_reach)?)));
    if let Some((path, why)) = hidden {
        config_at(case, Generation::V1, path.into(), why);
    }
}

/// A place where an updater could be, and which could not be seen.
pub(super) fn place(case: &mut Case<'_>, fact: FactName, why: Why) {
    match fact {
        FactName::UpdateConfig => config(case, why),
        FactName::Timer(generation) | FactName::Service(generation) => unit(case, generation, fact, why),
        _ => applicability(case, fact, why),
    }
}

/// update.yaml could not be read.
pub(super) fn config(case: &mut Case<'_>, why: Why) {
    config_at(case, Generation::V2, case.observation.v2.config_path.clone(), why);
}

fn config_at(case: &mut Case<'_>, generation: Generation, path: Text, why: Why) {
    let remedy = remedy(case, why);
    case.find(Reason::ConfigDenied)
        .of(generation)
        .because("path", path)
        .because("why", why.code())
        .remedied_by(remedy);
}

/// What decides whether an updater is needed could not be seen.
pub(super) fn applicability(case: &mut Case<'_>, fact: FactName, why: Why) {
    let remedy = remedy(case, why);
    let candidates = &case.observation.agent.candidates;
    let pids: Vec<_> = candidates.iter().map(u32::to_string).collect();
    case.find(Reason::ApplicabilityUnreadable)
        .because("fact", fact.as_str())
        .because("why", why.code())
        .because_of("pids", (!pids.is_empty()).then(|| pids.join(",")).as_deref())
        .in_words((!pids.is_empty()).then(|| SEVERAL.to_owned()))
        .remedied_by(remedy);
}

/// What is said where more than one process may be the agent.
const SEVERAL: &str = "several different agents run here; choose one with --pid";

/// A unit could not be seen: systemd did not tell, or in an image its files did not.
fn unit(case: &mut Case<'_>, generation: Generation, fact: FactName, why: Why) {
    if case.is_static() {
        case.find(Reason::ConfigDenied)
            .of(generation)
            .because("fact", fact.as_str())
            .because("why", why.code())
            .remedied_by(None);
        return;
    }
    let reason = match why {
        Why::Denied => Reason::BusDenied,
        Why::Timeout => Reason::BusTimeout,
        _ => Reason::BusUnavailable,
    };
    let remedy = match reason {
        Reason::BusUnavailable => reason.entry().remedy,
        _ => remedy(case, why),
    };
    case.find(reason).because("fact", fact.as_str()).because("why", why.code()).remedied_by(remedy);
}

/// What helps against `why`: rights for what was denied to an ordinary user, time for what was late.
pub(super) fn remedy(case: &Case<'_>, why: Why) -> Option<RemedyId> {
    match why {
        // The command that looks again would look at the host, not at the image.
        _ if case.is_static() => None,
        // Nobody is root by a command in a pod, and whoever may look there is the agent's own user.
        Why::Denied if case.is_in_pod() => Some(RemedyId::LookInPod),
        Why::Timeout if case.is_in_pod() => Some(RemedyId::LookLongerInPod),
        Why::Denied if case.observation.systemd.booted.is_absent() => None,
        Why::Denied if case.observation.host.looked_as_uid != Some(0) => Some(RemedyId::LookAsRoot),
        Why::Denied if case.observation.host.selinux == Some(true) => Some(RemedyId::ShowDenials),
        Why::Timeout => Some(RemedyId::LookLonger),
        _ => None,
    }
}
