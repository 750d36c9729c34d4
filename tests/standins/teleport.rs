//! Stands in for the agent: a process that runs until it is told to stop.

use std::io::Read;
use std::os::unix::net::UnixStream;

fn main() -> std::io::Result<()> {
    // Nobody ever writes to the other end, so this waits until a signal ends the process.
    let (mut end, _other) = UnixStream::pair()?;
    end.read_exact(&mut [0])
}
