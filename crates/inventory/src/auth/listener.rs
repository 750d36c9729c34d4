//! Connections of agents: mutual TLS, bounded in number and in the time they take to come about.

use std::fmt;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Context;
use std::task::Poll;
use std::time::Duration;

use futures_util::Stream;
use futures_util::stream;
use selfcheck_core::Text;
use tokio::io::AsyncRead;
use tokio::io::AsyncWrite;
use tokio::io::ReadBuf;
use tokio::net::TcpListener;
use tokio::net::TcpStream;
use tokio::sync::OwnedSemaphorePermit;
use tokio::sync::Semaphore;
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio::time::Sleep;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tonic::transport::server::Connected;

use crate::HostIdentity;
use crate::IdentityFile;
use crate::TlsError;

use super::Caller;
use super::Limits;
use super::Outcome;
use super::hosts::Hosts;
use super::hosts::Share;

/// How long no connection is taken after one could not be, as where the process has no descriptors left.
const PAUSE: Duration = Duration::from_millis(100);
/// How long a connection may stay on which nothing was ever asked for.
const UNUSED_TIME: Duration = Duration::from_secs(60);
/// How many established connections wait to be taken.
const WAITING: usize = 64;

/// Listens for agents.
pub struct Listener {
    tcp: TcpListener,
    tls: TlsAcceptor,
}

/// A connection whose other end has proven who it is.
#[derive(Debug)]
pub struct Connection {
    stream: TlsStream<TcpStream>,
    caller: Caller,
    guard: Option<Guard>,
    _place: Place,
}

/// A connection's place among all, and among those of its host.
#[derive(Debug)]
struct Place {
    _of_all: OwnedSemaphorePermit,
    _of_host: Share,
}

/// How many connections there may be.
#[derive(Debug, Clone)]
struct Places {
    all: Arc<Semaphore>,
    hosts: Arc<Hosts>,
    per_host: usize,
}

/// Ends a connection on which nothing that was asked for gets on.
#[derive(Debug)]
struct Guard {
    idle: Duration,
    timer: Pin<Box<Sleep>>,
}

/// How long something may take.
#[derive(Debug, Clone, Copy)]
struct Times {
    handshake: Duration,
    /// Without anything that was asked for getting on; `None` where others than the inventory are asked.
    idle: Option<Duration>,
}

impl fmt::Debug for Listener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Listener").field("tcp", &self.tcp).finish_non_exhaustive()
    }
}

/// Told of connections that did not come about.
pub(super) trait Tally: Send + Sync + 'static {
    fn count(&self, outcome: Outcome);
}

/// Nobody is told.
impl Tally for () {
    fn count(&self, _: Outcome) {}
}

impl Listener {
    /// Listens on `tcp` as the auth server `identity`.
    pub fn new(tcp: TcpListener, identity: &IdentityFile) -> Result<Self, TlsError> {
        Ok(Self { tcp, tls: TlsAcceptor::from(Arc::new(super::tls::config(identity)?)) })
    }

