//! Asking an auth server.

use std::future::Future;
use std::path::Path;
use std::time::Duration;

use selfcheck_agent::report::ReportError;
use selfcheck_inventory::IdentityFile;
use selfcheck_inventory::agent::AuthClient;
use tokio::time::timeout;

use crate::error::CliError;

use super::auth_address;

/// How long an auth server may take to answer.
const ANSWER_TIME: Duration = Duration::from_secs(60);

/// Runs something that asks.
pub(super) fn asking(ask: impl Future<Output = Result<u8, CliError>>) -> Result<u8, CliError> {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(CliError::Runtime)?;
    let result = runtime.block_on(ask);
    // A name that is still being looked up must not keep the command from ending.
    runtime.shutdown_background();
    result
}

pub(super) async fn client(auth_server: &str, identity: &Path) -> Result<AuthClient, CliError> {
    let identity = IdentityFile::read(identity).map_err(CliError::Identity)?;
    AuthClient::connect(&auth_address(auth_server), &identity).await.map_err(CliError::AskAuth)
}

/// What `asking` comes to, unless that takes too long.
pub(super) async fn in_time<T>(
    auth_server: &str,
    asking: impl Future<Output = Result<T, ReportError>>,
) -> Result<T, ReportError> {
    let late = |_| ReportError::Timeout { server: auth_address(auth_server), what: "answer" };
    timeout(ANSWER_TIME, asking).await.map_err(late)?
}
