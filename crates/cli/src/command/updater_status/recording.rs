//! Recorded observations.

use std::io::Read;
use std::path::Path;

use jiff::Timestamp;
use selfcheck_core::Clock;
use selfcheck_core::Observation;
use selfcheck_core::Text;

use crate::error::CliError;

/// The most bytes of a recorded observation that are read.
const LIMIT: u64 = 4 << 20;

/// The observation in `file`; `-` is standard input.
pub(super) fn read(file: &Path) -> Result<Observation, CliError> {
    let (from, text) = if file == Path::new("-") {
        let mut bytes = Vec::new();
        std::io::stdin().take(LIMIT + 1).read_to_end(&mut bytes).map_err(CliError::ReadStdin)?;
        if bytes.len() as u64 > LIMIT {
            return Err(CliError::LongStdin { most: LIMIT });
        }
        ("standard input".to_owned(), String::from_utf8_lossy(&bytes).into_owned())
    } else {
        let text = selfcheck_probe::read_text(file, LIMIT).map_err(CliError::ReadObservation)?;
        (file.display().to_string(), text)
    };
    serde_json::from_str(&text)
        .map_err(|error| CliError::ParseObservation { from, reason: Text::new(&error.to_string()) })
}

/// As of when it is judged: when it was made, or at `now`.
pub(super) fn clock(observation: &Observation, now: Option<Timestamp>) -> Result<Clock, CliError> {
    let made = observation.clock;
    match now {
        None => Ok(made),
        Some(now) => made.at(now).ok_or(CliError::NowBeforeObservation { now, made: made.realtime }),
    }
}
