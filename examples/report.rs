//! An agent that watches over its own updater, and reports what it finds in its inventory heartbeat.
//!
//! ```sh
//! cargo run --package selfcheck-examples --example report -- HOST:PORT IDENTITY-FILE
//! ```
//!
//! An auth server to try it with: `teleport-selfcheck auth serve`. To a stock one, the Hello says what stock Teleport has words
//! for.
#![expect(clippy::print_stdout, reason = "an example says what it finds")]

use selfcheck_daemon::SelfCheck;
use selfcheck_daemon::Target;
use selfcheck_daemon::report::ReporterConfig;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let words: Vec<_> = std::env::args().skip(1).collect();
    let [server, identity] = words.as_slice() else {
        return Err("usage: report HOST:PORT IDENTITY-FILE".into());
    };
    let check = SelfCheck::builder().target(Target::this_process()).start()?;
    let reporter = check.handle().report(ReporterConfig::new(server, identity));
    let mut progress = reporter.progress();
    // An auth server that is away is tried again, so this ends where there is nobody to be told, or with the self-check.
    let reporting = reporter.run();
    tokio::pin!(reporting);
    loop {
        tokio::select! {
            ended = &mut reporting => return Ok(ended?),
            Some(told) = progress.next() => match (&told.trouble, told.acked) {
                (Some((_, why)), _) => println!("not connected: {why}"),
                (None, Some(change)) => println!("the auth server has change {change}"),
                (None, None) => println!("connected"),
            },
        }
    }
}
