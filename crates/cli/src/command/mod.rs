//! The commands.

mod alerts;
mod ask;
mod auth;
mod completions;
mod daemon;
mod demo;
mod inventory;
mod log;
mod policy;
mod reasons;
mod running;
mod save;
mod updater_status;

use std::path::Path;

use selfcheck_core::Namespace;
use selfcheck_core::Text;
use selfcheck_core::UpdaterKind;
use selfcheck_daemon::ApiServer;
use selfcheck_daemon::Target;
use selfcheck_probe::is_unix_address;

use crate::args::Command;
use crate::args::DebugCommand;
use crate::args::PolicyCommand;
use crate::error::CliError;
use crate::output::Output;

/// Runs a command; the result is its exit code.
pub(crate) fn run(command: Command, output: &Output) -> Result<u8, CliError> {
    match command {
        Command::Debug(DebugCommand::UpdaterStatus(args)) => updater_status::run(&args, output),
        Command::Daemon(args) => daemon::run(&args, output),
        Command::Auth(command) => auth::run(&command, output),
        Command::Inventory(command) => inventory::run(&command, output),
        Command::Alerts(command) => alerts::run(&command, output),
        Command::Demo(args) => demo::run(&args, output),
        Command::Reasons(args) => reasons::run(&args, output),
        Command::Policy(PolicyCommand::Check { file, format }) => policy::check(&file, format),
        Command::Completions { shell } => completions::run(shell),
    }
}

/// The system bus: the one asked for, else that of the environment, else the usual one.
fn bus_address(asked: Option<&String>) -> Result<String, CliError> {
    const NAME: &str = "DBUS_SYSTEM_BUS_ADDRESS";
    match (asked, set(NAME)) {
        (Some(asked), _) => Ok(asked.clone()),
        (None, Some(address)) if is_unix_address(&address) => Ok(address),
        (None, Some(address)) => Err(CliError::Bus(Text::new(&address))),
        (None, None) => Ok(selfcheck_daemon::SYSTEM_BUS.to_owned()),
    }
}

/// A variable of the environment that says something.
fn set(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// The agent of an installation, or with a configuration, that was named, as far as it was.
fn target(installation: Option<&Namespace>, config: Option<&Path>) -> Target {
    let mut target = Target::default();
    if let Some(installation) = installation {
        target = target.namespace(installation.clone());
    }
    if let Some(config) = config {
        target = target.config(config);
    }
    if let Some(server) = kubernetes_api() {
        target = target.kubernetes(server);
    }
    if is_in_pod() { target.in_pod() } else { target }
}

/// Whether this command was started in a pod, by its environment: that of every container, or of the agent's where it is
/// executed there.
fn is_in_pod() -> bool {
    set("KUBERNETES_SERVICE_HOST").is_some()
        || set("TELEPORT_INSTALL_METHOD_HELM_KUBE_AGENT").is_some_and(|set| set == "true")
        || set("TELEPORT_EXT_UPGRADER").is_some_and(|kind| kind == UpdaterKind::Kube.as_str())
}

/// The API server that a pod is told of by its environment.
fn kubernetes_api() -> Option<ApiServer> {
    Some(ApiServer::of_pod(&set("KUBERNETES_SERVICE_HOST")?, &set("KUBERNETES_SERVICE_PORT")?))
}

/// An address of an auth server, with the port that is usual.
fn auth_address(named: &str) -> String {
    let has_port = named.rsplit_once(':').is_some_and(|(host, port)| {
        port.parse::<u16>().is_ok() && (!host.contains(':') || host.ends_with(']'))
    });
    if has_port { named.to_owned() } else { format!("{named}:3025") }
}

/// `value` as indented JSON.
fn json(value: &impl serde::Serialize) -> Result<String, CliError> {
    let mut text = serde_json::to_string_pretty(value).map_err(CliError::Serialize)?;
    text.push('\n');
    Ok(text)
}
