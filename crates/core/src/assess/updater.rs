//! Which updater the evidence says is there.

use crate::Fact;
use crate::Generation;
use crate::Observation;
use crate::Why;
use crate::observation::Environment;
use crate::observation::FactName;
use crate::observation::ServiceUnit;
use crate::observation::TimerUnit;

/// An updater with units, to be judged by them.
#[derive(Clone, Copy)]
pub(super) struct Updater<'a> {
    pub(super) generation: Generation,
    pub(super) timer: &'a Fact<TimerUnit>,
    pub(super) service: &'a Fact<ServiceUnit>,
}

/// What the evidence says is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Found {
    /// An updater for hosts: a part of teleport-update that only enabling creates, or units of teleport-upgrade and nothing of
    /// the other.
    Enabled(Generation),
    /// The environment of a pod of the Helm chart.
    Kubernetes,
    /// An updater's program, never enabled.
    NotEnabled,
    /// Positively nothing.
    Nothing,
    /// What would decide could not be seen.
    Hidden(FactName, Why),
}

/// What is there.
pub(super) fn found(observation: &Observation) -> Found {
    if observation.environment().is_some_and(Environment::is_kubernetes) {
        return Found::Kubernetes;
    }
    let (v1, v2) = (&observation.v1, &observation.v2);
    if v2.timer.is_present() || v2.service.is_present() {
        return Found::Enabled(Generation::V2);
    }
    match &v2.config {
        Fact::Absent => {}
        Fact::NotApplicable => return Found::Hidden(FactName::UpdateConfig, Why::NotLookedAt),
        // Whether there is a file at all is not known.
        Fact::Unreadable(why) if !why.is_corruption() => return Found::Hidden(FactName::UpdateConfig, *why),
        _ => return Found::Enabled(Generation::V2),
    }
    let v2_units = hidden(FactName::Timer(Generation::V2), &v2.timer)
        .or(hidden(FactName::Service(Generation::V2), &v2.service));
    if let Some((fact, why)) = v2_units {
        return Found::Hidden(fact, why);
    }
    // The older updater knows no install suffix: it never updates a suffixed agent.
    if observation.agent.namespace.suffix().is_some() {
        return if v2.binary.is_present() { Found::NotEnabled } else { Found::Nothing };
    }
    if v1.timer.is_present() || v1.service.is_present() {
        return Found::Enabled(Generation::V1);
    }
    let rest = [
        hidden(FactName::Timer(Generation::V1), &v1.timer),
        hidden(FactName::Service(Generation::V1), &v1.service),
        hidden(FactName::Program(Generation::V1), &v1.script),
    ];
    if let Some((fact, why)) = rest.into_iter().flatten().next() {
        return Found::Hidden(fact, why);
    }
    if v2.binary.is_present() || v1.script.is_present() { Found::NotEnabled } else { Found::Nothing }
}

fn hidden<T>(name: FactName, fact: &Fact<T>) -> Option<(FactName, Why)> {
    Some((name, fact.why()?))
}

/// Where systemd does not run there are no units, whatever else was written down.
static NO_TIMER: Fact<TimerUnit> = Fact::NotApplicable;
static NO_SERVICE: Fact<ServiceUnit> = Fact::NotApplicable;

impl<'a> Updater<'a> {
    /// The one of this generation.
    pub(super) fn of(observation: &'a Observation, generation: Generation) -> Self {
        if observation.systemd.booted.is_absent() {
            return Self { generation, timer: &NO_TIMER, service: &NO_SERVICE };
        }
        let (timer, service) = match generation {
            Generation::V1 => (&observation.v1.timer, &observation.v1.service),
            Generation::V2 => (&observation.v2.timer, &observation.v2.service),
        };
        Self { generation, timer, service }
    }
}
