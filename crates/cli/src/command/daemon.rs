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

/// Where a daemon may answer: on the socket asked for, else that of the sidecar, else the agent's own in `data_dir`.
pub(super) fn sockets(asked: Option<&Path>, namespace: &Namespace, data_dir: &str) -> Vec<PathBuf> {
    if let Some(socket) = asked {
        return vec![socket.to_owned()];
    }
    let mut sockets = vec![sidecar_socket(Some(namespace))];
    // A sidecar that was told of no installation watches over the one it found.
    if *namespace != Namespace::default() {
        sockets.push(sidecar_socket(None));
    }
    sockets.push(Path::new(data_dir).join("debug.sock"));
    sockets
}

/// A client of the first of `sockets` where a self-check of the installation `wanted`, if that matters, answers, and its
/// present status.
pub(super) async fn find(
    sockets: &[PathBuf],
    wanted: Option<&Namespace>,
) -> Result<(DebugClient, Answer), CliError> {
    let mut obstacle = None;
    for socket in sockets {
        let client = DebugClient::new(socket, PATIENCE);
        let error = match client.status().await {
            Ok(status) if wanted.is_none_or(|wanted| *wanted == status.agent.namespace) => {
                return Ok((client, Answer { socket: socket.clone(), status }));
            }
            Ok(status) => CliError::OtherDaemon { socket: socket.clone(), namespace: status.agent.namespace },
            Err(AskError::Nobody(_)) => continue,
            Err(error) => CliError::AskDaemon(error),
        };
        // A stock agent, or something that does not answer as it should, says more than silence.
        obstacle = obstacle.or(Some(error));
    }
    Err(obstacle.unwrap_or_else(|| CliError::NoDaemon(sockets.to_vec())))
}
