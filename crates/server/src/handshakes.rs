//! Connections that have not said yet who they are. Strangers have no more than a few places, and lose them to others.

use std::collections::BTreeMap;
use std::collections::HashMap;
use std::io;
use std::net::IpAddr;
use std::net::Ipv6Addr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;
use std::task::Context;
use std::task::Poll;
use std::time::Duration;

use tokio::io::AsyncRead;
use tokio::io::AsyncWrite;
use tokio::io::ReadBuf;
use tokio::net::TcpStream;
use tokio::task::AbortHandle;
use tokio::time::Instant;

/// Where a connection comes from: an address, or the network that an end has whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Source(IpAddr);

impl From<IpAddr> for Source {
    fn from(address: IpAddr) -> Self {
        Self(match address.to_canonical() {
            IpAddr::V4(address) => address.into(),
            // Whoever has one address of such a network has all of them.
            IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & u128::MAX << 64).into(),
        })
    }
}

/// How long a handshake may take in which both ends answer at once, from far away.
const ENOUGH: Duration = Duration::from_millis(500);

/// Whether a connection's other end is waited for.
#[derive(Debug, Clone, Default)]
pub(crate) struct Waiting(Arc<AtomicBool>);

impl Waiting {
    fn set(&self, is_others_turn: bool) {
        self.0.store(is_others_turn, Ordering::Relaxed);
    }

    fn is_others_turn(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// The handshakes in progress, in the order in which they began.
#[derive(Debug, Default)]
pub(crate) struct Handshakes {
    pending: BTreeMap<u64, Handshake>,
    next: u64,
}

#[derive(Debug)]
struct Handshake {
    source: Source,
    since: Instant,
    waiting: Waiting,
    task: AbortHandle,
}

/// Whether there is a place for one more.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Room {
    /// There is.
    Free,
    /// There is, now that another has lost its place.
    Made,
    /// There is none, and one of them is done soon: it is our turn.
    None,
    /// There is none, and all of them have only just come.
    Refused,
}

impl Handshakes {
    /// The number of the next one.
    pub(crate) fn number(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    pub(crate) fn insert(&mut self, number: u64, source: Source, waiting: Waiting, task: AbortHandle) {
        self.pending.insert(number, Handshake { source, since: Instant::now(), waiting, task });
    }

    pub(crate) fn remove(&mut self, number: u64) {
        self.pending.remove(&number);
    }

    /// Makes room for one more of `source`, where at most `per_source` of it and `most` of all may be.
    ///
    /// Of those whose other end is waited for, the eldest of the source that has the most has to go: a little now and then keeps
    /// no place. A source that has the most itself takes places of its own alone, and only of those that have had time enough, so
    /// that of many agents behind one address who come at once, those who came first get on.
    pub(crate) fn make_room(&mut self, source: Source, per_source: usize, most: usize) -> Room {
        let of_source = self.pending.values().filter(|handshake| handshake.source == source).count();
        if of_source < per_source && self.pending.len() < most {
            return Room::Free;
        }
        let largest = self.largest().filter(|_| of_source < per_source).unwrap_or(source);
        if largest != source {
            return if self.drop_one_of(largest, Duration::ZERO) { Room::Made } else { Room::None };
        }
        if self.drop_one_of(source, ENOUGH) {
            return Room::Made;
        }
        let of_source = |handshake: &&Handshake| handshake.source == source;
        let is_our_turn =
            self.pending.values().filter(of_source).any(|handshake| !handshake.waiting.is_others_turn());
        if is_our_turn { Room::None } else { Room::Refused }
    }

    /// Drops one of the source that has the most.
    pub(crate) fn drop_one(&mut self) {
        if let Some(source) = self.largest() {
            self.drop_one_of(source, Duration::ZERO);
        }
    }

    /// The source that has the most.
    fn largest(&self) -> Option<Source> {
        let mut sources = HashMap::new();
        for handshake in self.pending.values() {
            *sources.entry(handshake.source).or_insert(0) += 1;
        }
        sources.into_iter().max_by_key(|(_, handshakes)| *handshakes).map(|(source, _)| source)
    }

    /// Drops the eldest of a source whose other end is waited for, if it is so old.
    fn drop_one_of(&mut self, source: Source, age: Duration) -> bool {
        let is_meant = |handshake: &Handshake| {
            handshake.source == source
                && handshake.waiting.is_others_turn()
                && handshake.since.elapsed() >= age
        };
        let eldest =
            self.pending.iter().find(|(_, handshake)| is_meant(handshake)).map(|(number, _)| *number);
        let Some(handshake) = eldest.and_then(|number| self.pending.remove(&number)) else { return false };
        handshake.task.abort();
        true
    }
}

/// A connection that tells whether its other end is waited for, until it is established.
#[derive(Debug)]
pub(crate) struct Socket {
    tcp: TcpStream,
    waiting: Option<Waiting>,
}

impl Socket {
    /// Nothing has been heard of its other end.
    pub(crate) fn new(tcp: TcpStream, waiting: Waiting) -> Self {
        waiting.set(true);
        Self { tcp, waiting: Some(waiting) }
    }

