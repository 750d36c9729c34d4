//! The one place that prints: data to standard output, all else to standard error.
#![expect(clippy::print_stderr, reason = "this is the one place that prints")]

use std::io;
use std::io::IsTerminal;
use std::io::Write;
use std::os::fd::AsFd;
use std::process::ExitCode;

use clap::error::ErrorKind;
use nix::poll::PollFd;
use nix::poll::PollFlags;
use nix::poll::PollTimeout;
use nix::poll::poll;
use selfcheck_core::printable;

use crate::args::Color;
use crate::error::CliError;
use crate::text::Style;

/// Exit code of a command that could not do what it was asked.
const FAILED: u8 = 1;
/// Exit code of a command line that makes no sense.
const USAGE: u8 = 2;

/// Where and how to print.
#[derive(Debug)]
pub(crate) struct Output {
    pub(crate) style: Style,
    pub(crate) verbose: bool,
}

impl Output {
    pub(crate) fn new(color: Color, verbose: bool) -> Self {
        let set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        let colored = match color {
            Color::Always => true,
            Color::Never => false,
            Color::Auto => io::stdout().is_terminal() && !set("NO_COLOR"),
        };
        Self { style: if colored { Style::Colored } else { Style::Plain }, verbose }
    }

    /// Says something that is not data, if more was asked for.
    pub(crate) fn remark(&self, text: &str) {
        if self.verbose {
            eprintln!("{text}");
        }
    }

    /// Says something that is not data and that nobody should miss.
    #[expect(clippy::unused_self, reason = "all that is said goes through here")]
    pub(crate) fn warn(&self, text: &str) {
        eprintln!("warning: {}", one_line(text));
    }

    /// Prints an error in one line, its causes if more was asked for, and at most one hint.
    pub(crate) fn fail(&self, error: &CliError) -> ExitCode {
        eprintln!("error: {}", one_line(&error.to_string()));
        if self.verbose {
            for cause in error.causes() {
                eprintln!("  caused by: {}", one_line(&cause));
            }
        }
        if let Some(hint) = error.hint() {
            eprintln!("hint: {hint}");
        }
        ExitCode::from(if error.is_usage() { USAGE } else { FAILED })
    }
}

/// Whether anybody still reads what is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reader {
    Listening,
    /// The reader has seen enough, which is no error.
    Gone,
}

/// Whether anybody still reads, without printing: the other end of a pipe may have been closed.
pub(crate) fn reader() -> Reader {
    let stdout = io::stdout();
    let mut watched = [PollFd::new(stdout.as_fd(), PollFlags::empty())];
    let polled = poll(&mut watched, PollTimeout::ZERO);
    let gone = PollFlags::POLLERR | PollFlags::POLLHUP;
    match (polled, watched[0].revents()) {
        (Ok(_), Some(events)) if events.intersects(gone) => Reader::Gone,
        _ => Reader::Listening,
    }
}

/// Prints data.
pub(crate) fn print(data: &str) -> Result<Reader, CliError> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(data.as_bytes()).and_then(|()| stdout.flush()) {
        Ok(()) => Ok(Reader::Listening),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(Reader::Gone),
        Err(error) => Err(CliError::Write(error)),
    }
}

/// Prints what is wrong with a command line, or the help that was asked for.
pub(crate) fn usage(error: &clap::Error) -> ExitCode {
    if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) {
        return match error.print() {
            Ok(()) => ExitCode::SUCCESS,
            Err(_) => ExitCode::from(FAILED),
        };
    }
    let rendered = error.to_string();
    let mut paragraphs = rendered.split("\n\n");
    let message = paragraphs.next().unwrap_or_default();
    let message = if error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        "error: a command is missing"
    } else {
        message
    };
    eprintln!("{}", one_line(message));
    let tip = paragraphs.find_map(|paragraph| paragraph.trim().strip_prefix("tip: "));
    eprintln!("hint: {}", tip.map_or("add `--help` for the usage".to_owned(), one_line));
    ExitCode::from(USAGE)
}

/// `message` without line breaks or control characters. Not cut: an error may name long paths.
fn one_line(message: &str) -> String {
    let words: Vec<_> = message.split_whitespace().collect();
    printable(&words.join(" "))
}
