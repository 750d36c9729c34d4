//! `debug updater-status`.

mod recording;
mod watch;

use std::future::Future;
use std::io::ErrorKind;
use std::path::Path;

use selfcheck_core::Namespace;
use selfcheck_core::Observation;
use selfcheck_core::Policy;
use selfcheck_core::Reporting;
use selfcheck_core::ReportingMode;
use selfcheck_core::Verdict;
use selfcheck_core::assess;
use selfcheck_core::observation::Agent;
use selfcheck_daemon::debug::AskError;
use selfcheck_probe::FileError;
use selfcheck_probe::Image;
use selfcheck_probe::NotAnAgent;
use selfcheck_probe::Probe;
use selfcheck_probe::Target;
use selfcheck_probe::check_agent;
use tokio::time::Instant;

use crate::args::StatusArgs;
use crate::args::StatusFormat;
use crate::error::CliError;
use crate::output;
use crate::output::Output;
use crate::output::Reader;
use crate::text;
use crate::text::View;

use super::bus_address;
use super::policy;
use super::running;
use super::running::Answer;
use super::save;

pub(super) fn run(args: &StatusArgs, output: &Output) -> Result<u8, CliError> {
    match judge(args, output) {
        // A label must always be one word and success: it becomes a node's label.
        Err(error) if args.format == StatusFormat::Label => {
            let _ = output.fail(&error);
            output::print("unknown\n")?;
            Ok(0)
        }
        result => result,
    }
}

fn judge(args: &StatusArgs, output: &Output) -> Result<u8, CliError> {
    if let Some(file) = &args.observation {
        let policy = policy::effective(args.policy.as_deref(), None)?;
        let observation = recording::read(file)?;
        let now = recording::clock(&observation, args.now)?;
        let status = assess(&observation, &policy, now);
        show(args, output, &View { observation: Some(&observation), ..View::of(&status, now.realtime) })?;
        return Ok(exit_code(args, status.verdict));
    }
    if let Some(pid) = args.pid {
        check_agent(pid).map_err(CliError::NotAnAgent)?;
    }
    let image = args.root.as_deref().map(Image::open).transpose().map_err(CliError::OpenImage)?;
    if let Some(path) = &args.config {
        require_config(path, image.as_ref())?;
    }
    if args.live {
        return in_runtime(live(args, output));
    }
    let policy = policy::effective(args.policy.as_deref(), image.as_ref())?;
    in_runtime(async {
        match image {
            Some(image) => {
                let observation = image.look(&target(args, &policy), args.timeout.duration()).await;
                conclude(args, &policy, output, &observation, None)
            }
            None if args.watch => watch::host(args, policy, output).await,
            None => host(args, &policy, output).await,
        }
    })
}

/// A configuration that was asked for must be there, on this host or in the image.
pub(super) fn require_config(path: &Path, image: Option<&Image>) -> Result<(), CliError> {
    let is_missing = match image {
        Some(image) => matches!(image.read_text(path, 0), Err(FileError::Missing(_))),
        None => path
            .metadata()
            .is_err_and(|error| matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory)),
    };
    if is_missing { Err(CliError::NoConfig(path.to_owned())) } else { Ok(()) }
}

fn in_runtime(work: impl Future<Output = Result<u8, CliError>>) -> Result<u8, CliError> {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(CliError::Runtime)?;
    let result = runtime.block_on(work);
    // A read that hangs in the kernel must not keep the command from ending.
    runtime.shutdown_background();
    result
}

/// Looks at this host, and asks a daemon what it says.
async fn host(args: &StatusArgs, policy: &Policy, output: &Output) -> Result<u8, CliError> {
    let deadline = Instant::now() + args.timeout.duration();
    let mut probe = Probe::new(target(args, policy), bus_address(args.bus.as_ref())?);
    let observation = probe.look(args.timeout.duration()).await;
    if let Some(pid) = args.pid.filter(|_| observation.agent.process.is_absent()) {
        return Err(CliError::NotAnAgent(NotAnAgent::Gone(pid)));
    }
    // A label is made often, and nobody reads more of it.
    let asks = !args.probe && args.format != StatusFormat::Label;
    let daemon = if asks { ask(args, &observation, deadline, output).await } else { None };
    conclude(args, policy, output, &observation, daemon.as_ref())
}

/// What a daemon says, if one answers. That none does is the usual case beside a stock agent; that one hangs, or that none
/// is where somebody said, is not.
async fn ask(
    args: &StatusArgs,
    observation: &Observation,
    deadline: Instant,
    output: &Output,
) -> Option<Answer> {
    let agent = &observation.agent;
    let sockets = running::sockets(args.socket.as_deref(), &agent.namespace, &agent.data_dir());
    let left = deadline.saturating_duration_since(Instant::now());
    match running::find(&sockets, Some(&agent.namespace), left).await {
        Ok((_, answer)) => return Some(answer),
        Err(error @ CliError::AskDaemon(AskError::Timeout(_))) => output.warn(&error.to_string()),
        Err(error) if args.socket.is_some() => output.warn(&error.to_string()),
        Err(error) => output.remark(&error.to_string()),
    }
    None
}

