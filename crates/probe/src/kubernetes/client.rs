//! What the API is asked, and bounds on whatever comes.

use std::pin::Pin;
use std::sync::Arc;

use futures_util::Stream;
use http::Request;
use http::Response;
use http::header::ACCEPT;
use http::header::AUTHORIZATION;
use http::header::RETRY_AFTER;
use http::header::USER_AGENT;
use http_body_util::BodyExt;
use http_body_util::Empty;
use http_body_util::Limited;
use http_body_util::combinators::UnsyncBoxBody;
use hyper::body::Bytes;
use selfcheck_core::Why;
use serde_json::Value;
use tower::BoxError;
use tower::Service;
use tower::ServiceExt;
use tower::util::BoxCloneSyncService;

use super::events;
use super::events::ANSWER;
use super::events::Event;
use super::failure::Failure;
use super::failure::wait;
use super::names::Key;
use super::objects;
use super::token::Token;

/// Who asks, for whoever reads the server's log.
const AGENT: &str = concat!("teleport-selfcheck/", env!("CARGO_PKG_VERSION"));

/// The changes of an object, as they are told.
pub(super) type Changes = Pin<Box<dyn Stream<Item = Result<Event, Failure>> + Send>>;
/// What a server sends.
pub(super) type Body = UnsyncBoxBody<Bytes, BoxError>;

/// Asks one server over one connection.
#[derive(Debug, Clone)]
pub(super) struct Client {
    service: BoxCloneSyncService<Request<Empty<Bytes>>, Response<Body>, BoxError>,
    /// Without a slash at the end.
    url: String,
    token: Option<Arc<Token>>,
}

impl Client {
    /// Asks the server at `url` by this service, as whom the token stands for.
    pub(super) fn new<S>(service: S, url: &str, token: Option<Token>) -> Self
    where
        S: Service<Request<Empty<Bytes>>, Response = Response<Body>, Error = BoxError>,
        S: Clone + Send + Sync + 'static,
        S::Future: Send + 'static,
    {
        let url = url.trim_end_matches('/').to_owned();
        Self { service: BoxCloneSyncService::new(service), url, token: token.map(Arc::new) }
    }

    /// An answer that is not an error. Errors are told without what the server says in them.
    async fn ask(&self, key: &Key, path: &str) -> Result<Response<Body>, Failure> {
        let protocol = Failure::Passing(Why::Protocol, None);
        let mut request = Request::get(format!("{}{path}", self.url)).header(ACCEPT, "application/json");
        request = request.header(USER_AGENT, AGENT);
        if let Some(token) = &self.token {
            request = request.header(AUTHORIZATION, token.header().await);
        }
        let request = request.body(Empty::new()).map_err(|_| protocol)?;
        let answer = self.service.clone().oneshot(request).await;
        let answer = answer
            .map_err(|error| Failure::of_error(&*error))?
            .map(|body| Limited::new(body, ANSWER).boxed_unsync());
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
}

/// Gets one object.
pub(super) async fn get(client: &Client, key: &Key) -> Result<Value, Failure> {
    let answer = client.ask(key, &key.path()).await?;
    read(answer).await
}

/// Starts being told of one object: it is shown first, if it is there.
pub(super) async fn changes(client: Client, key: Key, seconds: u64) -> Result<Changes, Failure> {
    let answer = client.ask(&key, &key.changes(seconds)).await?;
    Ok(Box::pin(events::events(answer.into_body())))
}

async fn read(answer: Response<Body>) -> Result<Value, Failure> {
    let body = answer.into_body().collect().await.map_err(|error| Failure::of_error(&*error))?;
    serde_json::from_slice(&body.to_bytes()).map_err(|_| Failure::Passing(Why::Protocol, None))
}
