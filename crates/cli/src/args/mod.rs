//! The command line.

mod cluster;
mod value;

use std::path::PathBuf;

use clap::Parser;
use clap::Subcommand;
use clap::ValueEnum;
use jiff::Timestamp;
use selfcheck_core::Namespace;
use selfcheck_core::Reason;
use selfcheck_core::Verdict;
use selfcheck_core::policy::Length;

pub(crate) use value::BUS;
pub(crate) use value::NONE;
use value::bus;
use value::metrics_file;
use value::positive;
use value::reason;
use value::time;
use value::verdict;

pub(crate) use cluster::AckArgs;
pub(crate) use cluster::AlertsCommand;
pub(crate) use cluster::AuthCommand;
pub(crate) use cluster::DemoArgs;
pub(crate) use cluster::InventoryCommand;
pub(crate) use cluster::IssueArgs;
pub(crate) use cluster::LsArgs;
pub(crate) use cluster::QueryArgs;
pub(crate) use cluster::RemediesArgs;
pub(crate) use cluster::RemediesFormat;
pub(crate) use cluster::ServeArgs;
pub(crate) use cluster::ServerArgs;
pub(crate) use cluster::ShowArgs;

/// Tells whether a working updater accompanies the Teleport agent on this host.
#[derive(Debug, Parser)]
#[command(name = "teleport-selfcheck", version, arg_required_else_help = false)]
pub(crate) struct Args {
    /// When to use colour
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    pub(crate) color: Color,
    /// Say more: causes of errors, and what is normally left out
    #[arg(short, long, global = true)]
    pub(crate) verbose: bool,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Look into an agent
    #[command(subcommand)]
    Debug(DebugCommand),
    /// Watch over the agent on this host: the daemon beside a stock agent
    ///
    /// Answers `debug updater-status --live` on its socket, and serves metrics there. Ends on SIGTERM and SIGINT; SIGHUP
    /// reads the policy again.
    #[command(alias = "agent")]
    Daemon(Box<DaemonArgs>),
    /// Run an auth server to try things out, and make identities for it
    #[command(subcommand)]
    Auth(AuthCommand),
    /// Ask an auth server about its agents
    #[command(subcommand)]
    Inventory(InventoryCommand),
    /// Read and acknowledge a cluster's alerts
    #[command(subcommand)]
    Alerts(AlertsCommand),
    /// Show the whole loop in one process: agents that report, alerts with commands, repairs that clear them
    Demo(DemoArgs),
    /// Explain the reasons a status may name
    Reasons(ReasonsArgs),
    /// Work with policies
    #[command(subcommand)]
    Policy(PolicyCommand),
    /// Print completions for a shell
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum DebugCommand {
    /// Judge whether a working updater accompanies the agent on this host
    ///
    /// Exits with 0 if the agent is accompanied or exempt, 10 impaired, 11 unaccompanied, 12 unknown, 13 held,
    /// 14 unsupported.
    UpdaterStatus(Box<StatusArgs>),
}

#[derive(Debug, clap::Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub(crate) struct StatusArgs {
    /// The agent's configuration [default: the one its command line names, else /etc/teleport.yaml]
    #[arg(short, long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Judge the installation with this suffix [default: that of the process found]
    #[arg(long, value_name = "N")]
    pub(crate) install_suffix: Option<Namespace>,
    /// The agent's process [default: the main process of its unit, else that of its pid file]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) pid: Option<u32>,
    /// Ask only a running daemon
    #[arg(long, conflicts_with_all = ["probe", "observation", "pid", "bus", "policy", "save_observation"])]
    pub(crate) live: bool,
    /// Look only at the host
    #[arg(long)]
    pub(crate) probe: bool,
    /// The daemon's socket
    #[arg(long, value_name = "PATH", conflicts_with_all = ["probe", "observation"])]
    pub(crate) socket: Option<PathBuf>,
    /// The system bus [default: $DBUS_SYSTEM_BUS_ADDRESS, else the standard socket]
    #[arg(long, value_name = "ADDRESS", conflicts_with = "observation", value_parser = bus)]
    pub(crate) bus: Option<String>,
    /// Judge an unpacked image or another disk by its files alone; no path or link in it leads out of it
    #[arg(long, value_name = "DIR", conflicts_with_all = ["live", "socket", "bus", "pid", "observation", "watch"])]
    pub(crate) root: Option<PathBuf>,
    /// Judge a recorded observation instead of this host; `-` reads standard input
    #[arg(long, value_name = "FILE", conflicts_with_all = ["config", "install_suffix", "pid", "probe", "watch", "save_observation"])]
    pub(crate) observation: Option<PathBuf>,
    /// Judge the recorded observation as of this time (RFC 3339) [default: when it was made]
    #[arg(long, value_name = "TIME", requires = "observation", value_parser = time)]
    pub(crate) now: Option<Timestamp>,
    /// Write down what was seen, with host id, hostname and proxy hashed
    #[arg(long, value_name = "FILE")]
    pub(crate) save_observation: Option<PathBuf>,
    /// Do not hash host id, hostname and proxy
    #[arg(long, requires = "save_observation")]
    pub(crate) include_identifiers: bool,
    /// The most time the whole look may take
    #[arg(long, value_name = "DURATION", default_value = "3s", value_parser = positive)]
    pub(crate) timeout: Length,
    /// Print again on every change, until interrupted
    #[arg(long, conflicts_with = "save_observation")]
    pub(crate) watch: bool,
    /// Verdicts that also exit with 0
    #[arg(long, value_name = "VERDICT", value_delimiter = ',', value_parser = verdict)]
    pub(crate) ok: Vec<Verdict>,
    /// The policy to judge by [default: /etc/teleport-selfcheck/policy.yaml if present]
    #[arg(long, value_name = "FILE")]
    pub(crate) policy: Option<PathBuf>,
    /// How to print
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub(crate) format: StatusFormat,
}

