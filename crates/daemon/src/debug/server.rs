//! Serving a debug service, with bounds on every client.

use std::convert::Infallible;
use std::future::Future;
use std::future::poll_fn;
use std::io;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;
use std::task::Context;
use std::task::Poll;
use std::time::Duration;

use hyper::Request;
use hyper::Response;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use hyper_util::rt::TokioTimer;
use tokio::io::AsyncRead;
use tokio::io::AsyncWrite;
use tokio::task::AbortHandle;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio::time::timeout;
use tokio::time::timeout_at;
use tokio_io_timeout::TimeoutStream;

use super::answer::DebugBody;
use super::service::DebugService;
use super::socket::DebugSocket;

/// How many clients are served at a time. Of more, the one that has said nothing for longest has to go; where all are being
/// answered, they wait.
const CLIENTS: usize = 64;
/// How long a client may take to say what it wants.
const REQUEST_TIME: Duration = Duration::from_secs(5);
/// How long a client may say nothing while others wait.
const SILENCE: Duration = Duration::from_millis(250);
/// How long a client may leave unread what it was sent.
const READ_TIME: Duration = Duration::from_secs(10);
/// The most bytes of a request's head, and of an answer that are kept for a client that reads slowly.
const BUFFER: usize = 16 << 10;
/// How long those who are being answered are waited for in the end.
const LAST_WORDS: Duration = Duration::from_secs(1);
/// How long to wait where no more descriptors are to be had.
const EXHAUSTED: Duration = Duration::from_millis(100);

impl DebugSocket {
    /// Serves until the self-check has ended, and those who were being answered have been; or until it is dropped.
    pub async fn serve(&self, service: DebugService) {
        let asked = service.clone();
        let respond = move |request| {
            let service = asked.clone();
            async move { service.respond(&request).await }
        };
        serve_clients(|context| self.poll_accept(context), respond, service.ended()).await;
    }
}

/// Answers those that `accept` brings over HTTP/1.1 until `end`, and those who are being answered then for a moment longer. Only so many are served
/// at a time, and each has only so long to ask and to read.
pub async fn serve_clients<S, A>(
    accept: impl Fn(&mut Context<'_>) -> Poll<io::Result<S>>,
    respond: impl Fn(Request<Incoming>) -> A + Clone + Send + Sync + 'static,
    end: impl Future<Output = ()>,
) where
    S: AsyncRead + AsyncWrite + Send + 'static,
    A: Future<Output = Response<DebugBody>> + Send + 'static,
{
    let mut clients = JoinSet::new();
    tokio::select! {
        () = accept_all(accept, respond, &mut clients) => {}
        () = end => {}
    }
    let _ = timeout(LAST_WORDS, async { while clients.join_next().await.is_some() {} }).await;
}

async fn accept_all<S, A>(
    accept: impl Fn(&mut Context<'_>) -> Poll<io::Result<S>>,
    respond: impl Fn(Request<Incoming>) -> A + Clone + Send + Sync + 'static,
    clients: &mut JoinSet<()>,
) where
    S: AsyncRead + AsyncWrite + Send + 'static,
    A: Future<Output = Response<DebugBody>> + Send + 'static,
{
    let mut served = Vec::<Client>::new();
    loop {
        let stream = match poll_fn(&accept).await {
            Ok(stream) => stream,
            Err(error) => {
                tracing::warn!(%error, "a client could not be accepted");
                tokio::time::sleep(EXHAUSTED).await;
                continue;
            }
        };
        while clients.try_join_next().is_some() {} // reaps those who have gone
        served.retain(|client| !client.task.is_finished());
        while served.len() >= CLIENTS {
            // Who says nothing keeps nobody waiting for long.
            match served.iter().position(|client| !client.has_asked.load(Ordering::Relaxed)) {
                Some(silent) if served[silent].since.elapsed() >= SILENCE => {
                    served.remove(silent).task.abort();
                }
                Some(silent) => _ = timeout_at(served[silent].since + SILENCE, clients.join_next()).await,
                None => _ = clients.join_next().await,
            }
            served.retain(|client| !client.task.is_finished());
        }
        let (respond, has_asked) = (respond.clone(), Arc::new(AtomicBool::new(false)));
        let asked = Arc::clone(&has_asked);
        let respond = move |request| {
            asked.store(true, Ordering::Relaxed);
            respond(request)
        };
        let task = clients.spawn(serve_one(stream, respond));
        served.push(Client { task, has_asked, since: Instant::now() });
    }
}

/// One who is being served.
struct Client {
    task: AbortHandle,
    /// Whether its request is there.
    has_asked: Arc<AtomicBool>,
    /// Since when it is connected.
    since: Instant,
}

async fn serve_one<S, A>(stream: S, respond: impl Fn(Request<Incoming>) -> A)
where
    S: AsyncRead + AsyncWrite,
    A: Future<Output = Response<DebugBody>>,
{
    let mut stream = TimeoutStream::new(stream);
    stream.set_write_timeout(Some(READ_TIME));
    let service = service_fn(|request| {
        let answer = respond(request);
        async move { Ok::<_, Infallible>(answer.await) }
    });
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(REQUEST_TIME)
        .keep_alive(false)
        .max_buf_size(BUFFER)
        .serve_connection(TokioIo::new(Box::pin(stream)), service)
        .await;
    if let Err(error) = served {
        tracing::debug!(%error, "a client was dropped");
    }
}
