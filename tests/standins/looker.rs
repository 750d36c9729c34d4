//! Looks at this host again and again over one connection (`looker LOOKS`), and says how often the updater's timer fired meanwhile. A finding
//! ends it.
#![expect(clippy::print_stdout, clippy::expect_used, reason = "a program of the tests")]

use std::collections::BTreeSet;
use std::process::ExitCode;
use std::time::Duration;

use selfcheck_core::Policy;
use selfcheck_core::assess;
use selfcheck_probe::Probe;
use selfcheck_probe::SYSTEM_BUS;
use selfcheck_probe::Target;

fn main() -> ExitCode {
    let looks: u32 = std::env::args().nth(1).expect("a number").parse().expect("a number");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("runtime");
    let mut probe = Probe::new(Target::default(), SYSTEM_BUS);
    let mut firings = BTreeSet::new();
    for look in 0..looks {
        let observation = runtime.block_on(probe.look(Duration::from_secs(20)));
        let status = assess(&observation, &Policy::default(), observation.clock);
        if !status.findings.is_empty() || !status.unseen.is_empty() {
            println!("look {look}: {:?} {:?}", status.findings, status.unseen);
            println!("{}", serde_json::to_string(&observation).expect("json"));
            return ExitCode::FAILURE;
        }
        let timer = observation.v2.timer.present();
        firings.extend(timer.and_then(|timer| timer.last_trigger).map(|fired| fired.monotonic));
    }
    println!("{} firings, no finding", firings.len());
    ExitCode::SUCCESS
}
