//! What a daemon remembers beyond one look.

use crate::Fact;
use crate::Observation;
use crate::observation::History;

use super::updater::Found;
use super::updater::Updater;
use super::updater::found;

/// The observation with what is remembered of earlier looks, brought up to date by this one.
///
/// `before` is what was remembered when this look began. A look that did not see the updater's service leaves it as it was.
#[must_use]
pub fn remember(observation: Observation, before: History) -> Observation {
    let service = match found(&observation) {
        Found::Enabled(generation) => Fact::present(Updater::of(&observation, generation).service),
        _ => None,
    };
    let history = match service {
        Some(service) => before.after(service, observation.clock.realtime),
        None => before,
    };
    Observation { history: Some(history), ..observation }
}
