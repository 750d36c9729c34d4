//! Looks at this host once and says what is the case: the smallest honest use of the two libraries.
//!
//! ```sh
//! cargo run --package selfcheck-examples --example look-and-judge
//! ```
#![expect(clippy::print_stdout, reason = "an example says what it finds")]

use std::time::Duration;

use selfcheck_core::Policy;
use selfcheck_core::assess;
use selfcheck_probe::Probe;
use selfcheck_probe::SYSTEM_BUS;
use selfcheck_probe::Target;

fn main() -> std::io::Result<()> {
    // The caller brings the runtime; a look needs its IO and time drivers.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut probe = Probe::new(Target::default(), SYSTEM_BUS);
    // Keep the probe to look again: it keeps its connection to the bus.
    let observation = runtime.block_on(probe.look(Duration::from_secs(3)));
    let status = assess(&observation, &Policy::default(), observation.clock);
    println!("{}: {}", status.verdict, status.summary);
    if let Some(remedy) = status.remedy {
        println!("run `{}`, which {}", remedy.shell, remedy.effect);
    }
    // A read that hangs in the kernel must not keep the program from ending.
    runtime.shutdown_background();
    Ok(())
}
