//! Attacks on a running auth server: what an agent, a person without rights or a stranger may try, what it may cost at most, and
//! what it costs. Meanwhile a witness, an ordinary agent, joins and reports; it is to be served within a bound, too.
//!
//! `cargo test -p selfcheck-tests --test attacks [-- WORD]` runs those whose name has the word; `cargo xtask attack` all of them
//! for longer and with stricter bounds.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::expect_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "it measures, prints and fails"
)]

mod arena;
mod crowds;
mod floods;
mod identities;
mod witness;

use std::process::ExitCode;
use std::time::Duration;

use futures_util::future::LocalBoxFuture;
use nix::sys::resource::Resource;
use nix::sys::resource::getrlimit;
use nix::sys::resource::setrlimit;

use arena::Arena;
use witness::Bounds;

/// For how long what goes on and on goes on, and what holds meanwhile.
#[derive(Debug, Clone, Copy)]
struct Pace {
    lasts: Duration,
    bounds: Bounds,
}

/// Part of every run of the tests. The time that a witness may wait is far longer than it takes, so that a busy machine is no
/// failure.
const BRIEF: Pace = Pace {
    lasts: Duration::from_secs(4),
    bounds: Bounds { megabytes: 100.0, descriptors: 1_300, wait: Duration::from_secs(10) },
};
const THOROUGH: Pace = Pace {
    lasts: Duration::from_secs(30),
    bounds: Bounds { megabytes: 100.0, descriptors: 1_300, wait: Duration::from_secs(1) },
};

/// An attack: what is tried, and what came of it beside what is bounded anyway, or why it is a failure.
struct Attack {
    name: &'static str,
    run: for<'a> fn(&'a Arena, Pace) -> LocalBoxFuture<'a, Result<String, String>>,
}

macro_rules! attacks {
    ($($name:literal => $run:path,)*) => {
        const ATTACKS: &[Attack] = &[$(Attack { name: $name, run: |arena, pace| Box::pin($run(arena, pace)) }),*];
    };
}

attacks! {
    "unfinished requests of an agent that may ask nothing" => floods::denied_and_unfinished,
    "unfinished streams of an agent" => floods::unfinished_streams,
    "streams that said Hello, with a message of 1 MiB each" => floods::unfinished_messages,
    "unfinished requests of an administrator" => floods::unfinished_questions,
    "answers that an administrator does not read" => floods::unread_answers,
    "messages of 500,000 empty elements" => floods::many_elements,
    "denied calls without a pause" => floods::denied_calls,
    "an agent that comes and goes" => floods::flapping,
    "1,000 connections of one identity" => crowds::one_identity,
    "1,000 strangers who say nothing" => crowds::silent,
    "1,000 strangers from 250 addresses" => crowds::from_everywhere,
    "1,000 strangers who begin a handshake" => crowds::half_a_handshake,
    "1,000 strangers who come again and again" => crowds::restless,
    "520 strangers who say a little now and then" => crowds::dribbling,
    "1,000 connections of one identity and 1,000 strangers" => crowds::both,
    "administrators of one name" => crowds::administrators,
    "a connection that outlives its certificate" => identities::expired,
    "a host that is denied while it is connected" => identities::denied_host,
    "a certificate that is denied while it is connected" => identities::denied_certificate,
    "an agent that poses as an auth server" => identities::posing,
    "an agent of another cluster" => identities::foreign,
}

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let pace = if words.iter().any(|word| word == "--thorough") { THOROUGH } else { BRIEF };
    let only = words.iter().find(|word| !word.starts_with('-')).cloned().unwrap_or_default();
    let (_, most) = getrlimit(Resource::RLIMIT_NOFILE).expect("limits");
    setrlimit(Resource::RLIMIT_NOFILE, most, most).expect("as many descriptors as are allowed");
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    let failed = runtime.block_on(async {
        let mut failed = 0;
        println!("{:<56}  {:>22}  seen", "attack", "bound");
        for Attack { name, run } in ATTACKS.iter().filter(|attack| attack.name.contains(&only)) {
            let arena = Arena::new();
            let (seen, came) = arena.witness(&pace.bounds, run(&arena, pace)).await;
            let came = seen.within(&pace.bounds).and(came);
            let word = if came.is_ok() { "" } else { "FAILED: " };
            let (Ok(words) | Err(words)) = came;
            println!("{name:<56}  {:>22}  {word}{seen}; {words}", pace.bounds.to_string());
            failed += usize::from(!word.is_empty());
        }
        failed
    });
    if failed == 0 {
        return ExitCode::SUCCESS;
    }
    eprintln!("{failed} attacks broke a bound");
    ExitCode::FAILURE
}
