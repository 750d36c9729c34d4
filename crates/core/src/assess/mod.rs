//! The judgement: a pure, total function from what was seen to a status.
//!
//! Each module judges one subject and adds the findings that hold. The rules that make a verdict of them
//! stand in [`verdict`].

mod applicability;
mod blame;
mod case;
mod conclude;
mod config;
mod firing;
mod gaps;
mod horizon;
mod kubernetes;
mod managed;
mod presence;
mod process;
mod remedy;
mod remember;
mod run;
mod schedule;
mod starters;
mod stock;
mod update;
mod updater;
mod v1;
mod verdict;

use crate::Clock;
use crate::Observation;
use crate::Policy;
use crate::Status;

use case::Case;
use presence::Judged;

pub use remember::remember;

/// Judges `observation` under `policy` as of `now`.
///
/// `now` is the clock of the observation for a fresh look, or a later one to judge it again: ages grow, and the
/// status says by `holds_until` when that next changes anything.
pub fn assess(observation: &Observation, policy: &Policy, now: Clock) -> Status {
    let mut case = Case::new(observation, policy, now);
    applicability::judge(&mut case);
    // An exempt reason decides alone.
    if case.findings.is_empty() {
        match presence::judge(&mut case) {
            Judged::Units(updater) => {
                config::judge(&mut case, &updater);
                firing::judge(&mut case, &updater);
                schedule::judge(&mut case, &updater);
                run::judge(&mut case, &updater);
                update::judge(&mut case, &updater);
                managed::judge(&mut case, &updater);
                process::judge(&mut case, &updater);
                gaps::judge(&mut case, &updater);
            }
            Judged::Settled => {}
        }
    }
    conclude::conclude(case)
}
