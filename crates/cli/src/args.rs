//! The command line.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Parser;
use clap::Subcommand;
use clap::ValueEnum;
use jiff::Timestamp;
use selfcheck_core::Namespace;
use selfcheck_core::ProxyAddr;
use selfcheck_core::Reason;
use selfcheck_core::Verdict;
use selfcheck_core::policy::Length;
use selfcheck_inventory::Role;

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
    Agent(Box<AgentArgs>),
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
    #[arg(long, value_name = "ADDRESS", conflicts_with = "observation")]
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
pub(crate) struct AgentArgs {
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
    #[arg(long, value_name = "ADDRESS")]
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

#[derive(Debug, Subcommand)]
pub(crate) enum AuthCommand {
    /// Make a private authority
    Init {
        /// The folder to make it in
        #[arg(long, value_name = "DIR")]
        dir: PathBuf,
        /// The cluster's name
        #[arg(long, value_name = "NAME", default_value = "selfcheck.example")]
        cluster: String,
    },
    /// Make an identity of a host or of an administrator
    Issue(IssueArgs),
    /// Serve the inventory of agents, kept in memory
    Serve(ServeArgs),
}

#[derive(Debug, clap::Args)]
pub(crate) struct ServeArgs {
    /// The folder of the authority
    #[arg(long, value_name = "DIR")]
    pub(crate) dir: PathBuf,
    /// Where to listen
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:3025")]
    pub(crate) listen: SocketAddr,
    /// Where to serve metrics over HTTP [default: 127.0.0.1:3080, unless that is taken]
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) web: Option<SocketAddr>,
    /// The cluster's proxy, as `HOST` or `HOST:PORT`, which the commands in alerts name
    #[arg(long, value_name = "ADDR", value_parser = proxy)]
    pub(crate) public_addr: Option<ProxyAddr>,
    /// The policy whose `alerts`, `targets` and `limits` count [default: /etc/teleport-selfcheck/policy.yaml if present]
    #[arg(long, value_name = "FILE")]
    pub(crate) policy: Option<PathBuf>,
}

#[derive(Debug, clap::Args)]
pub(crate) struct IssueArgs {
    /// The folder of the authority
    #[arg(long, value_name = "DIR")]
    pub(crate) dir: PathBuf,
    /// The id of the host [default: `admin` for an administrator]
    #[arg(long, value_name = "UUID")]
    pub(crate) host_id: Option<String>,
    /// Its roles, as `Instance,Node`; or `Admin` for somebody who asks
    #[arg(long, value_name = "ROLE", value_delimiter = ',', required = true, value_parser = role)]
    pub(crate) roles: Vec<Role>,
    /// The identity file to write
    #[arg(long, value_name = "FILE")]
    pub(crate) out: PathBuf,
    /// How long it counts
    #[arg(long, value_name = "DURATION", default_value = "8760h", value_parser = lasting)]
    pub(crate) ttl: Length,
}

/// Whom to ask, and as whom.
#[derive(Debug, clap::Args)]
pub(crate) struct ServerArgs {
    /// The auth server, or a proxy that forwards to it [port: 3025]
    #[arg(long, value_name = "ADDR")]
    pub(crate) auth_server: String,
    /// The identity file
    #[arg(short, long, value_name = "FILE")]
    pub(crate) identity: PathBuf,
    /// How to print
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub(crate) format: Format,
}

#[derive(Debug, Subcommand)]
pub(crate) enum InventoryCommand {
    /// How many agents are in which verdict, and of which version and updater
    Status(ServerArgs),
    /// List agents
    #[command(alias = "list")]
    Ls(Box<LsArgs>),
    /// The agents that need a person, grouped by what to run, as something to run
    Remedies(RemediesArgs),
}

#[derive(Debug, clap::Args)]
pub(crate) struct RemediesArgs {
    /// The auth server, or a proxy that forwards to it [port: 3025]
    #[arg(long, value_name = "ADDR")]
    pub(crate) auth_server: String,
    /// The identity file
    #[arg(short, long, value_name = "FILE")]
    pub(crate) identity: PathBuf,
    /// The cluster's proxy, as `HOST` or `HOST:PORT`, from which updaters are installed
    #[arg(long, value_name = "ADDR", value_parser = proxy)]
    pub(crate) proxy: Option<ProxyAddr>,
    /// How to print
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub(crate) format: RemediesFormat,
}

#[derive(Debug, Subcommand)]
pub(crate) enum AlertsCommand {
    /// List alerts; with `-v` also their ids, labels and when they were raised
    #[command(alias = "list")]
    Ls(ServerArgs),
    /// Hide an alert that somebody knows of, until it grows by more than a fifth
    Ack(AckArgs),
}

