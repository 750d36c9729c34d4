//! Answers to requests, whoever transports them.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use futures_util::Stream;
use futures_util::StreamExt;
use futures_util::stream;
use http_body_util::BodyExt;
use http_body_util::StreamBody;
use hyper::Method;
use hyper::Request;
use hyper::Response;
use hyper::StatusCode;
use hyper::body::Bytes;
use hyper::body::Frame;
use hyper::header::HeaderValue;
use prometheus::Registry;
use selfcheck_core::Reporting;
use selfcheck_core::Status;
use tokio::sync::OwnedSemaphorePermit;
use tokio::sync::Semaphore;
use tokio::time::timeout;

use crate::Handle;
use crate::Statuses;

use super::STATUS_PATH;
use super::UPDATE_PATH;
use super::answer;
use super::answer::DebugBody;
use super::answer::json;
use super::answer::not_allowed;
use super::answer::respond_with;
use super::answer::text;

/// How many may follow the status at a time.
const WATCHERS: usize = 32;
/// How long somebody who asked for a look is kept waiting for it.
const RECHECK_TIME: Duration = Duration::from_secs(10);
const LINES: HeaderValue = HeaderValue::from_static("application/x-ndjson");

/// Fills in what a status itself does not know.
type Fill = Arc<dyn Fn(&mut Reporting) + Send + Sync>;

/// Answers requests about one self-check.
#[derive(Clone)]
pub struct DebugService {
    handle: Handle,
    registry: Option<Registry>,
    reporting: Option<Fill>,
    watchers: Arc<Semaphore>,
}

impl fmt::Debug for DebugService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DebugService").field("handle", &self.handle).finish_non_exhaustive()
    }
}

impl DebugService {
    /// The paths that nobody else answers. An agent that has `/metrics`, `/healthz` and `/readyz` of its own routes only
    /// these to this service.
    pub const PATHS: [&str; 2] = [STATUS_PATH, UPDATE_PATH];

    /// Answers about the self-check of `handle`, without metrics.
    pub fn new(handle: Handle) -> Self {
        Self { handle, registry: None, reporting: None, watchers: Arc::new(Semaphore::new(WATCHERS)) }
    }

    /// Answers `/metrics` with what `registry` holds.
    #[must_use]
    pub fn with_metrics(self, registry: Registry) -> Self {
        Self { registry: Some(registry), ..self }
    }

    /// Every status says how far reporting has got, as `fill` tells at the time.
    #[must_use]
    pub fn with_reporting(self, fill: impl Fn(&mut Reporting) + Send + Sync + 'static) -> Self {
        Self { reporting: Some(Arc::new(fill)), ..self }
    }

    /// Answers `request`. Its body is not read. A path that is none of the service's is answered with 404.
    pub async fn respond<B>(&self, request: &Request<B>) -> Response<DebugBody> {
        let uri = request.uri();
        let wants_changes = uri
            .query()
            .is_some_and(|query| query.split('&').any(|part| part == "watch" || part.starts_with("watch=")));
        match (uri.path(), request.method()) {
            (STATUS_PATH, &Method::GET) if wants_changes => self.changes(),
            (STATUS_PATH, &Method::GET) => self.present(),
            (STATUS_PATH | UPDATE_PATH, &Method::POST) => self.recheck().await,
            ("/metrics", &Method::GET) => self.metrics(),
            ("/healthz", &Method::GET) => self.health(),
            ("/readyz", &Method::GET) => self.readiness(),
            (STATUS_PATH, _) => not_allowed("GET, POST"),
            (UPDATE_PATH, _) => not_allowed("POST"),
            ("/metrics" | "/healthz" | "/readyz", _) => not_allowed("GET"),
            _ => answer::nothing(),
        }
    }

    /// Returns when the self-check has ended.
    pub(super) async fn ended(&self) {
        self.handle.ended().await;
    }

    /// The present status, or why there is none.
    fn status(&self) -> Result<Arc<Status>, &'static str> {
        if self.handle.has_ended() {
            return Err("the self-check has ended");
        }
        self.handle.status().ok_or("the first look is in progress")
    }

    fn present(&self) -> Response<DebugBody> {
        match self.status() {
            Ok(status) => json(StatusCode::OK, line(&status, self.reporting.as_ref())),
            Err(why) => text(StatusCode::SERVICE_UNAVAILABLE, &format!("{why}\n")),
        }
    }

    fn health(&self) -> Response<DebugBody> {
        if self.handle.has_ended() {
            return json(StatusCode::SERVICE_UNAVAILABLE, "{\"status\":\"the self-check has ended\"}");
        }
        answer::healthy()
    }

    fn readiness(&self) -> Response<DebugBody> {
        answer::readiness(self.status().map(|_| ()))
    }

    fn changes(&self) -> Response<DebugBody> {
        match Arc::clone(&self.watchers).try_acquire_owned() {
            Ok(place) => {
                let lines = lines(self.handle.subscribe(), self.reporting.clone(), place)
                    .map(|line| Ok(Frame::data(line)));
                respond_with(StatusCode::OK, LINES, StreamBody::new(lines).boxed_unsync())
            }
            Err(_) => text(StatusCode::SERVICE_UNAVAILABLE, "too many follow the status already\n"),
        }
    }

    async fn recheck(&self) -> Response<DebugBody> {
        match timeout(RECHECK_TIME, self.handle.recheck()).await {
            Ok(Ok(_)) => text(StatusCode::OK, "Status is updated\n"),
            Ok(Err(ended)) => text(StatusCode::SERVICE_UNAVAILABLE, &format!("{ended}\n")),
            Err(_) => text(StatusCode::GATEWAY_TIMEOUT, "the look takes too long\n"),
        }
    }

    fn metrics(&self) -> Response<DebugBody> {
        let Some(registry) = &self.registry else {
            return text(StatusCode::NOT_FOUND, "this self-check has no metrics\n");
        };
        answer::metrics(registry)
    }
}

/// The present status, then each that changes, until the self-check ends.
fn lines(
    statuses: Statuses,
    reporting: Option<Fill>,
    place: OwnedSemaphorePermit,
) -> impl Stream<Item = Bytes> {
    stream::unfold((statuses, reporting), |(mut statuses, reporting)| async move {
        let status = statuses.next().await?;
        Some((Bytes::from(line(&status, reporting.as_ref())), (statuses, reporting)))
    })
    .map(move |line| {
        let _kept_until_the_end = &place;
        line
    })
}

/// A status as one line of JSON.
fn line(status: &Status, reporting: Option<&Fill>) -> Vec<u8> {
    let mut status = status.clone();
    if let Some(fill) = reporting {
        fill(&mut status.reporting);
    }
    // Every value of a status has a form in JSON; were there one without, an empty line would be no status.
    let mut line = serde_json::to_vec(&status).unwrap_or_default();
    line.push(b'\n');
    line
}
