//! `daemon`: the daemon beside a stock agent.

use std::path::Path;
use std::time::Duration;

use prometheus::Registry;
use sd_notify::NotifyState;
use selfcheck_core::Policy;
use selfcheck_daemon::Handle;
use selfcheck_daemon::SelfCheck;
use selfcheck_daemon::Status;
use selfcheck_daemon::Textfile;
use selfcheck_daemon::debug::DebugService;
use selfcheck_daemon::debug::DebugSocket;
use selfcheck_daemon::report::Neighbour;
use selfcheck_daemon::report::ReportError;
use selfcheck_daemon::report::Reporter;
use selfcheck_daemon::report::ReporterConfig;
use tokio::signal::unix::Signal;
use tokio::signal::unix::SignalKind;
use tokio::signal::unix::signal;
use tokio::task::JoinHandle;
use tokio::time::MissedTickBehavior;
use tokio::time::timeout;

use crate::args::DaemonArgs;
use crate::error::CliError;
use crate::output::Output;

use super::auth_address;
use super::bus_address;
use super::log;
use super::policy;
use super::running;
use super::updater_status;

/// Threads that read files end soon after: the next look is minutes away.
const THREADS_STAY: Duration = Duration::from_millis(100);
/// How long those who follow are waited for in the end.
const LAST_WORDS: Duration = Duration::from_secs(5);
/// How long whoever lets the policy be read again waits for the look that follows.
const JUDGING: Duration = Duration::from_secs(10);

pub(super) fn run(args: &DaemonArgs, output: &Output) -> Result<u8, CliError> {
    let policy = policy::effective(args.policy.as_deref(), None)?;
    log::to_stderr(output);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .thread_keep_alive(THREADS_STAY)
        .build()
        .map_err(CliError::Runtime)?;
    let result = runtime.block_on(serve(args, policy));
    // A read that hangs in the kernel must not keep the daemon from ending.
    runtime.shutdown_background();
    result
}

/// What a daemon is told by signals.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hang_up: Signal,
}

impl Signals {
    fn new() -> std::io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hang_up: signal(SignalKind::hangup())?,
        })
    }
}

async fn serve(args: &DaemonArgs, policy: Policy) -> Result<u8, CliError> {
    // From here on no signal ends the process unheard.
    let mut signals = Signals::new().map_err(CliError::Signals)?;
    if let Some(path) = &args.config {
        updater_status::require_config(path, None)?;
    }
    let socket = args.socket.clone().unwrap_or_else(|| running::sidecar_socket(args.install_suffix.as_ref()));
    let socket = DebugSocket::bind(&socket).map_err(CliError::bind)?;
    let registry = Registry::new();
    let file = args.metrics_file.clone().map(|path| Textfile::new(path, registry.clone()));
    if let (Some(file), Some(path)) = (&file, &args.metrics_file) {
        // One that can never be written is better told at once.
        file.write().map_err(|source| CliError::WriteMetrics { path: path.clone(), source })?;
    }
    let check = SelfCheck::builder()
        .target(super::target(args.install_suffix.as_ref(), args.config.as_deref()))
        .bus_address(bus_address(args.bus.as_ref())?)
        .look_time(args.timeout.duration())
        .policy(policy)
        .metrics(registry.clone())
        .start()
        .map_err(CliError::StartSelfCheck)?;
    let handle = check.handle();
    tracing::info!("answering on `{}`", socket.path().display());
    let mut service = DebugService::new(handle.clone()).with_metrics(registry);
    let mut report = None;
    if let Some(reporter) = reporter(args, &handle) {
        let progress = reporter.progress();
        service = service.with_reporting(move |reporting| progress.latest().fill(reporting));
        report = Some(tokio::spawn(reporter.run()));
    }
    let serving = tokio::spawn(async move { socket.serve(service).await });
    let writing = file.map(|file| tokio::spawn(file.follow(handle.clone())));
    let others = async {
        tokio::join!(
            tell_systemd(handle.clone()),
            feed_watchdog(handle.clone()),
            reread_on(&mut signals.hang_up, args.policy.as_deref(), &handle),
        )
    };
    let outcome = tokio::select! {
        _ = signals.terminate.recv() => Ok(0),
        _ = signals.interrupt.recv() => Ok(0),
        // Started again, it may do better.
        () = handle.ended() => Err(CliError::SelfCheckEnded),
        _ = others => Err(CliError::SelfCheckEnded),
        error = refused(report.as_mut()) => Err(CliError::AskAuth(error)),
    };
    if outcome.is_ok() {
        tracing::info!("told to end");
    }
    notify(&[NotifyState::Stopping]);
    check.shutdown().await;
    // Until those who follow have heard that it ends, and its file is gone.
    let _ = timeout(LAST_WORDS, async {
        let _ = serving.await;
        if let Some(report) = report.filter(|report| !report.is_finished()) {
            let _ = report.await;
        }
        if let Some(writing) = writing {
            let _ = writing.await;
        }
    })
    .await;
    outcome
}

