//! Connections of agents: mutual TLS, bounded in number and in the time they take to come about.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use futures_util::Stream;
use futures_util::stream;
use selfcheck_core::Text;
use selfcheck_core::policy::Denied;
use selfcheck_fleet::Outcome;
use selfcheck_protocol::IdentityFile;
use tokio::net::TcpListener;
use tokio::sync::OwnedSemaphorePermit;
use tokio::sync::Semaphore;
use tokio::sync::mpsc;
use tokio::task::JoinError;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::server::TlsStream;

use crate::Limits;
use crate::TlsError;
use crate::accounts::Accounts;
use crate::accounts::Held;
use crate::accounts::Rated;
use crate::connection::Connection;
use crate::connection::Guard;
use crate::connection::Place;
use crate::handshakes::Handshakes;
use crate::handshakes::Room;
use crate::handshakes::Socket;
use crate::handshakes::Source;
use crate::handshakes::Waiting;
use crate::peer;
use crate::peer::Peer;
use crate::shared::Now;
use crate::tally::Tally;
use crate::tls::Trust;

/// How long no connection is taken after one could not be, as where the process has no descriptors left.
const PAUSE: Duration = Duration::from_millis(100);
/// How soon it is looked again whether somebody is waited for, where all handshakes get on.
const TURN: Duration = Duration::from_millis(10);
/// How many established connections wait to be taken.
const WAITING: usize = 64;

/// Listens for agents.
pub struct Listener {
    tcp: TcpListener,
    trust: Arc<Trust>,
    cluster: Text,
    clock: Now,
    gate: Gate,
}

/// Who is let in. What is changed here holds for the connections that a [`Listener`] has already, too.
#[derive(Debug, Clone, Default)]
pub struct Gate(Arc<Accounts>);

impl Gate {
    /// Denies these from now on, and nobody else. Their connections end.
    pub fn deny(&self, denied: Denied) {
        self.0.deny(denied);
    }
}

/// What all handshakes of a listener have in common.
struct Entrance {
    trust: Arc<Trust>,
    cluster: Text,
    clock: Now,
    gate: Gate,
    limits: Limits,
    /// How long a connection may be without anything getting on; `None` where others than the inventory are asked.
    idle: Option<Duration>,
    all: Arc<Semaphore>,
    tally: Arc<Tally>,
    sender: mpsc::Sender<Connection>,
}

impl fmt::Debug for Listener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Listener").field("tcp", &self.tcp).finish_non_exhaustive()
    }
}

impl Listener {
    /// Listens on `tcp` as the auth server `identity`. `clock` tells the wall-clock time, by which certificates end.
    ///
    /// # Errors
    ///
    /// Where TLS does not take the identity's key or certificate.
    pub fn new(
        tcp: TcpListener,
        identity: &IdentityFile,
        clock: fn() -> jiff::Timestamp,
    ) -> Result<Self, TlsError> {
        Self::trusting(tcp, identity, &[], clock)
    }

    /// The same for an auth server whose users have authorities of their own: who is signed by one of `users` is no host,
    /// whatever its certificate says, and [`Caller::signer`](super::Caller::signer) tells them apart.
    ///
    /// # Errors
    ///
    /// Where TLS does not take the identity or one of the authorities.
    pub fn trusting(
        tcp: TcpListener,
        identity: &IdentityFile,
        users: &[CertificateDer<'static>],
        clock: fn() -> jiff::Timestamp,
    ) -> Result<Self, TlsError> {
        let trust = Arc::new(Trust::new(identity, users)?);
        Ok(Self { tcp, trust, cluster: identity.cluster.clone(), clock, gate: Gate::default() })
    }

    /// Where it listens.
    ///
    /// # Errors
    ///
    /// What the system says of its socket.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.tcp.local_addr()
    }

    /// Who is let in.
    pub fn gate(&self) -> Gate {
        self.gate.clone()
    }

    /// The connections, for an auth server that serves more than the inventory, until what is returned is dropped. What such a server
    /// does on them is not seen here, so none is ended for want of it.
    pub fn incoming(self, limits: &Limits) -> impl Stream<Item = io::Result<Connection>> + use<> {
        self.accepted(limits, None, Arc::default())
    }

    /// The connections of an auth server that serves nothing but the inventory. Those that did not come about are counted; those
    /// on which nothing gets on end.
    pub(crate) fn connections(
        self,
        limits: &Limits,
        tally: Arc<Tally>,
    ) -> impl Stream<Item = io::Result<Connection>> + use<> {
        self.accepted(limits, Some(Limits::silence_for(limits.beat.1)), tally)
    }

    fn accepted(
        self,
        limits: &Limits,
        idle: Option<Duration>,
        tally: Arc<Tally>,
    ) -> impl Stream<Item = io::Result<Connection>> + use<> {
        let (sender, receiver) = mpsc::channel(WAITING);
        let entrance = Entrance {
            trust: self.trust,
            cluster: self.cluster,
            clock: self.clock,
            gate: self.gate,
            limits: *limits,
            idle,
            all: Arc::new(Semaphore::new(limits.connections.min(Semaphore::MAX_PERMITS))),
            tally,
            sender,
        };
        // Polled with what it feeds, so that it ends with it.
        let accepting = Box::pin(accept(self.tcp, Arc::new(entrance)));
        stream::unfold((receiver, accepting), |(mut receiver, mut accepting)| async move {
            let connection = tokio::select! {
                Some(connection) = receiver.recv() => connection,
                () = &mut accepting => return None,
            };
            Some((Ok(connection), (receiver, accepting)))
        })
    }
}

