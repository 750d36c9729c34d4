//! What helps against a finding on this very host.

use crate::Fact;
use crate::Generation;
use crate::Observation;
use crate::ProxyAddr;
use crate::Reason;
use crate::Remedy;
use crate::RemedyId;
use crate::RemedyTarget;
use crate::Text;
use crate::Updates;
use crate::Writes;
use crate::layout;
use crate::observation::UnitState;

use super::case::Draft;
use super::kubernetes::Owner;

/// The port of a proxy where teleport.yaml names none. The updater writes it out.
const PROXY_PORT: u16 = 3080;

/// Chooses the remedy that works on this host, or says why none does.
pub(super) fn settle(observation: &Observation, draft: &mut Draft) {
    draft.remedy = draft.remedy.and_then(|id| possible(observation, draft.reason, draft.generation, id));
    let Some(id) = draft.remedy else { return };
    // The older updater has no folder of its own.
    let of_v1 = draft.generation == Generation::V1 && id.writes() == Writes::Installation;
    let cannot: Vec<_> = unwritable(observation, id).filter(|_| !of_v1).collect();
    if !cannot.is_empty() {
        let folders = cannot.join(", ");
        let said = draft
            .summary
            .take()
            .unwrap_or_else(|| draft.reason.entry().summary_for(draft.generation.updater()));
        let why = "is read-only, so no command mends it here: change what this host is made from";
        draft
            .because("read_only", Text::new(&folders))
            .in_words(Some(format!("{said}; {folders} {why}")))
            .remedied_by(None);
    }
}

/// The folders that `id` writes to and that are read-only here.
fn unwritable(observation: &Observation, id: RemedyId) -> impl Iterator<Item = &str> {
    let read_only = observation.host.read_only.iter().map(Text::as_str);
    read_only.filter(move |folder| match id.writes() {
        Writes::Nothing => false,
        Writes::Units => *folder == layout::UNITS,
        Writes::Installation => *folder != layout::UNITS,
        Writes::Both => true,
    })
}

fn possible(
    observation: &Observation,
    reason: Reason,
    generation: Generation,
    id: RemedyId,
) -> Option<RemedyId> {
    let is_gone = observation.v2.binary.is_absent();
    let id = match id {
        // The older updater runs by itself.
        RemedyId::RunUpdater | RemedyId::ResetUpdater if generation == Generation::V1 => id,
        // The installer leaves a pin as it is, and fails with what these are to mend.
        RemedyId::UnpinV2 | RemedyId::RewriteConfigV2 | RemedyId::ResetBaseUrlV2 if is_gone => return None,
        // A command of teleport-update helps only where there is one.
        id => id.elsewhere().filter(|instead| is_gone && *instead == RemedyId::InstallV2).unwrap_or(id),
    };
    let agent = &observation.agent;
    let is_own = agent.unit.present().is_none_or(|unit| unit.state.unit == *agent.namespace.agent_unit());
    match id {
        // The install script knows the default installation only.
        RemedyId::InstallV2 if agent.namespace.suffix().is_some() => None,
        // An agent that nothing starts again is not restarted by a unit.
        RemedyId::RestartAgent if reason == Reason::UpdaterChangedSinceStart && agent.unit.is_absent() => {
            None
        }
        RemedyId::RestartAgent if !is_own => id.elsewhere(),
        id => Some(id),
    }
}

/// The remedy of a finding, rendered for this host.
pub(super) fn render(observation: &Observation, draft: &Draft) -> Option<Remedy> {
    let id = draft.remedy?;
    let agents_proxy = observation.agent.config.present().and_then(|config| config.proxy_server.as_ref());
    let elsewhere = observation.v2.binary.present().filter(|binary| !binary.is_in_path());
    Some(
        id.render(&RemedyTarget {
            namespace: &observation.agent.namespace,
            reason: Some(draft.reason),
            updates: if is_off(observation) { Updates::Off } else { Updates::On },
            lost: observation.v2.legible.as_ref(),
            agent_unit: if id == RemedyId::WantTimer {
                Some(starting_unit(observation))
            } else {
                own_unit(observation)
            },
            generation: draft.generation,
            // The host of a hashed address ends in `.invalid`, which by RFC 2606 is nobody's.
            proxy: agents_proxy
                .and_then(|proxy| proxy.as_str().parse().ok())
                .filter(|proxy: &ProxyAddr| !proxy.host().ends_with(".invalid"))
                .map(|proxy| proxy.or_port(PROXY_PORT)),
            update_config: observation.v2.config_path.as_str(),
            program: elsewhere.map_or(Generation::V2.updater(), |binary| binary.path.as_str()),
            kubernetes: Owner::of(observation).target,
        }),
    )
}

fn is_off(observation: &Observation) -> bool {
    observation.v2.config.present().is_some_and(|config| !config.spec.enabled)
}

fn own_unit(observation: &Observation) -> Option<&str> {
    observation.agent.unit.present().map(|unit| unit.state.unit.as_str())
}

/// The unit that is to start the timer: the agent's, if there is one that a boot starts.
fn starting_unit(observation: &Observation) -> &str {
    let lasts = |state: &UnitState| !state.is_masked() && !Fact::is_absent(&state.lasting_file);
    let unit = observation.agent.unit.present().filter(|unit| lasts(&unit.state));
    unit.map_or("multi-user.target", |unit| unit.state.unit.as_str())
}
