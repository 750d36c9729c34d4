//! The debug service and clients of every kind.

use std::path::PathBuf;
use std::time::Duration;

use selfcheck_core::Fact;
use selfcheck_daemon::SelfCheck;
use selfcheck_daemon::debug::AskError;
use selfcheck_daemon::debug::DebugClient;
use selfcheck_daemon::debug::DebugService;
use selfcheck_daemon::debug::DebugSocket;
use selfcheck_tests::Stage;
use tempfile::TempDir;
use tokio::io::AsyncReadExt;
use tokio::io::AsyncWriteExt;
use tokio::net::UnixStream;
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio::time::sleep;

use super::HEALTHY;

const STATUS: &str = "GET /updater-status HTTP/1.1\r\nHost: x\r\n\r\n";
const WATCH: &str = "GET /updater-status?watch HTTP/1.1\r\nHost: x\r\n\r\n";

/// A self-check of a stage, and its socket.
struct Served {
    stage: Stage,
    check: SelfCheck,
    path: PathBuf,
    serving: JoinHandle<()>,
    _folder: TempDir,
}

impl Served {
    async fn start() -> Self {
        let stage = Stage::like(HEALTHY);
        let source = stage.clone();
        let check = SelfCheck::builder().start_on(move || source.clone()).expect("started");
        check.recheck().await.expect("running");
        let folder = tempfile::tempdir().expect("folder");
        let path = folder.path().join("debug.sock");
        let socket = DebugSocket::bind(&path).expect("bound");
        let service = DebugService::new(check.handle());
        let serving = tokio::spawn(async move { socket.serve(service).await });
        Self { stage, check, path, serving, _folder: folder }
    }

    async fn send(&self, request: &str) -> UnixStream {
        let mut stream = UnixStream::connect(&self.path).await.expect("connected");
        // A server that has seen enough of a request closes the connection on its rest.
        let _ = stream.write_all(request.as_bytes()).await;
        stream
    }

    async fn ask(&self, request: &str) -> String {
        let mut answer = Vec::new();
        let _ = self.send(request).await.read_to_end(&mut answer).await; // what was said before counts
        String::from_utf8(answer).expect("text")
    }

    /// The verdict goes back and forth.
    async fn flap(&self) {
        self.stage.quietly(|observation| {
            observation.v1.timer = if observation.v1.timer.is_absent() {
                Fact::Unreadable(selfcheck_core::Why::Denied)
            } else {
                Fact::Absent
            };
        });
        self.check.recheck().await.expect("running");
    }
}

/// The HTTP status of an answer.
fn code(answer: &str) -> &str {
    answer.strip_prefix("HTTP/1.1 ").and_then(|rest| rest.get(..3)).unwrap_or("none")
}

#[tokio::test]
async fn every_request_has_its_answer() {
    let served = Served::start().await;
    for (request, expected, body) in [
        ("GET /updater-status", "200", "{\"schema\":\"teleport.selfcheck/v1\",\"verdict\":\"accompanied\""),
        ("POST /updater-status", "200", "Status is updated\n"),
        ("POST /update-status", "200", "Status is updated\n"),
        ("GET /healthz", "200", "{\"status\":\"ok\"}"),
        ("GET /readyz", "200", "{\"status\":\"ok\",\"pid\":"),
        ("GET /metrics", "404", "this self-check has no metrics\n"),
        ("GET /", "404", "there is nothing here\n"),
        ("GET /debug/pprof/heap", "404", "there is nothing here\n"),
        ("DELETE /updater-status", "405", "not with this method\n"),
        ("GET /update-status", "405", "not with this method\n"),
        ("POST /healthz", "405", "not with this method\n"),
    ] {
        let answer = served.ask(&format!("{request} HTTP/1.1\r\nHost: x\r\n\r\n")).await;
        assert_eq!(code(&answer), expected, "{request}: {answer}");
        let (_, told) = answer.split_once("\r\n\r\n").expect("a body");
        assert!(told.starts_with(body), "{request}: {told}");
    }
    let answer = served.ask("DELETE /updater-status HTTP/1.1\r\nHost: x\r\n\r\n").await;
    assert!(answer.to_ascii_lowercase().contains("allow: get, post"), "{answer}");
}

#[tokio::test(start_paused = true)]
async fn before_the_first_look_there_is_no_answer() {
    let stage = Stage::like(HEALTHY);
    stage.acts(selfcheck_tests::Acts::Panics);
    let check = SelfCheck::builder().start_on(move || stage.clone()).expect("started");
    let service = DebugService::new(check.handle());
    let ask = |path: &'static str| {
        let service = service.clone();
        async move {
            service.respond(&hyper::Request::get(path).body(()).expect("request")).await.status().as_u16()
        }
    };
    assert_eq!((ask("/updater-status").await, ask("/readyz").await, ask("/healthz").await), (503, 503, 200));
}

#[tokio::test(start_paused = true)]
async fn after_its_end_nothing_is_said_of_a_host_that_nobody_watches() {
    let served = Served::start().await;
    let (handle, service) = (served.check.handle(), DebugService::new(served.check.handle()));
    assert!(handle.status().is_some() && !handle.has_ended());
    served.check.shutdown().await;
    handle.ended().await;
    assert!(handle.status().is_none() && handle.has_ended());
    for request in [
        hyper::Request::get("/updater-status"),
        hyper::Request::get("/healthz"),
        hyper::Request::get("/readyz"),
        hyper::Request::post("/updater-status"),
    ] {
        let response = service.respond(&request.body(()).expect("request")).await;
        assert_eq!(response.status().as_u16(), 503);
    }
}