#[derive(Debug, clap::Args)]
pub(crate) struct DaemonArgs {
    /// The agent's configuration [default: the one its command line names, else /etc/teleport.yaml]
    #[arg(short, long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Watch over the installation with this suffix [default: that of the process found]
    #[arg(long, value_name = "N")]
    pub(crate) install_suffix: Option<Namespace>,
    /// Where to answer [default: /run/teleport-selfcheck/default.sock, or that of the suffix]
    #[arg(long, value_name = "PATH")]
    pub(crate) socket: Option<PathBuf>,
    /// Also write the metrics to this file after every look, for node_exporter's textfile collector
    #[arg(long, value_name = "FILE", value_parser = metrics_file)]
    pub(crate) metrics_file: Option<PathBuf>,
    /// The system bus [default: $DBUS_SYSTEM_BUS_ADDRESS, else the standard socket]
    #[arg(long, value_name = "ADDRESS", value_parser = bus)]
    pub(crate) bus: Option<String>,
    /// The most time one look may take
    #[arg(long, value_name = "DURATION", default_value = "3s", value_parser = positive)]
    pub(crate) timeout: Length,
    /// The policy to judge by [default: /etc/teleport-selfcheck/policy.yaml if present]
    #[arg(long, value_name = "FILE")]
    pub(crate) policy: Option<PathBuf>,
    /// Also report to this auth server, if it takes self-checks; a stock one is told by the agent itself [port: 3025]
    #[arg(long, value_name = "ADDR", requires = "identity")]
    pub(crate) auth_server: Option<String>,
    /// The identity file to report with; it is read again for every connection
    #[arg(short, long, value_name = "FILE", requires = "auth_server")]
    pub(crate) identity: Option<PathBuf>,
}

#[derive(Debug, clap::Args)]
pub(crate) struct ReasonsArgs {
    /// One reason to explain [default: all, in brief]
    #[arg(value_parser = reason)]
    pub(crate) code: Option<Reason>,
    /// How to print
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub(crate) format: Format,
}

#[derive(Debug, Subcommand)]
pub(crate) enum PolicyCommand {
    /// Check a policy file
    Check {
        /// The policy file
        file: PathBuf,
        /// How to print; `json` prints the policy with all defaults filled in
        #[arg(long, value_name = "FORMAT", default_value = "text")]
        format: Format,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Color {
    Auto,
    Always,
    Never,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    Text,
    Json,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum StatusFormat {
    Text,
    Json,
    /// One word, for `ssh_service.commands` of a stock agent; always exits with 0
    Label,
}
