//! What follows from which updater is there, or from none being there.

use crate::Fact;
use crate::Observation;
use crate::Reason;
use crate::RemedyId;
use crate::Why;
use crate::observation::FactName;

use super::applicability;
use super::case::Case;
use super::gaps;
use super::kubernetes;
use super::managed;
use super::updater::Found;
use super::updater::Updater;
use super::updater::found;

/// Where NixOS keeps the programs that it builds.
const STORE: &str = "/nix/store/";
/// What is said of an agent there.
const NIXOS: &str = "NixOS built this agent into its store, where no Teleport updater replaces it; it is updated with the \
                     system's configuration";

/// What remains to be judged.
pub(super) enum Judged<'a> {
    /// The units of an updater.
    Units(Updater<'a>),
    /// Nothing: the findings say all.
    Settled,
}

/// Judges presence, and says what else there is to judge.
pub(super) fn judge<'a>(case: &mut Case<'a>) -> Judged<'a> {
    let observation = case.observation;
    if observation.host.os.is_empty() {
        gaps::applicability(case, FactName::OperatingSystem, Why::NotLookedAt);
        return Judged::Settled;
    }
    if observation.host.os != *"linux" {
        case.find(Reason::PlatformWithoutUpdater).because("os", &observation.host.os);
        return Judged::Settled;
    }
    let found = found(observation);
    if found == Found::Kubernetes
        && let Some(environment) = observation.environment()
    {
        kubernetes::judge(case, environment);
        return Judged::Settled;
    }
    if let Some(why) = observation.systemd.booted.why() {
        gaps::applicability(case, FactName::Systemd, why);
        return Judged::Settled;
    }
    match store(observation) {
        Store::Holds => {
            case.find(Reason::PlatformWithoutUpdater)
                .because_of("os_version", observation.host.os_version.as_ref())
                .in_words(Some(NIXOS.to_owned()));
            return Judged::Settled;
        }
        Store::Hidden(fact, why) => {
            gaps::applicability(case, fact, why);
            return Judged::Settled;
        }
        Store::Not => {}
    }
    if observation.systemd.booted.is_absent() {
        let v2 = &observation.v2;
        // Where update.yaml lies elsewhere than an installation has it, the environment of a pod has named it.
        let is_named = v2.config_path.as_str() != observation.agent.namespace.update_config();
        if (is_named || observation.host.in_pod || !v2.config.is_present())
            && let Some((fact, why)) = applicability::hidden_environment(observation)
        {
            gaps::applicability(case, fact, why);
            return Judged::Settled;
        }
        if is_without_agent(observation) {
            case.find(Reason::NoAgent)
                .because("missing", "a process that executes teleport")
                .in_words(Some(NO_AGENT_IN_CONTAINER.to_owned()));
            return Judged::Settled;
        }
        if let Some(fact) = gaps::never_looked_at(observation) {
            gaps::applicability(case, fact, Why::NotLookedAt);
            return Judged::Settled;
        }
        if observation.v2.config.is_absent() {
            let missing = systemds_mark(case);
            case.find(Reason::PlatformWithoutUpdater).because("missing", missing);
            return Judged::Settled;
        }
    }
    if let Some((fact, why)) = hidden_agent(observation) {
        gaps::applicability(case, fact, why);
        return Judged::Settled;
    }
    if observation.agent.is_nowhere() && !has_active_version(observation) {
        let agent = &observation.agent;
        case.find(Reason::NoAgent)
            .because("unit", agent.namespace.agent_unit().as_str())
            .because("config", agent.config_place());
        return Judged::Settled;
    }
    match found {
        Found::Enabled(generation) => Judged::Units(Updater::of(observation, generation)),
        Found::NotEnabled => {
            unaccompanied(case, Reason::UpdaterNotEnabled);
            Judged::Settled
        }
        Found::Nothing => {
            unaccompanied(case, Reason::NoUpdater);
            Judged::Settled
        }
        Found::Hidden(fact, why) => {
            gaps::place(case, fact, why);
            Judged::Settled
        }
        Found::Kubernetes => Judged::Settled,
    }
}

