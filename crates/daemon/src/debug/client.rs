//! Asking a running self-check over its socket.

use std::io;
use std::path::Path;
use std::path::PathBuf;
use std::time::Duration;

use http_body_util::BodyExt;
use http_body_util::Empty;
use hyper::Method;
use hyper::Request;
use hyper::Response;
use hyper::StatusCode;
use hyper::body::Bytes;
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper::header::HOST;
use hyper_util::rt::TokioIo;
use selfcheck_core::Status;
use selfcheck_core::Text;
use selfcheck_core::printable;
use serde_json::Value;
use tokio::net::UnixStream;
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio::time::timeout_at;

use super::STATUS_PATH;

/// The most bytes of one status that are read.
const LIMIT: usize = 1 << 20;

/// Asks the self-check behind a socket.
#[derive(Debug, Clone)]
pub struct DebugClient {
    path: PathBuf,
    time: Duration,
}

/// Why a self-check could not be asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AskError {
    /// Nobody listens there.
    #[error("nobody listens on `{}`", .0.display())]
    Nobody(PathBuf),
    /// This user may not connect.
    #[error("`{}` may not be opened by this user", .0.display())]
    Denied(PathBuf),
    /// It could not be connected to, or the connection broke.
    #[error("`{}` could not be asked", .path.display())]
    Connect {
        /// The socket.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// What is there knows nothing of an updater's status, as a stock agent.
    #[error("what listens on `{}` has no self-check, as a stock agent", .0.display())]
    NoSelfCheck(PathBuf),
    /// It is there, and cannot answer yet or any more.
    #[error("the self-check on `{}` has no answer (HTTP {status}): {message}", .path.display())]
    Refused {
        /// The socket.
        path: PathBuf,
        /// The HTTP status.
        status: u16,
        /// What it said.
        message: Text,
    },
    /// It does not speak HTTP, or what it said is no status.
    #[error("what listens on `{}` does not answer like a self-check: {message}", .path.display())]
    Protocol {
        /// The socket.
        path: PathBuf,
        /// What was wrong.
        message: Text,
    },
    /// There was no answer in time.
    #[error("what listens on `{}` does not answer in time", .0.display())]
    Timeout(PathBuf),
}

/// Follows the status of a self-check.
#[derive(Debug)]
pub struct Watching {
    path: PathBuf,
    body: Incoming,
    _connection: Connection,
    unread: Vec<u8>,
}

/// The task that drives a connection, ended with whoever uses it.
#[derive(Debug)]
struct Connection(JoinHandle<()>);

impl Drop for Connection {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl DebugClient {
    /// Asks at `path`. An answer takes at most `time`.
    pub fn new(path: &Path, time: Duration) -> Self {
        Self { path: path.to_owned(), time }
    }

    /// The present status.
    ///
    /// # Errors
    ///
    /// Where nobody listens, who asks may not, or the answer takes too long or is none of a self-check. One that has not looked
    /// yet is [`AskError::Refused`], to be asked again.
    pub async fn status(&self) -> Result<Status, AskError> {
        let deadline = Instant::now() + self.time;
        let (response, _connection) = self.request(Method::GET, STATUS_PATH, deadline).await?;
        let body = self.whole(response.into_body(), deadline).await?;
        parse(&self.path, &body)
    }

    /// Lets it look again, and returns when it has.
    ///
    /// # Errors
    ///
    /// As [`status`](Self::status).
    pub async fn recheck(&self) -> Result<(), AskError> {
        self.request(Method::POST, STATUS_PATH, Instant::now() + self.time).await.map(|_| ())
    }

    /// Follows the status: first the present one, then each that changes.
    ///
    /// # Errors
    ///
    /// As [`status`](Self::status).
    pub async fn watch(&self) -> Result<Watching, AskError> {
        let deadline = Instant::now() + self.time;
        let (response, connection) =
            self.request(Method::GET, &format!("{STATUS_PATH}?watch"), deadline).await?;
        Ok(Watching {
            path: self.path.clone(),
            body: response.into_body(),
            _connection: connection,
            unread: Vec::new(),
        })
    }

