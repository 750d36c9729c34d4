//! Asking a running daemon.

use std::path::Path;
use std::path::PathBuf;
use std::time::Duration;

use selfcheck_agent::debug::AskError;
use selfcheck_agent::debug::DebugClient;
use selfcheck_core::Namespace;
use selfcheck_core::Status;

use crate::error::CliError;

/// A daemon on this host answers at once, or not at all.
const PATIENCE: Duration = Duration::from_secs(2);

/// What a daemon said.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) socket: PathBuf,
    pub(super) status: Status,
}

/// Where the daemon beside a stock agent answers.
pub(super) fn sidecar_socket(namespace: Option<&Namespace>) -> PathBuf {
    let namespace = namespace.cloned().unwrap_or_default();
    PathBuf::from(format!("/run/teleport-selfcheck/{namespace}.sock"))
}

/// Where a daemon may answer: on the socket asked for, else that of the sidecar, else the agent's own.
pub(super) fn sockets(asked: Option<&Path>, namespace: &Namespace) -> Vec<PathBuf> {
    match asked {
        Some(socket) => vec![socket.to_owned()],
        None => vec![sidecar_socket(Some(namespace)), Path::new(&namespace.data_dir()).join("debug.sock")],
    }
}

/// A client of the first of `sockets` where a self-check answers, and its present status.
pub(super) async fn find(sockets: &[PathBuf]) -> Result<(DebugClient, Answer), CliError> {
    let mut obstacle = None;
    for socket in sockets {
        let client = DebugClient::new(socket, PATIENCE);
        match client.status().await {
            Ok(status) => return Ok((client, Answer { socket: socket.clone(), status })),
            Err(AskError::Nobody(_)) => {}
            // A stock agent, or something that does not answer as it should, says more than silence.
            Err(error) => obstacle = obstacle.or(Some(error)),
        }
    }
    Err(obstacle.map_or_else(|| CliError::NoDaemon(sockets.to_vec()), CliError::AskDaemon))
}
