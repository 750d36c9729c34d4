//! A self-check under a policy of its own: this host's agent is updated by other means until a day comes, and a late
//! timer is a fault earlier than by default.
//!
//! ```sh
//! cargo run --package selfcheck-examples --example acknowledge
//! ```
#![expect(clippy::print_stdout, reason = "an example says what it finds")]

use selfcheck_daemon::Policy;
use selfcheck_daemon::SelfCheck;
use selfcheck_daemon::policy::Acknowledgement;
use selfcheck_daemon::policy::Length;
use selfcheck_daemon::policy::Thresholds;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let policy = Policy {
        acknowledged: Some(Acknowledgement {
            reason: "updated by our own Ansible until the migration is done".into(),
            // When this passes, the self-check judges anew by itself.
            until: Some("2027-03-31T00:00:00Z".parse()?),
        }),
        thresholds: Thresholds { overdue: Length::minutes(15), ..Thresholds::default() },
        ..Policy::default()
    };
    let check = SelfCheck::builder().policy(policy).start()?;
    let acknowledged = check.recheck().await?;
    println!("{}: {}", acknowledged.verdict, acknowledged.summary);

    // A policy may be replaced at any time; the agent is judged anew at once.
    check.handle().judge_by(Policy::default()).await?;
    let plain = check.recheck().await?;
    println!("{}: {}", plain.verdict, plain.summary);
    check.shutdown().await;
    Ok(())
}
