//! How a slot treats a server over hours and days, in paused time.

use std::convert::Infallible;
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
use http_body_util::Full;
use http_body_util::StreamBody;
use http_body_util::combinators::UnsyncBoxBody;
use hyper::body::Bytes;
use kube::Client;
use kube::client::Body;
use selfcheck_core::DnsLabel;
use selfcheck_core::Fact;
use selfcheck_core::Why;
use selfcheck_core::observation::UpdaterDeployment;
use serde_json::json;
use tokio::time::Instant;
use tokio::time::sleep;
use tokio::time::timeout_at;
use tower::service_fn;

use super::names::Key;
use super::names::Kind;
use super::slot::Keeping;
use super::slot::Slot;
use super::slot::Told;

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(60 * 60);
/// A daemon looks so often where it is told of nothing.
const BETWEEN_LOOKS: Duration = Duration::from_secs(5 * 60);

type Sent = UnsyncBoxBody<Bytes, Infallible>;

/// What a server does with a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Answer {
    /// It sends the object, or tells of changes, of which there are none.
    Well,
    /// It tells of no changes, and ends at once.
    Ends,
    /// This status, and when to come back.
    Status(u16, Option<u64>),
    Garbage,
    Never,
}

/// What is of no use.
const FAULTS: [Answer; 8] = [
    Answer::Status(401, None),
    Answer::Status(404, None),
    Answer::Status(410, None),
    Answer::Status(429, None),
    Answer::Status(500, None),
    Answer::Ends,
    Answer::Garbage,
    Answer::Never,
];

/// What a server does, and what it was asked.
#[derive(Debug)]
struct Server {
    gets: Answer,
    watches: Answer,
    asked: Vec<Instant>,
}

/// An agent's slot for its updater, and whom it asks.
struct Asking {
    server: Arc<Mutex<Server>>,
    client: Client,
    slot: Slot<UpdaterDeployment>,
    key: Key,
}

/// For how long a request asks to be told of changes; `None` if it asks for the object.
fn time_of_watch(request: &Request<Body>) -> Option<Duration> {
    let mut pairs = request.uri().query()?.split('&').filter_map(|pair| pair.split_once('='));
    let (_, seconds) = pairs.find(|(name, _)| *name == "timeoutSeconds")?;
    Some(Duration::from_secs(seconds.parse().expect("a number")))
}

fn response(answer: Answer, watch: Option<Duration>) -> Response<Sent> {
    let updater = json!({
        "kind": "Deployment", "metadata": {"name": "agents-updater", "resourceVersion": "7"},
        "spec": {"replicas": 1, "template": {"spec": {}}}, "status": {"availableReplicas": 1},
    });
    if let (Answer::Well, Some(time)) = (answer, watch) {
        let nothing = stream::once(sleep(time)).filter_map(|()| async { None });
        return Response::new(StreamBody::new(nothing).boxed_unsync());
    }
    let (status, wait, body) = match answer {
        Answer::Well => (200, None, updater.to_string()),
        Answer::Status(status, wait) => (status, wait, json!({"kind": "Status", "code": status}).to_string()),
        Answer::Garbage => (200, None, "<html>\n".to_owned()),
        Answer::Ends | Answer::Never => (200, None, String::new()),
    };
    let mut response = Response::new(Full::from(body).boxed_unsync());
    *response.status_mut() = StatusCode::from_u16(status).expect("a status");
    if let Some(seconds) = wait {
        response.headers_mut().insert(RETRY_AFTER, seconds.into());
    }
    response
}

