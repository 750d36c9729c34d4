//! `inventory`: what an auth server knows of its agents.

mod ls;
mod row;
mod status;

use std::future::Future;
use std::time::Duration;

use selfcheck_agent::report::ReportError;
use selfcheck_inventory::IdentityFile;
use selfcheck_inventory::agent::AuthClient;
use tokio::time::timeout;

use crate::args::InventoryCommand;
use crate::args::ServerArgs;
use crate::error::CliError;
use crate::output::Output;

use super::auth_address;

/// How long an auth server may take to answer.
const ANSWER_TIME: Duration = Duration::from_secs(60);
/// What a stock auth server does not tell.
const STOCK: &str =
    "this auth server is a stock one: verdicts are what its fields claim, not what somebody saw";

pub(super) fn run(command: &InventoryCommand, output: &Output) -> Result<u8, CliError> {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(CliError::Runtime)?;
    let result = runtime.block_on(async {
        match command {
            InventoryCommand::Status(args) => status::run(args, output).await,
            InventoryCommand::Ls(args) => ls::run(args, output).await,
        }
    });
    // A name that is still being looked up must not keep the command from ending.
    runtime.shutdown_background();
    result
}

async fn client(args: &ServerArgs) -> Result<AuthClient, CliError> {
    let identity = IdentityFile::read(&args.identity).map_err(CliError::Identity)?;
    AuthClient::connect(&auth_address(&args.auth_server), &identity).await.map_err(CliError::AskAuth)
}

/// What `asking` comes to, unless that takes too long.
async fn in_time<T>(
    args: &ServerArgs,
    asking: impl Future<Output = Result<T, ReportError>>,
) -> Result<T, ReportError> {
    let late = |_| ReportError::Timeout { server: auth_address(&args.auth_server), what: "answer" };
    timeout(ANSWER_TIME, asking).await.map_err(late)?
}
