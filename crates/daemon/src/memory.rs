//! What is remembered from look to look, and what of a new look is published.

use std::sync::Arc;
use std::time::Duration;

use selfcheck_core::Observation;
use selfcheck_core::Policy;
use selfcheck_core::Status;
use selfcheck_core::assess;
use selfcheck_core::observation::FactName;
use selfcheck_core::observation::History;
use selfcheck_core::remember;
use tokio::time::Instant;

/// How long the last status stays while something cannot be seen for a passing reason.
const PATIENCE: Duration = Duration::from_secs(15 * 60);

/// What is remembered from look to look.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    history: History,
    last: Option<Last>,
}

/// The status published last.
#[derive(Debug)]
struct Last {
    status: Arc<Status>,
    /// What could not be seen then, for reasons that may pass.
    unseen: Vec<FactName>,
    /// When it stops holding by itself; never if `None`.
    ends: Option<Instant>,
    /// When the first look began that saw less.
    blind_since: Option<Instant>,
}

impl Last {
    /// Whether it stays though a look that began at `began` saw less.
    fn outlasts(&mut self, began: Instant) -> bool {
        let since = *self.blind_since.get_or_insert(began);
        began < since + PATIENCE && self.ends.is_none_or(|ends| began < ends)
    }
}

/// What to do with a new look.
#[derive(Debug)]
pub(crate) enum Judged {
    /// It says something else than the last one.
    Changed(Arc<Status>),
    /// It says the same, with other times.
    Same(Arc<Status>),
    /// It saw less than the last one, whose status stays.
    Blind,
}

/// A judged look.
#[derive(Debug)]
pub(crate) struct Judgement {
    pub(crate) judged: Judged,
    /// What could not be seen and may be seen soon.
    pub(crate) unseen: Vec<FactName>,
    /// How long what is published holds if nothing changes; for ever if `None`.
    pub(crate) holds_for: Option<Duration>,
}

impl Memory {
    /// Judges a look that began at `began`.
    pub(crate) fn judge(&mut self, observation: Observation, policy: &Policy, began: Instant) -> Judgement {
        let observation = remember(observation, self.history.clone());
        let mut status = assess(&observation, policy, observation.clock);
        let holds_for = status.holds_until.map(|until| {
            let left = until.duration_since(status.observed_at);
            Duration::try_from(left).unwrap_or_default()
        });
        let unseen: Vec<_> = observation
            .unreadable()
            .into_iter()
            .filter(|(_, why)| why.is_passing())
            .map(|(fact, _)| fact)
            .collect();
        self.history = observation.history.unwrap_or_default();
        if let Some(last) = &mut self.last
            && unseen.iter().any(|fact| !last.unseen.contains(fact))
            && last.outlasts(began)
        {
            let holds_for = last.ends.map(|ends| ends.saturating_duration_since(began));
            return Judgement { judged: Judged::Blind, unseen, holds_for };
        }
        let sequence = self.last.as_ref().and_then(|last| last.status.sequence).unwrap_or(0);
        let changed = self.last.as_ref().is_none_or(|last| last.status.differs_from(&status));
        status.sequence = Some(if changed { sequence + 1 } else { sequence });
        let status = Arc::new(status);
        let ends = holds_for.map(|holds| began + holds);
        self.last =
            Some(Last { status: Arc::clone(&status), unseen: unseen.clone(), ends, blind_since: None });
        let judged = if changed { Judged::Changed(status) } else { Judged::Same(status) };
        Judgement { judged, unseen, holds_for }
    }
}