impl Asking {
    fn new(gets: Answer, watches: Answer) -> Self {
        let server = Arc::new(Mutex::new(Server { gets, watches, asked: Vec::new() }));
        let asked = Arc::clone(&server);
        let service = service_fn(move |request: Request<Body>| {
            let asked = Arc::clone(&asked);
            async move {
                let watch = time_of_watch(&request);
                let answer = {
                    let mut server = asked.lock().expect("not poisoned");
                    server.asked.push(Instant::now());
                    if watch.is_some() { server.watches } else { server.gets }
                };
                if answer == Answer::Never {
                    std::future::pending::<()>().await;
                }
                Ok::<_, Infallible>(response(answer, watch))
            }
        });
        let namespace = DnsLabel::parse("teleport").expect("a label");
        Self {
            server,
            client: Client::new(service, "default"),
            slot: Slot::new(Keeping::Told),
            key: Key { kind: Kind::Deployment, namespace, name: "agents-updater".to_owned() },
        }
    }

    fn does(&self, gets: Answer, watches: Answer) {
        let mut server = self.server.lock().expect("not poisoned");
        (server.gets, server.watches) = (gets, watches);
    }

    async fn look(&mut self) -> Fact<UpdaterDeployment> {
        let deadline = Instant::now() + Duration::from_secs(3);
        for _ in 0..2 {
            if let Ok(fact) = self.slot.look(&self.client, &self.key, deadline).await {
                return fact;
            }
        }
        self.slot.unauthorized()
    }

    /// Does as a daemon does for so long: looks, waits until it is told of something or it is time, and looks again. What was
    /// seen, one after the other.
    async fn for_a_while(&mut self, time: Duration) -> Vec<Fact<UpdaterDeployment>> {
        let end = Instant::now() + time;
        let mut seen = vec![self.look().await];
        while Instant::now() < end {
            let next = end.min(Instant::now() + BETWEEN_LOOKS);
            let _: Result<Told, _> = timeout_at(next, self.slot.told(&self.client)).await;
            seen.push(self.look().await);
        }
        seen.dedup();
        seen
    }

    /// How often the server was asked since this was asked last.
    fn asked(&self) -> usize {
        std::mem::take(&mut self.server.lock().expect("not poisoned").asked).len()
    }
}

fn updater() -> Fact<UpdaterDeployment> {
    let updater = UpdaterDeployment {
        name: "agents-updater".into(),
        agent: None,
        replicas: 1,
        available: 1,
        created: None,
        since: None,
    };
    Fact::Present(updater)
}

#[tokio::test(start_paused = true)]
async fn without_changes_an_hour_takes_less_than_one_request() {
    let mut asking = Asking::new(Answer::Well, Answer::Well);
    assert_eq!(asking.for_a_while(HOUR).await, [updater()]);
    assert_eq!(asking.asked(), 2, "the object, and its changes");
    assert_eq!(asking.for_a_while(240 * HOUR).await, [updater()]);
    let asked = asking.asked();
    assert!((180..=240).contains(&asked), "{asked}");
}

