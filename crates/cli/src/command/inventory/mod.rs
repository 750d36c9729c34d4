//! `inventory`: what an auth server knows of its agents.

mod ls;
mod remedies;
mod row;
mod show;
mod status;

use crate::args::InventoryCommand;
use crate::error::CliError;
use crate::output::Output;

use super::ask::asking;

/// What a stock auth server does not tell.
const STOCK: &str =
    "this auth server is a stock one: verdicts are what its fields claim, not what somebody saw";

pub(super) fn run(command: &InventoryCommand, output: &Output) -> Result<u8, CliError> {
    asking(async {
        match command {
            InventoryCommand::Status(args) => status::run(args, output).await,
            InventoryCommand::Ls(args) => ls::run(args, output).await,
            InventoryCommand::Show(args) => show::run(args, output).await,
            InventoryCommand::Remedies(args) => remedies::run(args, output).await,
        }
    })
}
