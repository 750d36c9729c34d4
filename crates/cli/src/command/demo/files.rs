//! Room for the demo's connections.

use nix::sys::resource::Resource;
use nix::sys::resource::getrlimit;
use nix::sys::resource::setrlimit;

use crate::error::CliError;

/// Both ends of a connection are in this process.
const EACH: u64 = 2;
/// Everything else that is open.
const OTHERS: u64 = 100;

/// Lets this process have as many files open as so many agents need, where it may.
pub(super) fn make_room(agents: u16) -> Result<(), CliError> {
    let needed = EACH * u64::from(agents) + OTHERS;
    let Ok((now, most)) = getrlimit(Resource::RLIMIT_NOFILE) else { return Ok(()) };
    if now >= needed {
        return Ok(());
    }
    setrlimit(Resource::RLIMIT_NOFILE, needed, most)
        .map_err(|_| CliError::OpenFiles { agents, most: most.saturating_sub(OTHERS) / EACH })
}