    /// Where it listens.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.tcp.local_addr()
    }

    /// The connections, for an auth server that serves more than the inventory, until what is returned is dropped. What such a server
    /// does on them is not seen here, so none is ended for want of it.
    pub fn incoming(self, limits: &Limits) -> impl Stream<Item = io::Result<Connection>> + use<> {
        self.accepted(limits, None, Arc::new(()))
    }

    /// The connections of an auth server that serves nothing but the inventory. Those that did not come about are told; those on
    /// which nothing gets on end.
    pub(super) fn connections<T: Tally>(
        self,
        limits: &Limits,
        tally: Arc<T>,
    ) -> impl Stream<Item = io::Result<Connection>> + use<T> {
        self.accepted(limits, Some(Limits::silence_for(limits.beat.1)), tally)
    }

    fn accepted<T: Tally>(
        self,
        limits: &Limits,
        idle: Option<Duration>,
        tally: Arc<T>,
    ) -> impl Stream<Item = io::Result<Connection>> + use<T> {
        let (sender, receiver) = mpsc::channel(WAITING);
        let places = Places {
            all: Arc::new(Semaphore::new(limits.connections.min(Semaphore::MAX_PERMITS))),
            hosts: Arc::default(),
            per_host: limits.connections_per_host,
        };
        let handshakes = Arc::new(Semaphore::new(limits.handshakes.min(Semaphore::MAX_PERMITS)));
        let times = Times { handshake: limits.handshake_time, idle };
        let accepting = self.accept(places, handshakes, times, sender, tally);
        // Polled with what it feeds, so that it ends with it.
        let accepting = Box::pin(accepting);
        stream::unfold((receiver, accepting), |(mut receiver, mut accepting)| async move {
            let connection = tokio::select! {
                Some(connection) = receiver.recv() => connection,
                () = &mut accepting => return None,
            };
            Some((Ok(connection), (receiver, accepting)))
        })
    }

    async fn accept(
        self,
        places: Places,
        handshakes: Arc<Semaphore>,
        times: Times,
        sender: mpsc::Sender<Connection>,
        tally: Arc<impl Tally>,
    ) {
        let mut tasks = tokio::task::JoinSet::new();
        loop {
            while tasks.try_join_next().is_some() {}
            let Ok(turn) = Arc::clone(&handshakes).acquire_owned().await else { return };
            let tcp = match self.tcp.accept().await {
                Ok((tcp, _)) => tcp,
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be taken");
                    tokio::time::sleep(PAUSE).await;
                    continue;
                }
            };
            let Ok(of_all) = Arc::clone(&places.all).try_acquire_owned() else {
                tally.count(Outcome::Crowded);
                continue;
            };
            let (tls, sender, tally) = (self.tls.clone(), sender.clone(), Arc::clone(&tally));
            let places = places.clone();
            tasks.spawn(async move {
                let (stream, caller, host) = match timeout(times.handshake, handshake(&tls, tcp)).await {
                    Ok(Ok(known)) => known,
                    Ok(Err(error)) => {
                        tracing::debug!(%error, "a connection did not come about");
                        return tally.count(Outcome::Handshake);
                    }
                    Err(_) => return tally.count(Outcome::Handshake),
                };
                drop(turn);
                let Some(of_host) = places.hosts.enter(host, places.per_host) else {
                    return tally.count(Outcome::Crowded);
                };
                let guard = times.idle.map(Guard::new);
                let place = Place { _of_all: of_all, _of_host: of_host };
                // The server may have ended.
                let _ = sender.send(Connection { stream, caller, guard, _place: place }).await;
            });
        }
    }
}

async fn handshake(tls: &TlsAcceptor, tcp: TcpStream) -> io::Result<(TlsStream<TcpStream>, Caller, Text)> {
    tcp.set_nodelay(true)?;
    let stream = tls.accept(tcp).await?;
    let certificates = stream.get_ref().1.peer_certificates();
    let certificate = certificates.and_then(<[_]>::first);
    let certificate = certificate.ok_or_else(|| io::Error::other("no client certificate"))?;
    let caller = Caller::new(HostIdentity::from_der(certificate));
    let host = Hosts::key(caller.host_id(), certificate);
    Ok((stream, caller, host))
}

impl Guard {
    fn new(idle: Duration) -> Self {
        Self { idle, timer: Box::pin(tokio::time::sleep(UNUSED_TIME.min(idle))) }
    }
}

impl Connected for Connection {
    type ConnectInfo = Caller;

    fn connect_info(&self) -> Caller {
        self.caller.clone()
    }
}

impl Connection {
    /// One who takes nothing that is sent keeps its streams from being looked after, and so from noticing.
    fn must_be_alive(&mut self, context: &mut Context<'_>) -> io::Result<()> {
        let Some(Guard { idle, timer }) = &mut self.guard else { return Ok(()) };
        while timer.as_mut().poll(context).is_ready() {
            let permitted = if self.caller.was_active() { *idle } else { UNUSED_TIME.min(*idle) };
            let rest = permitted.saturating_sub(self.caller.idle());
            if rest.is_zero() {
                return Err(io::ErrorKind::TimedOut.into());
            }
            timer.as_mut().reset(Instant::now() + rest);
        }
        Ok(())
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.must_be_alive(context)?;
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.must_be_alive(context)?;
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.must_be_alive(context)?;
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