/// Shows what a daemon says, and nothing else.
async fn live(args: &StatusArgs, output: &Output) -> Result<u8, CliError> {
    let namespace = args.install_suffix.clone().unwrap_or_default();
    let sockets = running::sockets(args.socket.as_deref(), &namespace, &data_dir(args, &namespace)?);
    let (client, answer) =
        running::find(&sockets, args.install_suffix.as_ref(), args.timeout.duration()).await?;
    output.remark(&format!("asked the self-check on `{}`", answer.socket.display()));
    if args.watch {
        return watch::daemon(args, output, &client, &answer).await;
    }
    show(args, output, &View::of(&answer.status, selfcheck_probe::now().realtime))?;
    Ok(exit_code(args, answer.status.verdict))
}

/// The data directory of the agent, by its configuration. One that cannot be read is an error only if it was asked for.
fn data_dir(args: &StatusArgs, namespace: &Namespace) -> Result<String, CliError> {
    let path = args.config.clone().unwrap_or_else(|| namespace.agent_config().into());
    let config = selfcheck_probe::agent_config(&path, Policy::default().limits.file_bytes);
    match config.why() {
        Some(why) if args.config.is_some() => Err(CliError::ReadConfig { path, why }),
        _ => Ok(Agent { namespace: namespace.clone(), config, ..Agent::default() }.data_dir()),
    }
}

/// Saves, judges and shows one look.
fn conclude(
    args: &StatusArgs,
    policy: &Policy,
    output: &Output,
    observation: &Observation,
    daemon: Option<&Answer>,
) -> Result<u8, CliError> {
    if let Some(path) = &args.save_observation {
        let shared = observation.clone();
        let shared = if args.include_identifiers { shared } else { shared.without_identifiers() };
        save::save(&shared, path)?;
    }
    let mut status = assess(observation, policy, observation.clock);
    if let Some(Answer { socket, status: said }) = daemon {
        // Only a daemon knows how far reporting has got, and which change this is.
        status.reporting = reporting(&said.reporting, &status.reporting);
        if said.agrees_with(&status) {
            status.sequence = said.sequence;
        } else if args.format != StatusFormat::Text {
            output.warn(&format!(
                "the daemon on `{}` says {}, as of {}",
                socket.display(),
                said.label(),
                said.observed_at
            ));
        }
    }
    let view = View {
        observation: Some(observation),
        daemon: daemon.map(|answer| &answer.status),
        ..View::of(&status, observation.clock.realtime)
    };
    show(args, output, &view)?;
    Ok(exit_code(args, status.verdict))
}

/// What the daemon says of its reporting, with what was seen of the agent just now; but an agent that reports itself tells the
/// cluster nothing else.
fn reporting(daemon: &Reporting, seen: &Reporting) -> Reporting {
    let is_agents_own = daemon.mode != ReportingMode::None && daemon.cluster_view.is_none();
    let mut reporting = daemon.clone();
    reporting.stock_view.clone_from(&seen.stock_view);
    reporting.cluster_view = seen.cluster_view.clone().filter(|_| !is_agents_own);
    reporting
}

fn show(args: &StatusArgs, output: &Output, view: &View<'_>) -> Result<Reader, CliError> {
    let data = match args.format {
        StatusFormat::Json if args.watch => {
            let mut line = serde_json::to_string(view.status).map_err(CliError::Serialize)?;
            line.push('\n');
            line
        }
        StatusFormat::Json => super::json(view.status)?,
        StatusFormat::Label => format!("{}\n", view.status.label()),
        StatusFormat::Text => text::status(view, output.style),
    };
    output::print(&data)
}

fn target(args: &StatusArgs, policy: &Policy) -> Target {
    let target = super::target(args.install_suffix.as_ref(), args.config.as_deref()).under(policy);
    match args.pid {
        Some(pid) => target.pid(pid),
        None => target,
    }
}

fn exit_code(args: &StatusArgs, verdict: Verdict) -> u8 {
    if args.format == StatusFormat::Label || args.ok.contains(&verdict) {
        return 0;
    }
    match verdict {
        Verdict::Accompanied | Verdict::Exempt => 0,
        Verdict::Impaired => 10,
        Verdict::Unaccompanied => 11,
        Verdict::Unknown => 12,
        Verdict::Held => 13,
        Verdict::Unsupported => 14,
    }
}
