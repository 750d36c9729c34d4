//! The project's own commands.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "it is a command-line program")]

mod attack;
mod bench;
mod circles;
mod dependencies;
mod documents;
mod front;
mod fuzz;
mod layers;
mod packages;
mod proto;
mod run;
mod steps;
mod suite;
mod test;
mod trixie;

use std::process::ExitCode;

/// A command's outcome; the error is what to tell.
type Outcome = Result<(), String>;

/// How long each reader is fuzzed when nothing is said.
const FUZZ_SECONDS: u32 = 600;
const USAGE: &str = "usage: cargo xtask COMMAND

  test [SUITE…] format, lints, documentation and all tests; or these suites: quick host daemon wire fleet pods go fuzz
  bench         the figures: speed, size, memory
  attack        the attacks on an auth server, for longer and with stricter bounds
  fuzz [N]      every reader of hostile input, N seconds each (600)
  docs          write the generated documentation anew
  proto         write the code of the .proto files anew";

fn main() -> ExitCode {
    let words: Vec<_> = std::env::args().skip(1).collect();
    let words: Vec<_> = words.iter().map(String::as_str).collect();
    let outcome = match *words.as_slice() {
        ["test", ref suites @ ..] => test::run(suites),
        ["bench"] => bench::run(),
        ["attack"] => attack::run(),
        ["fuzz"] => fuzz::run(FUZZ_SECONDS),
        ["fuzz", seconds] => seconds.parse().map_err(|_| USAGE.to_owned()).and_then(fuzz::run),
        ["docs"] => documents::write().and_then(|()| front::write()),
        ["proto"] => proto::write(),
        ["help" | "--help"] => {
            println!("{USAGE}");
            Ok(())
        }
        _ => Err(USAGE.to_owned()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