    /// What is written is sent at once.
    pub(crate) fn set_nodelay(&self) -> io::Result<()> {
        self.tcp.set_nodelay(true)
    }

    /// It is established.
    pub(crate) fn established(&mut self) {
        if let Some(waiting) = self.waiting.take() {
            waiting.set(false);
        }
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let read = Pin::new(&mut self.tcp).poll_read(context, buffer);
        if let Some(waiting) = &self.waiting {
            waiting.set(read.is_pending());
        }
        read
    }
}

impl AsyncWrite for Socket {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.tcp).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.tcp).poll_write_vectored(context, parts)
    }

    fn is_write_vectored(&self) -> bool {
        self.tcp.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(address: &str) -> Source {
        address.parse::<IpAddr>().expect("an address").into()
    }

    #[tokio::test(start_paused = true)]
    async fn the_eldest_of_the_source_that_has_the_most_has_to_go() {
        let mut handshakes = Handshakes::default();
        let (a, b) = (source("192.0.2.1"), source("192.0.2.2"));
        let mut all = Vec::new();
        for (number, from) in [(1, b), (2, a), (3, a), (4, a)] {
            let task = tokio::spawn(std::future::pending::<()>());
            let waiting = Waiting::default();
            handshakes.insert(number, from, waiting.clone(), task.abort_handle());
            all.push((waiting, task));
        }
        assert_eq!(handshakes.make_room(b, 2, 5), Room::Free);
        assert_eq!(handshakes.make_room(b, 2, 4), Room::None, "it is our turn with all of them");
        for (waiting, _) in &all[..3] {
            waiting.set(true);
        }
        assert_eq!(handshakes.make_room(b, 2, 4), Room::Made, "of the source that has the most");
        assert_eq!(handshakes.make_room(a, 2, 9), Room::None, "it is our turn with one of its own");
        all[3].0.set(true);
        assert_eq!(handshakes.make_room(a, 2, 9), Room::Refused, "its own have only just come");
        tokio::time::advance(ENOUGH).await;
        assert_eq!(handshakes.make_room(a, 2, 9), Room::Made, "its own have had their time");
        assert_eq!(handshakes.make_room(a, 2, 9), Room::Free);
        let is_aborted: Vec<_> = futures_util::future::join_all(all.into_iter().map(|(_, task)| async {
            tokio::select! { biased; ended = task => ended.is_err(), () = tokio::task::yield_now() => false }
        }))
        .await;
        assert_eq!(is_aborted, [false, true, true, false]);
    }

    #[test]
    fn a_source_is_an_address_or_a_network_that_one_end_has_whole() {
        assert_eq!(source("2001:db8::1"), source("2001:db8::ffff:1"));
        assert_ne!(source("2001:db8:0:1::1"), source("2001:db8:0:2::1"));
        assert_eq!(source("::ffff:192.0.2.1"), source("192.0.2.1"));
        assert_ne!(source("192.0.2.1"), source("192.0.2.2"));
    }
}
