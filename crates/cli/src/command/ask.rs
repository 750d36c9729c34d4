//! Asking an auth server.

use std::future::Future;
use std::time::Duration;

use selfcheck_daemon::report::ReportError;
use selfcheck_protocol::IdentityFile;
use selfcheck_reporter::AuthClient;
use tokio::time::timeout;

use crate::args::ServerArgs;
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

/// What a Teleport role has to allow for a question, in words.
pub(super) type Right = &'static str;

/// What `ask` makes of a connection to the auth server, which is closed behind it. `right` is what one needs who asks.
pub(super) async fn query<T>(
    server: &ServerArgs,
    right: Right,
    ask: impl AsyncFnOnce(&AuthClient) -> Result<T, ReportError>,
) -> Result<T, CliError> {
    let identity = IdentityFile::read(&server.identity).map_err(CliError::Identity)?;
    identity.check_time(selfcheck_probe::now().realtime).map_err(CliError::Identity)?;
    let connecting = AuthClient::connect(auth_address(&server.auth_server), &identity).await;
    let client = connecting.map_err(CliError::AskAuth)?;
    let answer = ask(&client).await;
    client.close().await;
    answer.map_err(|error| {
        if error.is_denied() { CliError::Denied { error, right } } else { CliError::AskAuth(error) }
    })
}

/// What `asking` comes to, unless that takes too long.
pub(super) async fn in_time<T>(
    auth_server: &str,
    asking: impl Future<Output = Result<T, ReportError>>,
) -> Result<T, ReportError> {
    let late = |_| ReportError::Timeout { server: auth_address(auth_server), what: "answer" };
    timeout(ANSWER_TIME, asking).await.map_err(late)?
}
