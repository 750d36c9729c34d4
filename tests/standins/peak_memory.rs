//! Runs a command, and writes the most memory it held, in bytes, to a file: `peak-memory FILE COMMAND…`.

use std::error::Error;
use std::process::Command;
use std::process::ExitCode;

use nix::sys::resource::UsageWho;
use nix::sys::resource::getrusage;

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let mut words = std::env::args().skip(1);
    let (file, program) = (words.next().ok_or("no file")?, words.next().ok_or("no command")?);
    let status = Command::new(program).args(words).status()?;
    let peak = getrusage(UsageWho::RUSAGE_CHILDREN)?.max_rss() * 1024;
    std::fs::write(file, peak.to_string())?;
    let code = status.code().and_then(|code| u8::try_from(code).ok()).ok_or("ended by a signal")?;
    Ok(ExitCode::from(code))
}
