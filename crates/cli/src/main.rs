//! `teleport-selfcheck`: is the Teleport agent on this host accompanied by an updater that works?

mod args;
mod command;
mod error;
mod output;
mod text;

use std::process::ExitCode;

use clap::Parser;

use args::Args;
use output::Output;

fn main() -> ExitCode {
    let args = match Args::try_parse() {
        Ok(args) => args,
        Err(error) => return output::usage(&error),
    };
    let output = Output::new(args.color, args.verbose);
    match command::run(args.command, &output) {
        Ok(code) => ExitCode::from(code),
        Err(error) => output.fail(&error),
    }
}