#[tokio::test(start_paused = true)]
async fn who_follows_gets_the_present_status_and_every_change_until_the_end() {
    let served = Served::start().await;
    let client = DebugClient::new(&served.path, Duration::from_secs(5));
    let mut changes = client.watch().await.expect("followed");
    let first = changes.next().await.expect("HTTP").expect("present");
    assert_eq!(first.sequence, Some(1));
    served.flap().await;
    assert_eq!(changes.next().await.expect("HTTP").expect("a change").sequence, Some(2));
    served.check.shutdown().await;
    assert!(changes.next().await.expect("HTTP").is_none());
    served.serving.await.expect("it ends by itself");
    assert!(matches!(client.status().await, Err(AskError::Nobody(_))), "its socket is gone");
}

#[tokio::test(start_paused = true)]
async fn who_says_nothing_is_sent_away() {
    let served = Served::start().await;
    for said in ["", "GET /updater-st", "GET /updater-status HTTP/1.1\r\nHost: x\r\n"] {
        let began = Instant::now();
        let answer = served.ask(said).await;
        assert!(began.elapsed() < Duration::from_secs(6), "{said:?}");
        assert!(code(&answer) != "200", "{said:?}: {answer}");
    }
}

#[tokio::test]
async fn who_says_too_much_is_not_listened_to() {
    let served = Served::start().await;
    let long = "x".repeat(1 << 20);
    let head = format!("GET /updater-status HTTP/1.1\r\nX: {long}\r\n\r\n");
    assert_ne!(code(&served.ask(&head).await), "200");
    let path = format!("GET /{long} HTTP/1.1\r\n\r\n");
    assert_ne!(code(&served.ask(&path).await), "200");
    // A body is not read, however much is announced.
    let body =
        format!("POST /updater-status HTTP/1.1\r\nHost: x\r\nContent-Length: 1099511627776\r\n\r\n{long}");
    assert_eq!(code(&served.ask(&body).await), "200");
    let garbage = "\u{0}\u{1}\u{2}\r\n\r\n";
    assert_ne!(code(&served.ask(garbage).await), "200");
    assert_eq!(code(&served.ask(STATUS).await), "200");
}

#[tokio::test]
async fn two_hundred_clients_of_which_half_never_read() {
    let served = Served::start().await;
    let mut mute = Vec::new();
    for _ in 0..50 {
        mute.push(served.send(WATCH).await);
        mute.push(served.send(STATUS).await);
    }
    let answers = futures_util::future::join_all((0..100).map(|_| served.ask(STATUS))).await;
    let answered = answers.iter().filter(|answer| code(answer) == "200").count();
    assert_eq!(answered, 100);
    drop(mute);
    assert_eq!(code(&served.ask(STATUS).await), "200");
}

#[tokio::test(start_paused = true)]
async fn who_follows_without_reading_is_dropped_and_others_may_follow() {
    let served = Served::start().await;
    let mut mute = Vec::new();
    for _ in 0..32 {
        let mut stream = served.send(WATCH).await;
        let mut first = [0; 12];
        stream.read_exact(&mut first).await.expect("followed");
        assert_eq!(&first, b"HTTP/1.1 200");
        mute.push(stream);
    }
    assert_eq!(code(&served.ask(WATCH).await), "503", "there is a bound");
    // Until what nobody reads fills the kernel's and the service's buffers.
    for _ in 0..400 {
        served.flap().await;
    }
    sleep(Duration::from_secs(11)).await;
    let client = DebugClient::new(&served.path, Duration::from_secs(5));
    let mut changes = client.watch().await.expect("there is room again");
    assert!(changes.next().await.expect("HTTP").is_some());
    for mut stream in mute {
        let mut rest = Vec::new();
        // It ends, in good order or not.
        let _ = stream.read_to_end(&mut rest).await;
        assert!(rest.len() > 1_000);
    }
}

#[tokio::test(start_paused = true)]
async fn a_daemon_that_does_not_answer_is_not_waited_for() {
    let folder = tempfile::tempdir().expect("folder");
    let path = folder.path().join("debug.sock");
    let listener = tokio::net::UnixListener::bind(&path).expect("bound");
    let client = DebugClient::new(&path, Duration::from_secs(2));
    assert!(matches!(client.status().await, Err(AskError::Timeout(_))));
    let answers = |answer: &'static [u8]| {
        let listener = &listener;
        let client = client.clone();
        async move {
            let serve = async {
                let (mut stream, _) = listener.accept().await.expect("client");
                let mut request = [0; 1024];
                let _ = stream.read(&mut request).await;
                let _ = stream.write_all(answer).await;
            };
            let (asked, ()) = tokio::join!(client.status(), serve);
            asked.expect_err("no status").to_string()
        }
    };
    // The first connection, which nobody answered, is still in the queue.
    let _ = listener.accept().await;
    let path = path.display();
    for (answer, error) in [
        (
            &b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"[..],
            format!("what listens on `{path}` has no self-check, as a stock agent"),
        ),
        (
            b"SSH-2.0-OpenSSH_9.2\r\n",
            format!(
                "what listens on `{path}` does not answer like a self-check: invalid HTTP version parsed"
            ),
        ),
        (
            b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}",
            format!("what listens on `{path}` does not answer like a self-check: missing field `schema`"),
        ),
        (
            b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 9\r\n\r\nnot \x1b[31m\n",
            format!("the self-check on `{path}` has no answer (HTTP 503): not \u{fffd}[31m"),
        ),
    ] {
        assert_eq!(answers(answer).await, error);
    }
}