/// What is said where no agent runs, and no service manager would start one.
const NO_AGENT_IN_CONTAINER: &str =
    "no agent runs in this container, nor in another one that shares its processes";

/// Whether no agent runs where nothing would start one. An image brings programs and configurations whether they are run or not.
fn is_without_agent(observation: &Observation) -> bool {
    let agent = &observation.agent;
    let has_nothing = observation.v2.config.is_absent() && agent.config.is_absent();
    agent.process.is_absent() && (observation.host.in_pod || has_nothing)
}

/// Whether NixOS built the agent's program into its store, where no updater replaces it.
enum Store {
    Holds,
    Not,
    Hidden(FactName, Why),
}

fn store(observation: &Observation) -> Store {
    let is_nixos =
        observation.host.os_version.as_ref().is_some_and(|name| name.as_str().starts_with("NixOS"));
    if !is_nixos {
        return Store::Not;
    }
    match observation.v2.config.why() {
        None if observation.v2.config.is_absent() => {}
        Some(why) if !why.is_corruption() => return Store::Hidden(FactName::UpdateConfig, why),
        _ => return Store::Not,
    }
    let (process, unit) = (&observation.agent.process, &observation.agent.unit);
    let executable = process.present().map(|process| &process.executable);
    let starts = unit.present().map(|unit| &unit.starts);
    let runs = executable.and_then(Fact::present).map(|executable| &executable.path);
    let started = starts.and_then(Fact::present).map(|started| &started.path);
    if [runs, started].into_iter().flatten().any(|path| path.as_str().starts_with(STORE)) {
        return Store::Holds;
    }
    let places = [
        (FactName::AgentProcess, process.why()),
        (FactName::Executable, executable.and_then(Fact::why)),
        (FactName::AgentUnit, unit.why()),
        (FactName::StartedFile, starts.and_then(Fact::why)),
    ];
    let hidden = places.into_iter().find_map(|(place, why)| Some((place, why?)));
    hidden.map_or(Store::Not, |(place, why)| Store::Hidden(place, why))
}

/// What hides whether there is an agent, where nothing of one was seen: it may also be the updater that knows of one.
fn hidden_agent(observation: &Observation) -> Option<(FactName, Why)> {
    if has_active_version(observation) {
        return None;
    }
    let config = observation.v2.config.why().filter(|why| !why.is_corruption());
    let told = config.filter(|_| observation.agent.is_nowhere()).map(|why| (FactName::UpdateConfig, why));
    told.or(observation.agent.hidden_by())
}

/// Whether an updater says that it has installed an agent.
fn has_active_version(observation: &Observation) -> bool {
    observation.v2.config.present().is_some_and(|config| config.status.active.is_some())
}

/// By what systemd is known to run on a host, or to run where an image does.
pub(super) fn systemds_mark(case: &Case<'_>) -> &'static str {
    if case.is_static() { "/usr/lib/systemd/systemd" } else { "/run/systemd/system" }
}

/// Adds the unaccompanied `reason`, unless what decides whether an updater is needed could not be seen.
fn unaccompanied(case: &mut Case<'_>, reason: Reason) {
    let observation = case.observation;
    let never = || gaps::never_looked_at(observation).map(|fact| (fact, Why::NotLookedAt));
    if let Some((fact, why)) = applicability::hidden(observation).or_else(never) {
        gaps::applicability(case, fact, why);
        return;
    }
    let in_container = managed::is_in_container(case);
    let draft = case.find(reason);
    draft.because("missing", &observation.v2.config_path);
    if let Some(binary) = observation.v2.binary.present() {
        draft.because("program", &binary.path);
    } else if let Some(script) = observation.v1.script.present() {
        draft.because("program", script).remedied_by(Some(RemedyId::InstallV2));
    }
    if in_container {
        draft.in_words(Some(managed::redeploy().to_owned())).remedied_by(None);
    }
}