#[derive(Debug, clap::Args)]
pub(crate) struct AckArgs {
    /// The auth server, or a proxy that forwards to it [port: 3025]
    #[arg(long, value_name = "ADDR")]
    pub(crate) auth_server: String,
    /// The identity file
    #[arg(short, long, value_name = "FILE")]
    pub(crate) identity: PathBuf,
    /// The alert, as `alerts ls -v` names it
    pub(crate) id: String,
    /// Why it needs nobody's attention
    #[arg(long, value_name = "REASON")]
    pub(crate) reason: String,
    /// For how long
    #[arg(long, value_name = "DURATION", default_value = "24h", value_parser = lasting)]
    pub(crate) ttl: Length,
}

#[derive(Debug, clap::Args)]
pub(crate) struct DemoArgs {
    /// How many agents replay recorded observations, beside this host's own
    #[arg(long, value_name = "N", default_value_t = 200, value_parser = clap::value_parser!(u16).range(1..=5000))]
    pub(crate) agents: u16,
    /// Where to serve metrics over HTTP
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) web: Option<SocketAddr>,
    /// End when everything has been shown
    #[arg(long)]
    pub(crate) once: bool,
}

#[derive(Debug, clap::Args)]
pub(crate) struct LsArgs {
    #[command(flatten)]
    pub(crate) server: ServerArgs,
    /// Those with this kind of updater; `none` for none
    #[arg(long, value_name = "KIND")]
    pub(crate) upgrader: Option<String>,
    /// Those in this verdict
    #[arg(long, value_name = "VERDICT", value_parser = verdict)]
    pub(crate) verdict: Option<Verdict>,
    /// Those with this reason
    #[arg(long, value_name = "REASON", value_parser = reason)]
    pub(crate) reason: Option<Reason>,
    /// Those that run all of these services
    #[arg(long, value_name = "SERVICE", value_delimiter = ',')]
    pub(crate) services: Vec<String>,
    /// Those older than this version
    #[arg(long, value_name = "VERSION")]
    pub(crate) older_than: Option<String>,
    /// Those in this update group
    #[arg(long, value_name = "GROUP")]
    pub(crate) update_group: Option<String>,
    /// The most to list
    #[arg(long, value_name = "N")]
    pub(crate) limit: Option<usize>,
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
pub(crate) enum RemediesFormat {
    Text,
    /// The hosts of each command, one per line
    Hosts,
    /// Commands of `tsh`, one per host
    Tsh,
    /// An Ansible inventory with a group for each command
    Ansible,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum StatusFormat {
    Text,
    Json,
    /// One word, for `ssh_service.commands` of a stock agent; always exits with 0
    Label,
}

fn positive(text: &str) -> Result<Length, String> {
    let length: Length =
        text.parse().map_err(|error: selfcheck_core::policy::InvalidLength| error.to_string())?;
    if length == Length::seconds(0) { Err("a look needs some time".to_owned()) } else { Ok(length) }
}

fn proxy(address: &str) -> Result<ProxyAddr, String> {
    ProxyAddr::parse(address).ok_or_else(|| {
        "an address is written like teleport.example.com or teleport.example.com:443".to_owned()
    })
}

fn metrics_file(path: &str) -> Result<PathBuf, String> {
    let path = PathBuf::from(path);
    if path.extension().is_some_and(|end| end == "prom") {
        return Ok(path);
    }
    Err("node_exporter reads only files whose name ends in `.prom`".to_owned())
}

fn time(text: &str) -> Result<Timestamp, String> {
    text.parse().map_err(|_| "a time is written like 2026-11-22T10:00:00Z".to_owned())
}

fn lasting(text: &str) -> Result<Length, String> {
    let length: Length =
        text.parse().map_err(|error: selfcheck_core::policy::InvalidLength| error.to_string())?;
    if length >= Length::minutes(1) { Ok(length) } else { Err("it counts for at least a minute".to_owned()) }
}

fn role(name: &str) -> Result<Role, String> {
    let names = || Role::ALL.iter().map(|role| role.name()).collect::<Vec<_>>().join(", ");
    Role::from_name(name).ok_or_else(|| format!("a role is one of {}", names()))
}

fn verdict(code: &str) -> Result<Verdict, String> {
    let codes = || Verdict::ALL.iter().map(|verdict| verdict.code()).collect::<Vec<_>>().join(", ");
    Verdict::from_code(code).ok_or_else(|| format!("a verdict is one of {}", codes()))
}

fn reason(code: &str) -> Result<Reason, String> {
    Reason::from_code(code).ok_or_else(|| "no such reason; `teleport-selfcheck reasons` lists all".to_owned())
}
