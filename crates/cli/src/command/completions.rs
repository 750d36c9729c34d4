//! `completions`.

use clap::CommandFactory;
use clap_complete::Shell;

use crate::args::Args;
use crate::error::CliError;
use crate::output;

pub(super) fn run(shell: Shell) -> Result<u8, CliError> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Args::command(), "teleport-selfcheck", &mut script);
    output::print(&String::from_utf8_lossy(&script))?;
    Ok(0)
}
