//! The command line of what concerns a cluster: its auth server, its agents and its alerts.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Subcommand;
use clap::ValueEnum;
use clap::builder::NonEmptyStringValueParser;
use selfcheck_core::ProxyAddr;
use selfcheck_core::Reason;
use selfcheck_core::TeleportVersion;
use selfcheck_core::Verdict;
use selfcheck_core::policy::Length;
use selfcheck_protocol::Role;
use selfcheck_protocol::UpgraderFilter;

use super::Format;
use super::value::host_id;
use super::value::lasting;
use super::value::proxy;
use super::value::reason;
use super::value::role;
use super::value::service;
use super::value::upgrader;
use super::value::verdict;
use super::value::version;

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
}

#[derive(Debug, clap::Args)]
pub(crate) struct QueryArgs {
    #[command(flatten)]
    pub(crate) server: ServerArgs,
    /// How to print
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub(crate) format: Format,
}

#[derive(Debug, Subcommand)]
pub(crate) enum InventoryCommand {
    /// How many agents are in which verdict, and of which version and updater
    Status(QueryArgs),
    /// List agents
    #[command(alias = "list")]
    Ls(Box<LsArgs>),
    /// All that is known of one agent, which is asked for its report
    Show(ShowArgs),
    /// The agents that need a person, grouped by what to run, as something to run
    Remedies(RemediesArgs),
}

#[derive(Debug, clap::Args)]
pub(crate) struct ShowArgs {
    #[command(flatten)]
    pub(crate) query: QueryArgs,
    /// The agent's host id, as `inventory ls` lists it
    #[arg(value_parser = host_id)]
    pub(crate) host_id: String,
    /// The cluster's proxy, as `HOST` or `HOST:PORT`, from which updaters are installed
    #[arg(long, value_name = "ADDR", value_parser = proxy)]
    pub(crate) proxy: Option<ProxyAddr>,
}

#[derive(Debug, clap::Args)]
pub(crate) struct RemediesArgs {
    #[command(flatten)]
    pub(crate) server: ServerArgs,
    /// The cluster's proxy, as `HOST` or `HOST:PORT`, from which updaters are installed
    #[arg(long, value_name = "ADDR", value_parser = proxy)]
    pub(crate) proxy: Option<ProxyAddr>,
    /// How to print
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub(crate) format: RemediesFormat,
}

#[derive(Debug, Subcommand)]
pub(crate) enum AlertsCommand {
    /// List alerts; with `-v` also those that somebody knows of, ids, labels and when they were raised
    #[command(alias = "list")]
    Ls(QueryArgs),
    /// Hide an alert that somebody knows of, until it grows by more than a fifth
    Ack(AckArgs),
}

#[derive(Debug, clap::Args)]
pub(crate) struct AckArgs {
    #[command(flatten)]
    pub(crate) server: ServerArgs,
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
    pub(crate) query: QueryArgs,
    /// Those with this kind of updater; `none` for none
    #[arg(long, value_name = "KIND", value_parser = upgrader)]
    pub(crate) upgrader: Option<UpgraderFilter>,
    /// Those in this verdict
    #[arg(long, value_name = "VERDICT", value_parser = verdict)]
    pub(crate) verdict: Option<Verdict>,
    /// Those with this reason
    #[arg(long, value_name = "REASON", value_parser = reason)]
    pub(crate) reason: Option<Reason>,
    /// Those that run at least one of these services, as `node,kube`
    #[arg(long, value_name = "SERVICE", value_delimiter = ',', value_parser = service)]
    pub(crate) services: Vec<Role>,
    /// Those older than this version, as `18.2.0` or `18`
    #[arg(long, value_name = "VERSION", value_parser = version)]
    pub(crate) older_than: Option<TeleportVersion>,
    /// Those in this update group
    #[arg(long, value_name = "GROUP", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) update_group: Option<String>,
    /// The most to list
    #[arg(long, value_name = "N")]
    pub(crate) limit: Option<usize>,
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