#[tokio::test(start_paused = true)]
async fn whatever_a_server_does_it_is_not_asked_too_often() {
    for watches in FAULTS {
        for gets in [Answer::Well].into_iter().chain(FAULTS) {
            let mut asking = Asking::new(gets, watches);
            asking.for_a_while(24 * HOUR).await;
            let asked = asking.asked();
            // One in three minutes, though it waits for five between failures: half of them ask anew, and are answered.
            assert!((2..=480).contains(&asked), "{gets:?} {watches:?}: {asked}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_seen_is_believed_for_a_quarter_of_an_hour() {
    for (fault, why) in [
        (Answer::Status(500, None), Why::Refused),
        (Answer::Status(429, Some(7_200)), Why::Refused),
        (Answer::Status(401, None), Why::Denied),
        (Answer::Garbage, Why::Protocol),
        (Answer::Never, Why::Timeout),
    ] {
        let mut asking = Asking::new(Answer::Well, Answer::Ends);
        asking.look().await;
        asking.does(fault, fault);
        assert_eq!(asking.for_a_while(14 * MINUTE).await, [updater()], "{fault:?}");
        let doubted = [updater(), Fact::Unreadable(why)];
        assert_eq!(asking.for_a_while(22 * MINUTE).await, doubted, "{fault:?}");
        // It is believed again as soon as it answers.
        asking.does(Answer::Well, Answer::Well);
        let believed = [Fact::Unreadable(why), updater()];
        assert_eq!(asking.for_a_while(21 * MINUTE).await, believed, "{fault:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_could_not_be_had_at_first_is_had_soon_after() {
    for keeping in [Keeping::Told, Keeping::Once] {
        for fault in FAULTS.into_iter().filter(|fault| *fault != Answer::Status(404, None)) {
            let mut asking = Asking::new(fault, fault);
            asking.slot.keep(keeping);
            let seen = asking.for_a_while(MINUTE).await;
            assert!(seen.iter().all(Fact::is_unreadable), "{fault:?}: {seen:?}");
            assert!((5..=20).contains(&asking.asked()), "{fault:?}");
            asking.does(Answer::Well, Answer::Well);
            // The last wait was of a minute or so, and at most of two.
            assert_eq!(
                asking.for_a_while(2 * MINUTE).await.last(),
                Some(&updater()),
                "{keeping:?} {fault:?}"
            );
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_flapping_server_changes_nothing_that_is_said() {
    let mut asking = Asking::new(Answer::Well, Answer::Ends);
    asking.look().await;
    for turn in 0..500 {
        let answer = FAULTS[turn % FAULTS.len()];
        // One that says there is no such object is believed.
        let answer = if answer == Answer::Status(404, None) { Answer::Ends } else { answer };
        asking.does(answer, answer);
        assert_eq!(asking.for_a_while(7 * MINUTE).await, [updater()], "{turn}: {answer:?}");
        asking.does(Answer::Well, Answer::Well);
        assert_eq!(asking.for_a_while(21 * MINUTE).await, [updater()], "{turn}: after {answer:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_may_not_be_seen_is_asked_for_again_after_ten_minutes() {
    let mut asking = Asking::new(Answer::Status(403, None), Answer::Status(403, None));
    let denied = Fact::Unreadable(Why::Denied);
    assert_eq!(asking.for_a_while(59 * MINUTE).await, std::slice::from_ref(&denied));
    assert_eq!(asking.asked(), 6);
    // A right that was taken back is no more believed in than one that was never given.
    asking.does(Answer::Well, Answer::Status(403, None));
    assert_eq!(asking.for_a_while(11 * MINUTE).await, [denied.clone(), updater()]);
    asking.does(Answer::Status(403, None), Answer::Status(403, None));
    assert_eq!(asking.for_a_while(11 * MINUTE).await, [updater(), denied]);
}

#[tokio::test(start_paused = true)]
async fn a_server_is_not_asked_before_the_time_it_says() {
    let mut asking = Asking::new(Answer::Status(503, Some(600)), Answer::Well);
    asking.for_a_while(9 * MINUTE).await;
    assert_eq!(asking.asked(), 1);
    asking.for_a_while(2 * MINUTE).await;
    assert_eq!(asking.asked(), 1);
    // What says a week is not believed.
    asking.does(Answer::Status(503, Some(604_800)), Answer::Well);
    asking.for_a_while(HOUR).await;
    assert!((3..=5).contains(&asking.asked()));
}

#[tokio::test(start_paused = true)]
async fn a_server_that_does_not_begin_to_tell_gets_another_connection() {
    let mut asking = Asking::new(Answer::Well, Answer::Never);
    asking.look().await;
    let asked = Instant::now();
    assert_eq!(asking.slot.told(&asking.client).await, Told::Reconnect);
    assert_eq!(asked.elapsed(), Duration::from_secs(30));
    // Time in which nobody waits to be told counts as well.
    let before = Instant::now();
    assert_eq!(asking.slot.told(&asking.client).await, Told::Reconnect);
    assert!(before.elapsed() <= Duration::from_secs(30 + 4));
}
