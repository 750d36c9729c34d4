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

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut policy = Policy::default();
    let acknowledgement = Acknowledgement::new("updated by our own Ansible until the migration is done");
    // When this passes, the self-check judges anew by itself.
    policy.acknowledged = Some(acknowledgement.until("2027-03-31T00:00:00Z".parse()?));
    policy.thresholds.overdue = Length::minutes(15);
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