    async fn request(
        &self,
        method: Method,
        path: &str,
        deadline: Instant,
    ) -> Result<(Response<Incoming>, Connection), AskError> {
        let exchange = timeout_at(deadline, self.exchange(method, path)).await;
        let (response, connection) = exchange.map_err(|_| AskError::Timeout(self.path.clone()))??;
        match response.status() {
            StatusCode::OK => Ok((response, connection)),
            StatusCode::NOT_FOUND => Err(AskError::NoSelfCheck(self.path.clone())),
            status => {
                let message = self.whole(response.into_body(), deadline).await?;
                let message = Text::new(String::from_utf8_lossy(&message).trim());
                Err(AskError::Refused { path: self.path.clone(), status: status.as_u16(), message })
            }
        }
    }

    async fn exchange(
        &self,
        method: Method,
        path: &str,
    ) -> Result<(Response<Incoming>, Connection), AskError> {
        let stream = UnixStream::connect(&self.path).await.map_err(|error| self.unconnected(error))?;
        let handshake = http1::handshake(TokioIo::new(stream)).await;
        let (mut sender, connection) = handshake.map_err(|error| protocol(&self.path, &error))?;
        let connection = Connection(tokio::spawn(async move {
            let _ = connection.await; // the answer tells
        }));
        let request = Request::builder().method(method).uri(path).header(HOST, "localhost");
        let request = request.body(Empty::<Bytes>::new()).map_err(|error| protocol(&self.path, &error))?;
        let response = sender.send_request(request).await.map_err(|error| protocol(&self.path, &error))?;
        Ok((response, connection))
    }

    fn unconnected(&self, error: io::Error) -> AskError {
        let path = self.path.clone();
        match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory | io::ErrorKind::ConnectionRefused => {
                AskError::Nobody(path)
            }
            io::ErrorKind::PermissionDenied => AskError::Denied(path),
            io::ErrorKind::WouldBlock => AskError::Timeout(path), // its queue is full
            _ => AskError::Connect { path, source: error },
        }
    }

    async fn whole(&self, mut body: Incoming, deadline: Instant) -> Result<Vec<u8>, AskError> {
        let mut whole = Vec::new();
        loop {
            let frame = timeout_at(deadline, body.frame()).await;
            match frame.map_err(|_| AskError::Timeout(self.path.clone()))? {
                None => return Ok(whole),
                Some(Err(error)) => return Err(protocol(&self.path, &error)),
                Some(Ok(frame)) => append(&self.path, &mut whole, frame.data_ref())?,
            }
        }
    }
}

impl Watching {
    /// The next status; `None` when the self-check has ended or was killed. It may be dropped while waiting.
    ///
    /// # Errors
    ///
    /// Where the connection broke off or what came is no status. Whoever follows connects again.
    pub async fn next(&mut self) -> Result<Option<Status>, AskError> {
        loop {
            if let Some(end) = self.unread.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.unread.drain(..=end).collect();
                return parse(&self.path, &line).map(Some);
            }
            match self.body.frame().await {
                None | Some(Err(_)) => return Ok(None),
                Some(Ok(frame)) => append(&self.path, &mut self.unread, frame.data_ref())?,
            }
        }
    }
}

fn append(path: &Path, whole: &mut Vec<u8>, data: Option<&Bytes>) -> Result<(), AskError> {
    whole.extend_from_slice(data.map_or(&[], |data| data.as_ref()));
    if whole.len() > LIMIT {
        return Err(AskError::Protocol { path: path.to_owned(), message: "the answer is too large".into() });
    }
    Ok(())
}

fn parse(path: &Path, json: &[u8]) -> Result<Status, AskError> {
    let answer: Value = serde_json::from_slice(json).map_err(|error| protocol(path, &error))?;
    if !is_printable(&answer) {
        let message = "the answer has control characters".into();
        return Err(AskError::Protocol { path: path.to_owned(), message });
    }
    serde_json::from_value(answer).map_err(|error| protocol(path, &error))
}

/// Whether all texts in it may be shown on a terminal. Those of a self-check always may.
fn is_printable(value: &Value) -> bool {
    match value {
        Value::String(text) => printable(text) == *text,
        Value::Array(entries) => entries.iter().all(is_printable),
        Value::Object(fields) => {
            fields.iter().all(|(name, value)| printable(name) == *name && is_printable(value))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => true,
    }
}

fn protocol(path: &Path, error: &dyn std::error::Error) -> AskError {
    AskError::Protocol { path: path.to_owned(), message: Text::new(&error.to_string()) }
}
