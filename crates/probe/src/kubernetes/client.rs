//! The connection to the API: TLS by the cluster's own authority, the token of the service account, and bounds on
//! whatever comes.

use std::error::Error;
use std::io;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::Stream;
use http::Request;
use http::Response;
use http::StatusCode;
use http::header::ACCEPT;
use http::header::RETRY_AFTER;
use http_body_util::BodyExt;
use http_body_util::LengthLimitError;
use http_body_util::Limited;
use hyper_rustls::HttpsConnectorBuilder;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use kube::Client;
use kube::Config;
use kube::client::Body;
use kube::client::ConfigExt;
use rustls::ClientConfig;
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use selfcheck_core::Fact;
use selfcheck_core::Why;
use serde_json::Value;
use tower::BoxError;
use tower::ServiceBuilder;

use crate::files::Tree;
use crate::target::ApiServer;

use super::events;
use super::events::Event;
use super::names::Key;
use super::objects;

/// The most that is read of one answer, and of all changes that one request is told.
const ANSWER: usize = 4 << 20;
/// A bundle of certificates, or a token, is at most so large.
const FILE: u64 = 1 << 20;
/// The kernel asks whether the other side is still there after so long, and so often; nothing here wakes for that.
const KEEP_ALIVE: Duration = Duration::from_secs(60);
const KEEP_ALIVE_INTERVAL: Duration = Duration::from_secs(15);
const KEEP_ALIVE_RETRIES: u32 = 4;
/// A server is near.
const CONNECT: Duration = Duration::from_secs(10);
/// An answer that says when to come back is believed up to so long.
const LONGEST_WAIT: Duration = Duration::from_secs(15 * 60);

/// The changes of an object, as they are told.
pub(super) type Changes = Pin<Box<dyn Stream<Item = Result<Event, Failure>> + Send>>;

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
    fn of_status(status: StatusCode, retry_after: Option<Duration>) -> Self {
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

    /// Of an error that is no answer.
    pub(super) fn of_error(error: &kube::Error) -> Self {
        let mut why = Why::Closed;
        let mut cause: Option<&(dyn Error + 'static)> = Some(error);
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
fn wait(seconds: u64) -> Duration {
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

/// Makes a client of `server`. It reads files, and must be called in a runtime; nobody is asked yet.
pub(super) fn client(server: &ApiServer) -> Result<Client, Why> {
    let mut config = Config::new(server.url.parse().map_err(|_| Why::Protocol)?);
    let token = readable(&server.token)?;
    if token.trim() == token {
        config.auth_info.token_file = Some(server.token.to_string_lossy().into_owned());
    } else {
        // Written by hand, and not by a kubelet: what replaces it is read when this one is not taken.
        config.auth_info.token = Some(token.trim().to_owned().into());
    }
    let mut http = HttpConnector::new();
    http.enforce_http(false);
    http.set_connect_timeout(Some(CONNECT));
    http.set_keepalive(Some(KEEP_ALIVE));
    http.set_keepalive_interval(Some(KEEP_ALIVE_INTERVAL));
    http.set_keepalive_retries(Some(KEEP_ALIVE_RETRIES));
    let https = HttpsConnectorBuilder::new()
        .with_tls_config(tls(&server.authority)?)
        .https_only()
        .enable_all_versions()
        .wrap_connector(http);
    let service = ServiceBuilder::new()
        .layer(config.base_uri_layer())
        .option_layer(config.auth_layer().map_err(|_| Why::Denied)?)
        .map_response(|response: Response<hyper::body::Incoming>| {
            response.map(|body| Limited::new(body, ANSWER))
        })
        .map_err(BoxError::from)
        .service(hyper_util::client::legacy::Client::builder(TokioExecutor::new()).build(https));
    Ok(Client::new(service, "default"))
}

/// What a file holds, within bounds. Without a token or certificates nobody is let in.
fn readable(path: &Path) -> Result<String, Why> {
    match Tree::default().read(path, FILE) {
        Fact::Present(text) => Ok(text),
        Fact::Absent | Fact::NotApplicable => Err(Why::Denied),
        Fact::Unreadable(why) => Err(why),
    }
}

/// TLS that trusts the cluster's authority alone. The provider is named, so that none becomes that of the process.
fn tls(authority: &Path) -> Result<ClientConfig, Why> {
    let text = readable(authority)?;
    let mut roots = RootCertStore::empty();
    // In a bundle one may be of a kind that is not understood; the others count all the same.
    roots.add_parsable_certificates(CertificateDer::pem_slice_iter(text.as_bytes()).filter_map(Result::ok));
    if roots.is_empty() {
        return Err(Why::Protocol);
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|_| Why::Protocol)?;
    Ok(config.with_root_certificates(roots).with_no_client_auth())
}

/// Gets one object.
pub(super) async fn get(client: &Client, key: &Key) -> Result<Value, Failure> {
    let answer = ask(client, key, &key.path()).await?;
    read(answer).await
}

/// Starts being told of one object: it is shown first, if it is there.
pub(super) async fn changes(client: Client, key: Key, seconds: u64) -> Result<Changes, Failure> {
    let answer = ask(&client, &key, &key.changes(seconds)).await?;
    Ok(Box::pin(events::events(answer.into_body())))
}

/// An answer that is no error. Errors are told without what the server says in them.
async fn ask(client: &Client, key: &Key, path: &str) -> Result<Response<Body>, Failure> {
    let protocol = Failure::Passing(Why::Protocol, None);
    let request = Request::get(path).header(ACCEPT, "application/json").body(Body::empty());
    let answer = client.send(request.map_err(|_| protocol)?).await;
    let answer = answer.map_err(|error| Failure::of_error(&error))?;
    if answer.status().is_success() {
        return Ok(answer);
    }
    let seconds = answer.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
    let failure = Failure::of_status(answer.status(), seconds.map(wait));
    // Whoever stands before the server, or a server that has only just started, may know no such path.
    if failure == Failure::NotFound && !objects::says_not_found(&read(answer).await?, &key.name) {
        return Err(protocol);
    }
    Err(failure)
}

async fn read(answer: Response<Body>) -> Result<Value, Failure> {
    let body = answer.into_body().collect().await.map_err(|error| Failure::of_error(&error))?;
    serde_json::from_slice(&body.to_bytes()).map_err(|_| Failure::Passing(Why::Protocol, None))
}
