//! What can go wrong in a command, in words for the person who ran it.

use std::error::Error;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

use selfcheck_authority::IssueError;
use selfcheck_cases::InvalidCase;
use selfcheck_core::Namespace;
use selfcheck_core::Text;
use selfcheck_core::Why;
use selfcheck_daemon::StartError;
use selfcheck_daemon::debug::AskError;
use selfcheck_daemon::debug::BindError;
use selfcheck_daemon::report::ReportError;
use selfcheck_probe::FileError;
use selfcheck_probe::NotAnAgent;
use selfcheck_probe::PolicyError;
use selfcheck_protocol::IdentityError;
use selfcheck_server::ServeError;
use selfcheck_server::TlsError;

use crate::args::BUS;

/// An error that ends a command.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CliError {
    #[error(transparent)]
    Policy(PolicyError),
    #[error("observation {0}")]
    ReadObservation(FileError),
    #[error("observation from standard input could not be read")]
    ReadStdin(#[source] io::Error),
    #[error("observation `{from}` is not valid: {reason}")]
    ParseObservation { from: String, reason: Text },
    #[error("--now {now} is before the observation was made, at {made}")]
    NowBeforeObservation { now: jiff::Timestamp, made: jiff::Timestamp },
    #[error(transparent)]
    OpenImage(selfcheck_probe::OpenImage),
    #[error(transparent)]
    NotAnAgent(NotAnAgent),
    #[error("observation could not be saved to `{}`: {}", .path.display(), plain(.source))]
    SaveObservation { path: PathBuf, source: io::Error },
    #[error("no self-check daemon answers on {}", sockets(.0))]
    NoDaemon(Vec<PathBuf>),
    #[error("the self-check daemon on `{}` watches over the installation `{namespace}`", .socket.display())]
    OtherDaemon { socket: PathBuf, namespace: Namespace },
    #[error("the agent's configuration `{}` could not be read: {why}", .path.display())]
    ReadConfig { path: PathBuf, why: Why },
    #[error("standard input is longer than {most} bytes, and so no observation")]
    LongStdin { most: u64 },
    #[error("`{0}` in DBUS_SYSTEM_BUS_ADDRESS is not taken: {BUS}")]
    Bus(Text),
    #[error("there is no configuration `{}`", .0.display())]
    NoConfig(PathBuf),
    #[error(transparent)]
    AskDaemon(AskError),
    #[error("the self-check daemon on `{}` has ended", .0.display())]
    DaemonEnded(PathBuf),
    #[error("{error}{}", .cause.map(|cause| format!(": {cause}")).unwrap_or_default())]
    BindSocket { error: BindError, cause: Option<io::ErrorKind> },
    #[error("metrics could not be written to `{}`: {}", .path.display(), plain(.source))]
    WriteMetrics { path: PathBuf, source: io::Error },
    #[error("the self-check could not be started")]
    StartSelfCheck(#[source] StartError),
    #[error("the self-check has ended by itself")]
    SelfCheckEnded,
    #[error("signals could not be listened to")]
    Signals(#[source] io::Error),
    #[error("the runtime could not be started")]
    Runtime(#[source] io::Error),
    #[error("{0}")]
    Usage(&'static str),
    #[error(transparent)]
    Issue(IssueError),
    #[error(transparent)]
    Identity(IdentityError),
    #[error(transparent)]
    Tls(TlsError),
    #[error("`{address}` cannot be listened on: {}", .source.kind())]
    Listen { address: SocketAddr, flag: Option<&'static str>, source: io::Error },
    #[error("metrics could not be prepared")]
    Metrics(#[source] prometheus::Error),
    #[error(transparent)]
    Serve(ServeError),
    #[error(transparent)]
    AskAuth(ReportError),
    #[error("{error}")]
    Denied { error: ReportError, right: &'static str },
    #[error("auth server `{0}` is a stock one and has no remedies: no self-check reports to it")]
    NoRemedies(Text),
    #[error("this auth server knows no agent `{0}`")]
    NoSuchAgent(Text),
    #[error("the recorded observations could not be read")]
    Recorded(#[source] InvalidCase),
    #[error("no folder could be made for the demo's identities")]
    DemoFolder(#[source] io::Error),
    #[error("{agents} agents need more open files than this process may have; {most} agents do not")]
    OpenFiles { agents: u16, most: u64 },
    #[error("the demo {0}")]
    Demo(&'static str),
    #[error("output could not be written")]
    Write(#[source] io::Error),
    #[error("output could not be made")]
    Serialize(#[source] serde_json::Error),
}

/// What went wrong, in words without a number.
fn plain(error: &io::Error) -> String {
    if error.raw_os_error().is_some() { error.kind().to_string() } else { error.to_string() }
}

impl CliError {
    pub(crate) fn bind(error: BindError) -> Self {
        let cause = error.source().and_then(|source| source.downcast_ref::<io::Error>()).map(io::Error::kind);
        Self::BindSocket { error, cause }
    }

    /// What to do about it, where that is not plain from the error.
    pub(crate) fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Policy(PolicyError::Read(FileError::Missing(_))) => {
                "name an existing file; without a policy the defaults count"
            }
            Self::Policy(PolicyError::Parse { .. } | PolicyError::Check { .. }) => {
                "docs/policy.md lists every key and its default"
            }
            Self::LongStdin { .. }
            | Self::ReadObservation(FileError::Missing(_))
            | Self::ParseObservation { .. } => {
                "record one with `teleport-selfcheck debug updater-status --save-observation FILE`"
            }
            Self::Policy(_) | Self::ReadObservation(_) => {
                "the file must be a regular file of UTF-8 text that this user may read"
            }
            Self::NowBeforeObservation { .. } => "give a later time, or leave out `--now`",
            Self::Bus(_) => "name another bus by `--bus`, or unset the variable",
            Self::OpenImage(_) => "give the folder in which the image's /etc and /usr lie",
            Self::NotAnAgent(_) => "leave out `--pid` to find the agent by its unit or pid file",
            Self::NoDaemon(_) => {
                "leave out `--live` to look at the host itself, or start `teleport-selfcheck daemon`"
            }
            Self::AskDaemon(AskError::Denied(_)) => "ask as root, or leave out `--live`",
            Self::NoConfig(_) => "leave out `--config` to read what the agent itself reads",
            Self::ReadConfig { .. } => "give the daemon's socket with `--socket`",
            Self::OtherDaemon { .. } => "name that installation with `--install-suffix`",
            Self::AskDaemon(_) | Self::DaemonEnded(_) => "leave out `--live` to look at the host itself",
            Self::BindSocket { error: BindError::InUse(_), .. } => {
                "another daemon runs there; end it, or give this one another `--socket`"
            }
            Self::BindSocket { error: BindError::TooLong(_), .. } => "give a shorter path with `--socket`",
            Self::BindSocket { .. } => {
                "give another place with `--socket`; its folder must be one this user may write to, or one level from it"
            }
            Self::WriteMetrics { .. } => "make its folder, and let this user write to it",
            Self::Issue(IssueError::Exists(_) | IssueError::Mixed(_)) => "give another folder with `--dir`",
            Self::Issue(IssueError::Exposed { .. }) => {
                "`chmod 700` its folder and `chmod 600` its key, as the user who owns them"
            }
            Self::Issue(IssueError::Own(_)) => "give another file with `--out`",
            Self::Issue(IssueError::Read { .. }) => {
                "make an authority with `teleport-selfcheck auth init --dir DIR`"
            }
            Self::Identity(IdentityError::Read { .. }) => {
                "name a file that this user may read, as `tctl auth sign --format=file` or `auth issue` writes it"
            }
            Self::Identity(IdentityError::Expired { .. } | IdentityError::NotYetValid { .. }) => {
                "renew it with `tctl auth sign`, tbot or `auth issue`, or correct this host's clock"
            }
            Self::Identity(IdentityError::Authority { .. }) => {
                "use the identity file as it was written: it must contain the authorities of its own cluster"
            }
            Self::Identity(_) | Self::Tls(_) => {
                "an identity file has a key, a certificate and authorities, as `auth issue` writes it"
            }
            Self::Listen { flag, .. } => {
                return flag.map(|flag| format!("give another address with `{flag}`"));
            }
            Self::AskAuth(ReportError::Stock(_)) => {
                "let the agent tell it by a label: see examples/stock-agent-label"
            }
            Self::AskAuth(
                ReportError::Connect { .. } | ReportError::Lost { .. } | ReportError::Timeout { .. },
            ) => "check the address and that the identity is of that cluster and has not expired",
            Self::Denied { right, .. } => {
                return Some(format!(
                    "use an identity whose Teleport role allows {right}; for `auth serve`, one that `auth issue --roles Admin` makes"
                ));
            }
            Self::NoRemedies(_) => {
                "`inventory ls --verdict unaccompanied` lists those that say they have no updater; on each \
                 host `teleport-selfcheck debug updater-status` names the command"
            }
            Self::AskAuth(ReportError::NotAHost(_)) => {
                "use the identity of this host; those of users and bots are for `inventory` and `alerts`"
            }
            Self::NoSuchAgent(_) => "`teleport-selfcheck inventory ls` lists those that are, by host id",
            Self::AskAuth(error) if error.is_unknown_call() => {
                "the server does not have this call: it may be an older auth server, or another kind of server"
            }
            Self::Usage(_)
            | Self::AskAuth(_)
            | Self::Issue(_)
            | Self::Serve(_)
            | Self::ReadStdin(_)
            | Self::SaveObservation { .. }
            | Self::Runtime(_)
            | Self::StartSelfCheck(_)
            | Self::SelfCheckEnded
            | Self::Signals(_)
            | Self::Write(_)
            | Self::Recorded(_)
            | Self::Demo(_)
            | Self::Metrics(_)
            | Self::Serialize(_) => return None,
            Self::OpenFiles { .. } => "give fewer with `--agents`, or raise the limit with `ulimit -n`",
            Self::DemoFolder(_) => "name a folder that this user may write to in $TMPDIR",
        };
        Some(hint.to_owned())
    }

    /// Whether it lies in how the command was called.
    pub(crate) const fn is_usage(&self) -> bool {
        matches!(self, Self::Usage(_))
    }

    /// The causes behind it, the nearest first.
    pub(crate) fn causes(&self) -> Vec<String> {
        let mut causes = Vec::new();
        let mut cause = self.source();
        while let Some(error) = cause {
            causes.push(error.to_string());
            cause = error.source();
        }
        causes
    }
}

fn sockets(paths: &[PathBuf]) -> String {
    let quoted: Vec<_> = paths.iter().map(|path| format!("`{}`", path.display())).collect();
    quoted.join(" or ")
}
