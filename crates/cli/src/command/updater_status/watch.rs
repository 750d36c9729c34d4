//! `--watch`: printing again on every change.

use std::future::Future;
use std::time::Duration;

use selfcheck_core::Policy;
use selfcheck_core::Status;
use selfcheck_daemon::SelfCheck;
use selfcheck_daemon::debug::DebugClient;
use selfcheck_probe::NotAnAgent;

use crate::args::StatusArgs;
use crate::args::StatusFormat;
use crate::command::bus_address;
use crate::command::running::Answer;
use crate::error::CliError;
use crate::output;
use crate::output::Output;
use crate::output::Reader;
use crate::text::View;

use super::show;
use super::target;

/// How often it is seen to that somebody still reads.
const READER_PERIOD: Duration = Duration::from_secs(2);

/// Watches this host, until interrupted or until nobody reads any more.
pub(super) async fn host(args: &StatusArgs, policy: Policy, output: &Output) -> Result<u8, CliError> {
    let check = SelfCheck::builder()
        .target(target(args, &policy))
        .bus_address(bus_address(args.bus.as_ref())?)
        .look_time(args.timeout.duration())
        .policy(policy)
        .start()
        .map_err(CliError::StartSelfCheck)?;
    let mut statuses = check.subscribe();
    let mut printer = Printer::default();
    let changes = async {
        while let Some(status) = statuses.next().await {
            require_process(args, &status)?;
            // Only a daemon counts changes.
            let mut status = Status::clone(&status);
            status.sequence = None;
            if printer.print(args, output, &status)? == Reader::Gone {
                return Ok(0);
            }
        }
        Ok(0)
    };
    let ended = until_nobody_reads(changes).await;
    check.shutdown().await;
    ended
}

/// Follows a daemon, until interrupted or until one of the two ends.
pub(super) async fn daemon(
    args: &StatusArgs,
    output: &Output,
    client: &DebugClient,
    answer: &Answer,
) -> Result<u8, CliError> {
    let mut changes = client.watch().await.map_err(CliError::AskDaemon)?;
    let mut printer = Printer::default();
    let changes = async {
        while let Some(status) = changes.next().await.map_err(CliError::AskDaemon)? {
            if printer.print(args, output, &status)? == Reader::Gone {
                return Ok(0);
            }
        }
        Err(CliError::DaemonEnded(answer.socket.clone()))
    };
    until_nobody_reads(changes).await
}

/// Prints one status after the other.
#[derive(Debug, Default)]
struct Printer {
    last: Option<String>,
}

impl Printer {
    fn print(&mut self, args: &StatusArgs, output: &Output, status: &Status) -> Result<Reader, CliError> {
        let is_first = self.last.is_none();
        let before = self.last.replace(status.label());
        match args.format {
            // Other changes are no change of the word.
            StatusFormat::Label if before == self.last => return Ok(output::reader()),
            StatusFormat::Text if !is_first => {
                output::print("\n")?;
            }
            _ => {}
        }
        show(args, output, &View::of(status, selfcheck_probe::now().realtime))
    }
}

/// A process that was asked for by its number must be there.
fn require_process(args: &StatusArgs, status: &Status) -> Result<(), CliError> {
    match args.pid {
        Some(pid) if status.is_without_process() => Err(CliError::NotAnAgent(NotAnAgent::Gone(pid))),
        _ => Ok(()),
    }
}

async fn until_nobody_reads(work: impl Future<Output = Result<u8, CliError>>) -> Result<u8, CliError> {
    let gone = async {
        while output::reader() == Reader::Listening {
            tokio::time::sleep(READER_PERIOD).await;
        }
    };
    tokio::select! {
        result = work => result,
        () = gone => Ok(0),
        _ = tokio::signal::ctrl_c() => Ok(0),
    }
}
