//! Whether the updater replaces the very file that the agent runs.

use crate::Fact;
use crate::Generation;
use crate::Reason;
use crate::Text;
use crate::observation::Executable;
use crate::observation::Started;
use crate::observation::StartedKind;

use super::case::Case;
use super::updater::Updater;

/// What is known of the file that the agent runs.
pub(super) enum Managed<'a> {
    /// The updater replaces it, or that is not known, or not the question.
    NotInDoubt,
    /// It does not, and a restart would start one that it does.
    AfterRestart,
    /// It does not, and a restart changes nothing.
    Never {
        /// The file.
        runs: &'a Text,
        /// Whether a container brings it.
        in_container: bool,
    },
}

pub(super) fn judge(case: &mut Case<'_>, updater: &Updater<'_>) {
    let observation = case.observation;
    let Managed::Never { runs, in_container } = of(case, updater) else { return };
    let base = observation.v2.config_path.as_str().rsplit_once('/').map_or("", |(base, _)| base);
    let active = observation.v2.config.present().and_then(|config| config.status.active.as_ref());
    let replaces = active.map(|active| Text::new(&format!("{base}/versions/{active}/bin/teleport")));
    case.find(Reason::AgentNotManaged)
        .because("runs", runs)
        .because_of("updater_replaces", replaces)
        .because_of("unit", observation.agent.unit.present().map(|unit| &unit.state.unit))
        .in_words(in_container.then(|| redeploy().to_owned()));
}

/// What is said of an agent in a container that its host starts.
pub(super) const fn redeploy() -> &'static str {
    "the agent runs in a container, which no updater on this host updates; redeploy its image"
}

/// Whether the agent's unit or process is a program that starts containers.
pub(super) fn is_in_container(case: &Case<'_>) -> bool {
    let agent = &case.observation.agent;
    let process = agent.process.present().and_then(|process| process.executable.present());
    let starts = agent.unit.present().and_then(|unit| unit.starts.present());
    process.is_some_and(Executable::starts_containers)
        || starts.is_some_and(|starts| starts.kind == StartedKind::Container)
}

/// What is known of the file that the agent runs, where `updater` is to replace it.
pub(super) fn of<'a>(case: &Case<'a>, updater: &Updater<'_>) -> Managed<'a> {
    let observation = case.observation;
    let config = observation.v2.config.present();
    let works = config.is_some_and(|config| config.spec.enabled && config.status.active.is_some());
    if updater.generation == Generation::V1 || !works {
        return Managed::NotInDoubt;
    }
    let starts = observation.agent.unit.present().map(|unit| &unit.starts);
    let in_container = is_in_container(case);
    if case.is_static() {
        return match starts.and_then(Fact::present) {
            Some(Started { path, kind: StartedKind::Unmanaged | StartedKind::Container }) => {
                Managed::Never { runs: path, in_container }
            }
            _ => Managed::NotInDoubt,
        };
    }
    let process = observation.agent.process.present();
    let executable = process.and_then(|process| process.executable.present());
    let Some(executable) = executable.filter(|executable| executable.managed.is_absent()) else {
        return Managed::NotInDoubt;
    };
    let never = Managed::Never { runs: &executable.path, in_container };
    // Whoever started an agent that belongs to no unit will start the same file again.
    if process.is_some_and(|process| process.unit.is_absent()) || observation.agent.unit.is_absent() {
        return never;
    }
    match starts {
        Some(Fact::Present(Started { kind: StartedKind::Managed, .. })) => Managed::AfterRestart,
        // What the unit starts could not be seen, so what a restart does is not known; a script may start anything.
        Some(
            Fact::Present(Started { kind: StartedKind::Opaque, .. })
            | Fact::Unreadable(_)
            | Fact::NotApplicable,
        )
        | None => Managed::NotInDoubt,
        Some(Fact::Present(_) | Fact::Absent) => never,
    }
}
