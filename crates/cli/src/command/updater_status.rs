//! `debug updater-status`.

use std::io::Read;
use std::path::Path;
use std::path::PathBuf;
use std::time::Duration;

use selfcheck_core::Clock;
use selfcheck_core::Observation;
use selfcheck_core::Policy;
use selfcheck_core::Status;
use selfcheck_core::Text;
use selfcheck_core::Verdict;
use selfcheck_core::assess;
use selfcheck_probe::Image;
use selfcheck_probe::Probe;
use selfcheck_probe::Target;

use crate::args::StatusArgs;
use crate::args::StatusFormat;
use crate::error::CliError;
use crate::output;
use crate::output::Output;
use crate::output::Reader;
use crate::text;

use super::policy;
use super::save;

/// The most bytes of a recorded observation that are read.
const OBSERVATION_LIMIT: u64 = 4 << 20;
/// How often `--watch` looks again when nothing is due earlier.
const WATCH_PERIOD: Duration = Duration::from_secs(2);

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
        let observation = recorded(file)?;
        let now = clock(&observation, args.now)?;
        let status = assess(&observation, &policy, now);
        show(args, output, &observation, &status, now)?;
        return Ok(exit_code(args, status.verdict));
    }
    let image = args.root.as_deref().map(Image::open).transpose().map_err(CliError::OpenImage)?;
    let policy = policy::effective(args.policy.as_deref(), image.as_ref())?;
    let no_daemon = CliError::NoDaemon(sockets(args));
    if args.live {
        return Err(no_daemon);
    }
    if !args.probe && image.is_none() {
        output.remark(&no_daemon.to_string());
    }
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(CliError::Runtime)?;
    let result = runtime.block_on(async {
        if let Some(image) = &image {
            let observation = image.look(&target(args, &policy), args.timeout.duration()).await;
            return conclude(args, &policy, output, &observation);
        }
        let mut probe = Probe::new(target(args, &policy), bus_address(args));
        if args.watch {
            watch(args, &policy, output, &mut probe).await
        } else {
            let observation = probe.look(args.timeout.duration()).await;
            require_process(args, &observation)?;
            conclude(args, &policy, output, &observation)
        }
    });
    // A read that hangs in the kernel must not keep the command from ending.
    runtime.shutdown_background();
    result
}

/// Saves, judges and shows one look.
fn conclude(
    args: &StatusArgs,
    policy: &Policy,
    output: &Output,
    observation: &Observation,
) -> Result<u8, CliError> {
    if let Some(path) = &args.save_observation {
        let shared = if args.include_identifiers {
            observation.clone()
        } else {
            save::without_identifiers(observation.clone())
        };
        save::save(&shared, path)?;
    }
    let status = assess(observation, policy, observation.clock);
    show(args, output, observation, &status, observation.clock)?;
    Ok(exit_code(args, status.verdict))
}

/// A process that was asked for by its number must be there.
fn require_process(args: &StatusArgs, observation: &Observation) -> Result<(), CliError> {
    match args.pid {
        Some(pid) if observation.agent.process.is_absent() => Err(CliError::NoSuchProcess(pid)),
        _ => Ok(()),
    }
}

/// Looks again and again, and prints what differs, until interrupted.
async fn watch(
    args: &StatusArgs,
    policy: &Policy,
    output: &Output,
    probe: &mut Probe,
) -> Result<u8, CliError> {
    let mut interrupted = std::pin::pin!(tokio::signal::ctrl_c());
    let mut shown: Option<Status> = None;
    loop {
        let observation = tokio::select! {
            observation = probe.look(args.timeout.duration()) => observation,
            _ = &mut interrupted => return Ok(0),
        };
        require_process(args, &observation)?;
        let status = assess(&observation, policy, observation.clock);
        if shown.as_ref().is_none_or(|shown| shown.differs_from(&status)) {
            if show(args, output, &observation, &status, observation.clock)? == Reader::Gone {
                return Ok(0);
            }
            shown = Some(status);
        }
        tokio::select! {
            () = tokio::time::sleep(WATCH_PERIOD) => {}
            _ = &mut interrupted => return Ok(0),
        }
        if output::reader() == Reader::Gone {
            return Ok(0);
        }
    }
}

fn show(
    args: &StatusArgs,
    output: &Output,
    observation: &Observation,
    status: &Status,
    now: Clock,
) -> Result<Reader, CliError> {
    let data = match args.format {
        StatusFormat::Json if args.watch => {
            let mut line = serde_json::to_string(status).map_err(CliError::Serialize)?;
            line.push('\n');
            line
        }
        StatusFormat::Json => super::json(status)?,
        StatusFormat::Label => format!("{}\n", status.label()),
        StatusFormat::Text => text::status(observation, status, now.realtime, output.style),
    };
    output::print(&data)
}

fn target(args: &StatusArgs, policy: &Policy) -> Target {
    Target {
        namespace: args.install_suffix.clone(),
        pid: args.pid,
        config: args.config.clone(),
        file_bytes: policy.limits.file_bytes,
    }
}

fn bus_address(args: &StatusArgs) -> String {
    let from_environment =
        || std::env::var("DBUS_SYSTEM_BUS_ADDRESS").ok().filter(|address| !address.is_empty());
    args.bus.clone().or_else(from_environment).unwrap_or_else(|| selfcheck_probe::SYSTEM_BUS.to_owned())
}

/// Where a daemon would answer. This version has none yet, so nothing that listens there can be one.
fn sockets(args: &StatusArgs) -> Vec<PathBuf> {
    if let Some(socket) = &args.socket {
        return vec![socket.clone()];
    }
    let namespace = args.install_suffix.clone().unwrap_or_default();
    vec![
        PathBuf::from(format!("/run/teleport-selfcheck/{namespace}.sock")),
        Path::new(&namespace.data_dir()).join("debug.sock"),
    ]
}

fn recorded(file: &Path) -> Result<Observation, CliError> {
    let (from, text) = if file == Path::new("-") {
        let mut bytes = Vec::new();
        std::io::stdin().take(OBSERVATION_LIMIT).read_to_end(&mut bytes).map_err(CliError::ReadStdin)?;
        ("standard input".to_owned(), String::from_utf8_lossy(&bytes).into_owned())
    } else {
        let text = selfcheck_probe::read_text(file, OBSERVATION_LIMIT).map_err(CliError::ReadObservation)?;
        (file.display().to_string(), text)
    };
    serde_json::from_str(&text)
        .map_err(|error| CliError::ParseObservation { from, reason: Text::new(&error.to_string()) })
}

fn clock(observation: &Observation, now: Option<jiff::Timestamp>) -> Result<Clock, CliError> {
    let made = observation.clock;
    match now {
        None => Ok(made),
        Some(now) => made.at(now).ok_or(CliError::NowBeforeObservation { now, made: made.realtime }),
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
