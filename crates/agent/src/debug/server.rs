//! Serving the debug service on its socket, with bounds on every client.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use hyper_util::rt::TokioTimer;
use tokio::net::UnixStream;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_io_timeout::TimeoutStream;

use super::service::DebugService;
use super::socket::DebugSocket;

/// How many clients are served at a time; more wait until one has gone.
const CLIENTS: usize = 64;
/// How long a client may take to say what it wants.
const REQUEST_TIME: Duration = Duration::from_secs(5);
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
        let places = Arc::new(Semaphore::new(CLIENTS));
        let mut clients = JoinSet::new();
        tokio::select! {
            () = self.accept_all(&service, &places, &mut clients) => {}
            () = service.ended() => {}
        }
        let _ = timeout(LAST_WORDS, async { while clients.join_next().await.is_some() {} }).await;
    }

    async fn accept_all(&self, service: &DebugService, places: &Arc<Semaphore>, clients: &mut JoinSet<()>) {
        loop {
            while clients.try_join_next().is_some() {} // reaps those who have gone
            let Ok(place) = Arc::clone(places).acquire_owned().await else { return };
            match self.accept().await {
                Ok(stream) => {
                    let service = service.clone();
                    clients.spawn(async move {
                        serve_one(stream, service).await;
                        drop(place);
                    });
                }
                Err(error) => {
                    tracing::warn!(%error, "a client of the debug socket could not be accepted");
                    tokio::time::sleep(EXHAUSTED).await;
                }
            }
        }
    }
}

async fn serve_one(stream: UnixStream, service: DebugService) {
    let mut stream = TimeoutStream::new(stream);
    stream.set_write_timeout(Some(READ_TIME));
    let service = service_fn(move |request| {
        let service = service.clone();
        async move { Ok::<_, Infallible>(service.respond(&request).await) }
    });
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(REQUEST_TIME)
        .keep_alive(false)
        .max_buf_size(BUFFER)
        .serve_connection(TokioIo::new(Box::pin(stream)), service)
        .await;
    if let Err(error) = served {
        tracing::debug!(%error, "a client of the debug socket was dropped");
    }
}
