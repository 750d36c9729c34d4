//! Why an auth server is not told, or does not tell.

use std::error::Error;

use selfcheck_protocol::CertificateError;
use selfcheck_protocol::IdentityError;
use selfcheck_protocol::OutOfTurn;
use tonic::Code;
use tonic::Status;

use crate::TlsError;

/// Why an auth server is not told, or does not tell.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReportError {
    /// The identity is of no use.
    #[error(transparent)]
    Identity(IdentityError),
    /// The identity is not that of a host, and only hosts report.
    #[error("only a host of the cluster reports on itself: {0}")]
    NotAHost(CertificateError),
    /// TLS does not take the identity.
    #[error(transparent)]
    Tls(TlsError),
    /// No connection came about.
    #[error("no connection to auth server `{server}`{}", cause(.source.as_ref()))]
    Connect {
        /// The address.
        server: String,
        /// Why.
        source: Box<dyn Error + Send + Sync>,
    },
    /// Something took too long.
    #[error("auth server `{server}` did not {what} in time")]
    Timeout {
        /// The address.
        server: String,
        /// What it did not do.
        what: &'static str,
    },
    /// The auth server is a stock one, where a second stream under the agent's id would make its inventory flip.
    #[error("auth server `{0}` is a stock one, to which only the agent itself reports")]
    Stock(
        /// The address.
        String,
    ),
    /// The auth server refused.
    #[error("auth server `{server}` answered {}: {}", word(.status.code()), selfcheck_core::Text::new(.status.message()))]
    Answer {
        /// The address.
        server: String,
        /// What it answered.
        status: Box<Status>,
    },
    /// The connection broke, or carried nothing for too long.
    #[error("the connection to auth server `{server}` was lost{}", cause(&**.source))]
    Lost {
        /// The address.
        server: String,
        /// Why.
        source: Box<Status>,
    },
    /// The auth server ended the stream without an error.
    #[error("auth server `{0}` ended the stream")]
    Ended(
        /// The address.
        String,
    ),
    /// The auth server does not keep to the protocol.
    #[error("auth server `{server}` {what}")]
    Protocol {
        /// The address.
        server: String,
        /// What it did.
        what: &'static str,
    },
    /// The auth server does not keep to the order of a stream.
    #[error("auth server `{server}` {what}")]
    OutOfTurn {
        /// The address.
        server: String,
        /// What it did.
        what: OutOfTurn,
    },
}

impl ReportError {
    /// What gRPC makes of an answer, or of there being none. Only what did not come from the other end has a cause here.
    pub(crate) fn answered(server: &str, status: Status) -> Self {
        let (server, status) = (server.to_owned(), Box::new(status));
        if status.source().is_some() {
            return Self::Lost { server, source: status };
        }
        Self::Answer { server, status }
    }

    /// A word for what went wrong, for labels.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Identity(error) => error.kind(),
            Self::NotAHost(_) => "identity-certificate",
            Self::Tls(_) => "tls",
            Self::Connect { .. } => "connect",
            Self::Timeout { .. } => "timeout",
            Self::Stock(_) => "stock",
            Self::Answer { status, .. } => word(status.code()),
            Self::Lost { .. } => "lost",
            Self::Ended(_) => "ended",
            Self::Protocol { .. } | Self::OutOfTurn { .. } => "protocol",
        }
    }

    /// Whether who asks may not.
    pub fn is_denied(&self) -> bool {
        matches!(self, Self::Answer { status, .. } if status.code() == Code::PermissionDenied)
    }

    /// Whether the auth server is one that knows nothing of what was asked.
    pub fn is_unknown_call(&self) -> bool {
        matches!(self, Self::Answer { status, .. } if status.code() == Code::Unimplemented)
    }
}

/// A word for each code of gRPC.
fn word(code: Code) -> &'static str {
    match code {
        Code::Ok => "ok",
        Code::Cancelled => "cancelled",
        Code::Unknown => "unknown",
        Code::InvalidArgument => "invalid-argument",
        Code::DeadlineExceeded => "deadline-exceeded",
        Code::NotFound => "not-found",
        Code::AlreadyExists => "already-exists",
        Code::PermissionDenied => "permission-denied",
        Code::ResourceExhausted => "resource-exhausted",
        Code::FailedPrecondition => "failed-precondition",
        Code::Aborted => "aborted",
        Code::OutOfRange => "out-of-range",
        Code::Unimplemented => "unimplemented",
        Code::Internal => "internal",
        Code::Unavailable => "unavailable",
        Code::DataLoss => "data-loss",
        Code::Unauthenticated => "unauthenticated",
    }
}

/// The innermost cause, which is the one that says something: the others name layers.
fn cause(error: &(dyn Error + Send + Sync + 'static)) -> String {
    let mut innermost: &dyn Error = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    format!(": {}", selfcheck_core::Text::new(&innermost.to_string()))
}
