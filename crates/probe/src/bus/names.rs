//! The units that matter to one installation.

use selfcheck_core::Generation;
use selfcheck_core::Namespace;

/// The names of the units that matter to one installation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Names {
    pub(super) agent: String,
    pub(super) timer_v2: String,
    pub(super) service_v2: String,
    pub(super) timer_v1: String,
    pub(super) service_v1: String,
}

impl Names {
    pub(crate) fn of(namespace: &Namespace) -> Self {
        Self {
            agent: namespace.agent_unit(),
            timer_v2: Generation::V2.timer(namespace),
            service_v2: Generation::V2.service(namespace),
            timer_v1: Generation::V1.timer(namespace),
            service_v1: Generation::V1.service(namespace),
        }
    }

    pub(super) fn all(&self) -> [&str; 5] {
        [&self.agent, &self.timer_v2, &self.service_v2, &self.timer_v1, &self.service_v1]
    }
}