/// Completes where reporting has ended because there is nobody to be told.
async fn refused(report: Option<&mut JoinHandle<Result<(), ReportError>>>) -> ReportError {
    match report {
        Some(report) => match report.await {
            Ok(Err(error)) => error,
            _ => std::future::pending().await, // with the self-check, which is waited for beside
        },
        None => std::future::pending().await,
    }
}

/// Reports to an auth server, if that is wanted.
fn reporter(args: &DaemonArgs, handle: &Handle) -> Option<Reporter> {
    let (server, identity) = args.auth_server.as_ref().zip(args.identity.as_ref())?;
    let config = ReporterConfig::new(auth_address(server), identity)
        .beside(Neighbour::StockAgent)
        .clock(|| selfcheck_probe::now().realtime);
    Some(handle.report(config))
}

/// Ready with the first status. The line that `systemctl status` shows follows every look: its words may move on with the
/// times where nothing else changes.
async fn tell_systemd(handle: Handle) {
    let mut looks = handle.looks();
    let mut told = None;
    while looks.changed().await.is_ok() {
        let Some(line) = handle.status().map(|status| one_line(&status)) else { continue };
        if told.as_ref() == Some(&line) {
            continue;
        }
        let states = [NotifyState::Status(&line), NotifyState::Ready];
        notify(if told.is_some() { &states[..1] } else { &states });
        told = Some(line);
    }
}

fn one_line(status: &Status) -> String {
    format!("{}: {}", status.label(), status.summary)
}

/// Tells a watchdog, if the service has one, that the self-check answers.
async fn feed_watchdog(handle: Handle) {
    let Some(limit) = sd_notify::watchdog_enabled() else { return };
    let mut ticks = tokio::time::interval(limit / 2);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        if handle.ping().await.is_err() {
            return;
        }
        notify(&[NotifyState::Watchdog]);
    }
}

/// Reads the policy again whenever the process is told to. One that is not valid changes nothing.
async fn reread_on(hang_up: &mut Signal, file: Option<&Path>, handle: &Handle) {
    while hang_up.recv().await.is_some() {
        // Before its first status it is not ready, and may not say that it is.
        let is_ready = handle.status().is_some();
        if is_ready {
            match NotifyState::monotonic_usec_now() {
                Ok(now) => notify(&[NotifyState::Reloading, now]),
                Err(_) => notify(&[NotifyState::Reloading]),
            }
        }
        match policy::effective(file, None) {
            Ok(policy) => {
                tracing::info!("the policy was read again");
                // If the self-check has ended, so does this.
                let _ = handle.judge_by(policy).await;
                if let Ok(Ok(status)) = timeout(JUDGING, handle.recheck()).await {
                    notify(&[NotifyState::Status(&one_line(&status))]);
                }
            }
            Err(error) => {
                let remark = format!("the policy stays as it was: {error}");
                tracing::error!("{remark}");
                notify(&[NotifyState::Status(&remark)]);
            }
        }
        if is_ready {
            notify(&[NotifyState::Ready]);
        }
    }
}

/// Tells systemd, if this is a service of its.
fn notify(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::debug!(%error, "systemd could not be told");
    }
}
