//! What an input or output error says of what was looked at.

use std::io;

use nix::errno::Errno;
use selfcheck_core::Fact;
use selfcheck_core::Why;

/// The fact that follows from an error while opening or looking up a file.
pub(crate) fn failed<T>(error: &io::Error) -> Fact<T> {
    match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => Fact::Absent,
        _ => Fact::Unreadable(why(error)),
    }
}

/// The reason that follows from an input or output error.
pub(crate) fn why(error: &io::Error) -> Why {
    if error.raw_os_error() == Some(Errno::ELOOP as i32) {
        return Why::LinkLoop;
    }
    match error.kind() {
        io::ErrorKind::PermissionDenied => Why::Denied,
        io::ErrorKind::TimedOut => Why::Timeout,
        io::ErrorKind::IsADirectory => Why::NotAFile,
        _ => Why::Io,
    }
}
