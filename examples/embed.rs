//! An agent that watches over its own updater: the smallest honest embedding of `selfcheck-daemon`.
//!
//! ```sh
//! cargo run --package selfcheck-examples --example embed
//! ```
//!
//! Try it beside `sudo systemctl stop teleport-update.timer`. An agent with a debug service of its own also mounts
//! `selfcheck_daemon::debug::DebugService::respond` there, and gives the builder its metrics registry.
#![expect(clippy::print_stdout, reason = "an example says what it finds")]

use selfcheck_daemon::SelfCheck;
use selfcheck_daemon::Target;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    // Starting opens nothing and waits for nothing. The self-check ends when `check` is dropped.
    let check = SelfCheck::builder().target(Target::this_process()).start()?;
    let mut statuses = check.subscribe();
    // The agent's own work goes on meanwhile; here there is none.
    while let Some(status) = statuses.next().await {
        println!("change {}: {}: {}", status.sequence.unwrap_or(0), status.verdict, status.summary);
        if let Some(remedy) = &status.remedy {
            println!("    run `{}`, which {}", remedy.shell, remedy.effect);
        }
    }
    Ok(())
}
