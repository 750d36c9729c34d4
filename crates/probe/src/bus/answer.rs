//! What an error of the bus means.

use std::io;

use selfcheck_core::Why;
use zbus::Error;
use zbus::fdo;

/// Why something could not be seen, from the error of connecting or calling.
pub(super) fn why(error: &Error) -> Why {
    match error {
        Error::Connection(error, _) | Error::InputOutput(error) => io(error),
        Error::Handshake(text) => handshake(text),
        Error::FDO(error) => fdo(error),
        Error::MethodError(name, _, _) => named(name.as_str()),
        _ => Why::Protocol,
    }
}

/// Whether the other side is too old to know what was asked for.
pub(super) fn is_unknown(error: &Error) -> bool {
    match error {
        Error::FDO(error) => matches!(
            **error,
            fdo::Error::UnknownProperty(_) | fdo::Error::UnknownMethod(_) | fdo::Error::UnknownInterface(_)
        ),
        _ => false,
    }
}

fn io(error: &io::Error) -> Why {
    match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => Why::Missing,
        io::ErrorKind::ConnectionRefused => Why::Refused,
        io::ErrorKind::PermissionDenied => Why::Denied,
        io::ErrorKind::TimedOut => Why::Timeout,
        io::ErrorKind::BrokenPipe
        | io::ErrorKind::ConnectionReset
        | io::ErrorKind::ConnectionAborted
        | io::ErrorKind::NotConnected
        | io::ErrorKind::UnexpectedEof => Why::Closed,
        _ => Why::Protocol,
    }
}

/// zbus has one variant for all that can go wrong in a handshake and tells the cases apart in words.
fn handshake(text: &str) -> Why {
    let text = text.to_ascii_lowercase();
    if text.contains("eof") || text.contains("broken pipe") || text.contains("reset") {
        Why::Closed
    } else if text.contains("reject") {
        Why::Denied
    } else {
        Why::Protocol
    }
}

fn fdo(error: &fdo::Error) -> Why {
    match error {
        fdo::Error::AccessDenied(_)
        | fdo::Error::AuthFailed(_)
        | fdo::Error::InteractiveAuthorizationRequired(_) => Why::Denied,
        fdo::Error::NoReply(_) | fdo::Error::Timeout(_) | fdo::Error::TimedOut(_) => Why::Timeout,
        fdo::Error::ServiceUnknown(_) | fdo::Error::NameHasNoOwner(_) => Why::Missing,
        fdo::Error::Disconnected(_) => Why::Closed,
        fdo::Error::ZBus(error) => why(error),
        _ => Why::Protocol,
    }
}

fn named(name: &str) -> Why {
    if name.ends_with(".AccessDenied") { Why::Denied } else { Why::Protocol }
}