/// Takes connections for ever.
async fn accept(tcp: TcpListener, entrance: Arc<Entrance>) {
    let mut tasks = JoinSet::new();
    let mut handshakes = Handshakes::default();
    loop {
        let (socket, address) = tokio::select! {
            taken = tcp.accept() => match taken {
                Ok(taken) => taken,
                Err(error) => {
                    entrance.tally.refuse(Outcome::Exhausted, &"somebody", &error.to_string());
                    // One of those who say nothing may have to make room for others, where it is descriptors that are missing.
                    handshakes.drop_one();
                    tokio::time::sleep(PAUSE).await;
                    continue;
                }
            },
            Some(ended) = tasks.join_next() => {
                done(&mut handshakes, &ended);
                continue;
            }
        };
        let source = Source::from(address.ip());
        if !has_room(source, &mut handshakes, &mut tasks, &entrance).await {
            entrance.tally.refuse(
                Outcome::Crowded,
                &address,
                "too many handshakes from there have only just begun",
            );
            continue;
        }
        let (number, waiting) = (handshakes.number(), Waiting::default());
        let socket = Socket::new(socket, waiting.clone());
        let task = tasks.spawn(enter(Arc::clone(&entrance), socket, address, number));
        handshakes.insert(number, source, waiting, task);
    }
}

/// Whether there is room for one more of `source`, for which others may have to go.
async fn has_room(
    source: Source,
    handshakes: &mut Handshakes,
    tasks: &mut JoinSet<u64>,
    entrance: &Entrance,
) -> bool {
    let limits = &entrance.limits;
    loop {
        while let Some(ended) = tasks.try_join_next() {
            done(handshakes, &ended);
        }
        match handshakes.make_room(source, limits.handshakes_per_source, limits.handshakes) {
            Room::Free => return true,
            Room::Made => entrance.tally.count(Outcome::Handshake),
            Room::None => {
                if let Ok(Some(ended)) = timeout(TURN, tasks.join_next()).await {
                    done(handshakes, &ended);
                }
            }
            Room::Refused => return false,
        }
    }
}

/// A handshake is over, one way or another.
fn done(handshakes: &mut Handshakes, ended: &Result<u64, JoinError>) {
    // One that was dropped has no place any more.
    if let Ok(number) = ended {
        handshakes.remove(*number);
    }
}

/// Lets a connection in, if its other end proves who it is. Its own number, for when it is over.
async fn enter(entrance: Arc<Entrance>, socket: Socket, address: SocketAddr, number: u64) -> u64 {
    match Arc::clone(&entrance.all).try_acquire_owned() {
        Ok(place) => {
            if let Some(connection) = establish(&entrance, socket, address, place).await {
                let _ = entrance.sender.send(connection).await; // the server may have ended
            }
        }
        Err(_) => entrance.tally.refuse(Outcome::Crowded, &address, "there are too many connections"),
    }
    number
}

async fn establish(
    entrance: &Entrance,
    socket: Socket,
    address: SocketAddr,
    place: OwnedSemaphorePermit,
) -> Option<Connection> {
    let acceptor = TlsAcceptor::from(Arc::clone(&entrance.trust.config));
    let handshake = handshake(&acceptor, &entrance.trust, socket);
    let refused = match timeout(entrance.limits.handshake_time, handshake).await {
        Ok(Ok(known)) => match admit(entrance, known, address, place) {
            Ok(connection) => return Some(connection),
            Err(refused) => refused,
        },
        Ok(Err(error)) => {
            tracing::debug!(%error, %address, "a connection did not come about");
            entrance.tally.count(Outcome::Handshake);
            return None;
        }
        Err(_) => (Outcome::Handshake, "it takes too long"),
    };
    let (outcome, why) = refused;
    entrance.tally.refuse(outcome, &address, why);
    None
}

/// Takes an established connection, if its other end may have one.
fn admit(
    entrance: &Entrance,
    (mut stream, peer): (TlsStream<Socket>, Peer),
    address: SocketAddr,
    of_all: OwnedSemaphorePermit,
) -> Result<Connection, (Outcome, &'static str)> {
    let Entrance { cluster, clock, gate, limits, idle, .. } = entrance;
    stream.get_mut().0.established();
    if peer.is_of_another_cluster(cluster) {
        return Err((Outcome::Denied, "it is a host of another cluster"));
    }
    let account = gate.0.of(peer.key());
    if !account.take(Rated::Connections, limits.connects) {
        return Err((Outcome::Crowded, "it connects too often"));
    }
    let of_identity = account.hold(Held::Connections, 1, limits.connections_per_host);
    let of_identity = of_identity.ok_or((Outcome::Crowded, "it has too many connections"))?;
    let expires = peer.expires;
    let caller = peer.caller(address, Arc::clone(&account));
    if !gate.0.admit(&account, caller.known()) {
        return Err((Outcome::Revoked, "the policy denies it"));
    }
    let guard = Guard::new(*idle, expires, *clock);
    let place = Place { _of_all: of_all, _of_identity: of_identity };
    Ok(Connection::new(stream, caller, guard, place))
}

async fn handshake(
    acceptor: &TlsAcceptor,
    trust: &Trust,
    socket: Socket,
) -> io::Result<(TlsStream<Socket>, Peer)> {
    socket.set_nodelay()?;
    let stream = acceptor.accept(socket).await?;
    let certificates = stream.get_ref().1.peer_certificates().unwrap_or_default();
    let peer = peer::read(certificates, trust).map_err(io::Error::other)?;
    Ok((stream, peer))
}
