//! A server as it may be, and an agent that asks it for its updater.

use std::sync::Arc;
use std::sync::Mutex;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream;
use http::Request;
use http::Response;
use http::StatusCode;
use http::header::RETRY_AFTER;
use http_body_util::BodyExt;
use http_body_util::Empty;
use http_body_util::Full;
use http_body_util::StreamBody;
use hyper::body::Bytes;
use hyper::body::Frame;
use selfcheck_core::Fact;
use selfcheck_core::observation::UpdaterDeployment;
use serde_json::Value;
use serde_json::json;
use tokio::sync::watch;
use tokio::time::Instant;
use tokio::time::timeout;
use tokio::time::timeout_at;
use tower::BoxError;
use tower::service_fn;

use super::super::client::Body;
use super::super::client::Client;
use super::super::names::Key;
use super::super::names::Kind;
use super::super::slot::Keeping;
use super::super::slot::Slot;

/// A daemon looks at least so often where it is told of nothing.
const BETWEEN_LOOKS: Duration = Duration::from_secs(18 * 60);

/// What a server does with a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answer {
    /// It sends the object, or shows it and tells of changes, of which there are none.
    Well,
    /// It tells of nothing, and ends at once.
    Ends,
    /// It tells of nothing, and goes on.
    Blind,
    /// This status, and when to come back.
    Status(u16, Option<u64>),
    Garbage,
    Never,
}

/// What is of no use.
pub(super) const FAULTS: [Answer; 9] = [
    Answer::Status(401, None),
    Answer::Status(404, None),
    Answer::Status(410, None),
    Answer::Status(429, None),
    Answer::Status(500, None),
    Answer::Ends,
    Answer::Blind,
    Answer::Garbage,
    Answer::Never,
];

/// What a server does, and what it was asked.
#[derive(Debug)]
struct Server {
    gets: Answer,
    watches: Answer,
    object: Option<Value>,
    asked: usize,
    /// Ends all watches.
    ended: watch::Sender<()>,
}

/// An agent's slot for its updater, and whom it asks.
pub(super) struct Asking {
    server: Arc<Mutex<Server>>,
    pub(super) client: Client,
    pub(super) slot: Slot<UpdaterDeployment>,
    key: Key,
    /// What was seen last, and when.
    last: Option<(Instant, Fact<UpdaterDeployment>)>,
}

/// For how long a request asks to be told of changes; `None` if it asks for the object.
fn time_of_watch(request: &Request<Empty<Bytes>>) -> Option<Duration> {
    let mut pairs = request.uri().query()?.split('&').filter_map(|pair| pair.split_once('='));
    let (_, seconds) = pairs.find(|(name, _)| *name == "timeoutSeconds")?;
    Some(Duration::from_secs(seconds.parse().expect("a number")))
}

impl Server {
    fn response(&self, watch: Option<Duration>) -> Response<Body> {
        let (status, wait, body) = match (self.answer(watch), watch, &self.object) {
            (Answer::Well, None, Some(object)) => (200, None, object.to_string()),
            (Answer::Well, None, None) => {
                let status =
                    json!({"kind": "Status", "reason": "NotFound", "details": {"name": "agents-updater"}});
                (404, None, status.to_string())
            }
            (Answer::Well, Some(time), Some(object)) => {
                return self.told(time, vec![json!({"type": "ADDED", "object": object}).to_string() + "\n"]);
            }
            (Answer::Well | Answer::Blind, Some(time), _) => return self.told(time, Vec::new()),
            (Answer::Status(status, wait), ..) => {
                (status, wait, json!({"kind": "Status", "code": status}).to_string())
            }
            (Answer::Garbage, ..) => (200, None, "<html>\n".to_owned()),
            (Answer::Ends | Answer::Blind | Answer::Never, ..) => (200, None, String::new()),
        };
        let mut response = Response::new(Full::from(body).map_err(|never| match never {}).boxed_unsync());
        *response.status_mut() = StatusCode::from_u16(status).expect("a status");
        if let Some(seconds) = wait {
            response.headers_mut().insert(RETRY_AFTER, seconds.into());
        }
        response
    }

    const fn answer(&self, watch: Option<Duration>) -> Answer {
        if watch.is_some() { self.watches } else { self.gets }
    }

