//! Judges an observation that `teleport-selfcheck debug updater-status --save-observation FILE` wrote, as of when it
//! was made and an hour later, under a policy of one's own.
//!
//! ```sh
//! cargo run --package selfcheck-examples --example judge-a-recording -- FILE
//! ```
#![expect(clippy::print_stdout, reason = "an example says what it finds")]

use std::error::Error;
use std::path::Path;

use selfcheck_core::Observation;
use selfcheck_core::Policy;
use selfcheck_core::assess;
use selfcheck_core::policy::Length;
use selfcheck_probe::read_text;

fn main() -> Result<(), Box<dyn Error>> {
    let file = std::env::args().nth(1).ok_or("usage: judge-a-recording FILE")?;
    let text = read_text(Path::new(&file), 4 << 20)?;
    let observation: Observation = serde_json::from_str(&text)?;
    // A host that is suspended for long stretches may be given more time.
    let mut policy = Policy::default();
    policy.thresholds.overdue = Length::minutes(45);
    for (when, later) in [("when it was made", Length::seconds(0)), ("an hour later", Length::minutes(60))] {
        let status = assess(&observation, &policy, observation.clock.after(later.usec()));
        println!("{when}: {}", status.label());
    }
    Ok(())
}
