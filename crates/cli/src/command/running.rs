//! Asking a running daemon.

use std::path::Path;
use std::path::PathBuf;
use std::time::Duration;

use selfcheck_core::Namespace;
use selfcheck_core::Status;
use selfcheck_daemon::debug::AskError;
use selfcheck_daemon::debug::DebugClient;
use tokio::time::Instant;

use crate::error::CliError;

/// A daemon on this host answers at once, or not at all.
const PATIENCE: Duration = Duration::from_secs(2);

/// How long an answer is waited for by one who has so much time left.
pub(super) fn patience(left: Duration) -> Duration {
    left.min(PATIENCE)
}

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
/// present status. All of it takes at most `time`.
pub(super) async fn find(
    sockets: &[PathBuf],
    wanted: Option<&Namespace>,
    time: Duration,
) -> Result<(DebugClient, Answer), CliError> {
    let deadline = Instant::now() + time;
    let mut obstacle = None;
    for socket in sockets {
        let client = DebugClient::new(socket, patience(deadline.saturating_duration_since(Instant::now())));
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_daemon_is_not_waited_for_longer_than_the_command_may_take() {
        assert_eq!(patience(Duration::from_millis(300)), Duration::from_millis(300));
        assert_eq!(patience(Duration::from_secs(60)), PATIENCE);
    }

    #[test]
    fn a_suffixed_installation_may_have_the_only_daemon() {
        let blue: Namespace = "blue".parse().expect("suffix");
        let run = Path::new("/run/teleport-selfcheck");
        assert_eq!(
            sockets(None, &blue, "/srv/blue"),
            [run.join("blue.sock"), run.join("default.sock"), "/srv/blue/debug.sock".into()]
        );
        assert_eq!(
            sockets(None, &Namespace::default(), "/var/lib/teleport"),
            [run.join("default.sock"), "/var/lib/teleport/debug.sock".into()]
        );
        assert_eq!(sockets(Some(run), &blue, "/srv/blue"), [run.to_owned()]);
    }
}