    /// Lines, and nothing more until it is over.
    fn told(&self, time: Duration, lines: Vec<String>) -> Response<Body> {
        let mut ended = self.ended.subscribe();
        let end = async move {
            let _ = timeout(time, ended.changed()).await; // whichever comes first
            None
        };
        let lines = stream::iter(lines).map(|line| Ok(Frame::data(Bytes::from(line))));
        let lines = lines.chain(stream::once(end).filter_map(std::future::ready));
        Response::new(StreamBody::new(lines).boxed_unsync())
    }
}

impl Asking {
    pub(super) fn new(gets: Answer, watches: Answer) -> Self {
        let (object, ended) = (Some(object(7, 1)), watch::Sender::new(()));
        let server = Arc::new(Mutex::new(Server { gets, watches, object, asked: 0, ended }));
        let asked = Arc::clone(&server);
        let service = service_fn(move |request: Request<Empty<Bytes>>| {
            let asked = Arc::clone(&asked);
            async move {
                let watch = time_of_watch(&request);
                let (answer, response) = {
                    let mut server = asked.lock().expect("not poisoned");
                    server.asked += 1;
                    (server.answer(watch), server.response(watch))
                };
                if answer == Answer::Never {
                    std::future::pending::<()>().await;
                }
                Ok::<_, BoxError>(response)
            }
        });
        let namespace = "teleport".parse().expect("a label");
        Self {
            server,
            client: Client::new(service, "", None),
            slot: Slot::new(Keeping::Told),
            key: Key { kind: Kind::Deployment, namespace, name: "agents-updater".to_owned() },
            last: None,
        }
    }

    /// From now on the server does this. All watches end.
    pub(super) fn does(&self, gets: Answer, watches: Answer) {
        let mut server = self.server.lock().expect("not poisoned");
        (server.gets, server.watches) = (gets, watches);
        server.ended.send_replace(());
    }

    /// The object is this from now on, and nobody is told.
    pub(super) fn has(&self, object: Option<Value>) {
        self.server.lock().expect("not poisoned").object = object;
    }

    pub(super) async fn look(&mut self) -> Fact<UpdaterDeployment> {
        let seen = self.ask().await;
        self.last = Some((Instant::now(), seen.clone()));
        seen
    }

    async fn ask(&mut self) -> Fact<UpdaterDeployment> {
        let deadline = Instant::now() + Duration::from_secs(3);
        for _ in 0..2 {
            if let Ok(fact) = self.slot.look(&self.client, &self.key, deadline).await {
                return fact;
            }
        }
        self.slot.unauthorized()
    }

    /// Does as a daemon does for so long: looks, waits until it is told of something or it is time, and looks again. What was
    /// seen, one after the other, from what was seen last on.
    pub(super) async fn for_a_while(&mut self, time: Duration) -> Vec<Fact<UpdaterDeployment>> {
        let end = Instant::now() + time;
        if self.last.is_none() {
            self.look().await;
        }
        let mut seen = Vec::new();
        loop {
            let (at, last) = self.last.clone().expect("a look");
            seen.push(last);
            let next = at + BETWEEN_LOOKS;
            let told = timeout_at(next.min(end), self.slot.told(&self.client)).await;
            if told.is_err() && end < next {
                break;
            }
            self.look().await;
        }
        seen.dedup();
        seen
    }

    /// How often the server was asked since this was asked last.
    pub(super) fn asked(&self) -> usize {
        std::mem::take(&mut self.server.lock().expect("not poisoned").asked)
    }
}

pub(super) fn object(version: u64, available: u32) -> Value {
    json!({
        "kind": "Deployment", "metadata": {"name": "agents-updater", "resourceVersion": version.to_string()},
        "spec": {"replicas": 1, "template": {"spec": {}}}, "status": {"availableReplicas": available},
    })
}

pub(super) fn updater() -> Fact<UpdaterDeployment> {
    with_available(1)
}

pub(super) fn with_available(available: u32) -> Fact<UpdaterDeployment> {
    let updater = UpdaterDeployment {
        name: "agents-updater".into(),
        agent: None,
        agent_namespace: None,
        replicas: 1,
        available,
        created: None,
        since: None,
    };
    Fact::Present(updater)
}
