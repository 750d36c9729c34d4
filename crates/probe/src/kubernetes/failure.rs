//! Why an object was not had from the API.

use std::error::Error;
use std::io;
use std::time::Duration;

use http::StatusCode;
use http_body_util::LengthLimitError;
use selfcheck_core::Why;
use serde_json::Value;

/// An answer that says when to come back is believed up to so long.
const LONGEST_WAIT: Duration = Duration::from_secs(15 * 60);

/// Why an object was not had.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Failure {
    /// The token is not taken. It may have been replaced.
    Unauthorized,
    /// The service account may not do this.
    Forbidden,
    /// There is no such object.
    NotFound,
    /// It may be otherwise next time; the server says when to come back, where it does.
    Passing(Why, Option<Duration>),
}

impl Failure {
    /// Of an answer that is not the object.
    pub(super) fn of_status(status: StatusCode, retry_after: Option<Duration>) -> Self {
        match status {
            StatusCode::UNAUTHORIZED => Self::Unauthorized,
            StatusCode::FORBIDDEN => Self::Forbidden,
            StatusCode::NOT_FOUND => Self::NotFound,
            _ if status.is_server_error() || status.as_u16() == 429 => {
                Self::Passing(Why::Refused, retry_after)
            }
            _ => Self::Passing(Why::Protocol, retry_after),
        }
    }

    /// Whether the token, the certificates or the connection may be at fault, so that another one may help. A server that is busy
    /// is not asked for one.
    pub(super) const fn may_be_the_connections(self) -> bool {
        match self {
            Self::Unauthorized => true,
            Self::Passing(why, _) => !matches!(why, Why::Refused),
            Self::Forbidden | Self::NotFound => false,
        }
    }

    /// Of a status that is told in place of a change.
    pub(super) fn of_told_status(status: &Value) -> Self {
        let code = status["code"].as_u64().and_then(|code| u16::try_from(code).ok());
        let Some(code) = code.and_then(|code| StatusCode::from_u16(code).ok()) else {
            return Self::Passing(Why::Protocol, None);
        };
        Self::of_status(code, status["details"]["retryAfterSeconds"].as_u64().map(wait))
    }

    /// Of an error that is not an answer.
    pub(super) fn of_error(error: &(dyn Error + 'static)) -> Self {
        let mut why = Why::Closed;
        let mut cause = Some(error);
        while let Some(error) = cause {
            if error.is::<LengthLimitError>() {
                why = Why::TooLarge;
            } else if error.downcast_ref::<rustls::Error>().is_some_and(is_incompatible) {
                why = Why::Incompatible;
            } else if error.is::<rustls::Error>() || error.is::<serde_json::Error>() {
                why = Why::Protocol;
            }
            cause = match error.downcast_ref::<io::Error>() {
                Some(error) => {
                    why = of_io(error.kind()).unwrap_or(why);
                    error.get_ref().map(|inner| inner as &(dyn Error + 'static))
                }
                None => error.source(),
            };
        }
        Self::Passing(why, None)
    }
}

/// Whether the two sides have no certificate or cipher in common.
const fn is_incompatible(error: &rustls::Error) -> bool {
    use rustls::AlertDescription::HandshakeFailure;
    use rustls::CertificateError as Certificate;
    use rustls::Error;
    matches!(
        error,
        Error::AlertReceived(HandshakeFailure)
            | Error::PeerIncompatible(_)
            | Error::InvalidCertificate(
                Certificate::UnsupportedSignatureAlgorithmContext { .. }
                    | Certificate::UnsupportedSignatureAlgorithmForPublicKeyContext { .. }
            )
    )
}

/// How long a server asks to wait, as far as that is believed.
pub(super) fn wait(seconds: u64) -> Duration {
    Duration::from_secs(seconds).min(LONGEST_WAIT)
}

/// What a kind of error says; nothing if that is left to what is inside.
const fn of_io(kind: io::ErrorKind) -> Option<Why> {
    match kind {
        io::ErrorKind::ConnectionRefused => Some(Why::Refused),
        io::ErrorKind::TimedOut => Some(Why::Timeout),
        io::ErrorKind::ConnectionReset
        | io::ErrorKind::ConnectionAborted
        | io::ErrorKind::BrokenPipe
        | io::ErrorKind::UnexpectedEof => Some(Why::Closed),
        io::ErrorKind::Other | io::ErrorKind::InvalidData => None,
        _ => Some(Why::Io),
    }
}
