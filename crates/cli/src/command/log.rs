//! The log of what runs for long, on standard error.

use tracing::Level;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use crate::output::Output;

/// How the names of our own modules begin: `-v` is about what they do, and not about what connections do.
const OWN: [&str; 2] = ["selfcheck_", "teleport_selfcheck"];
/// From here on what happens is logged: with `-v` all that our own modules tell.
pub(super) fn to_stderr(output: &Output) {
    let level = if output.verbose { Level::DEBUG } else { Level::INFO };
    let logged = OWN
        .iter()
        .fold(Targets::new().with_default(Level::INFO), |logged, own| logged.with_target(*own, level));
    // The journal has its own times.
    tracing_subscriber::fmt()
        .with_max_level(level)
        .with_writer(std::io::stderr)
        .with_ansi(false)
        .with_target(false)
        // Where standard error cannot be written to, there is nobody to tell.
        .log_internal_errors(false)
        .without_time()
        .finish()
        .with(logged)
        .init();
}
