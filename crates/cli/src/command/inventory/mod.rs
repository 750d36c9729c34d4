//! `inventory`: what an auth server knows of its agents.

mod listing;
mod ls;
mod remedies;
mod row;
mod show;
mod status;
mod stock;
mod wanted;

use crate::args::InventoryCommand;
use crate::error::CliError;
use crate::output::Output;

use super::ask::Right;
use super::ask::asking;

/// What one needs to ask a stock auth server.
const INSTANCES: Right = "`instance: list, read`";

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
