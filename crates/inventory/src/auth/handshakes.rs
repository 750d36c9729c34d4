//! Connections that have not said yet who they are. Strangers have no more than a few places, and whoever keeps one waiting loses it.

use std::collections::BTreeMap;
use std::io;
use std::net::IpAddr;
use std::net::Ipv6Addr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::task::Context;
use std::task::Poll;

use tokio::io::AsyncRead;
use tokio::io::AsyncWrite;
use tokio::io::ReadBuf;
use tokio::net::TcpStream;
use tokio::task::AbortHandle;
use tokio::time::Instant;

/// Where a connection comes from: an address, or the network that an end has whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Source(IpAddr);

impl From<IpAddr> for Source {
    fn from(address: IpAddr) -> Self {
        Self(match address.to_canonical() {
            IpAddr::V4(address) => address.into(),
            // Whoever has one address of such a network has all of them.
            IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & u128::MAX << 64).into(),
        })
    }
}

/// Since when a connection's other end is waited for; `None` while it is our turn.
#[derive(Debug, Clone, Default)]
pub(super) struct Waiting(Arc<Mutex<Option<Instant>>>);

impl Waiting {
    fn set(&self, since: Option<Instant>) {
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // It goes on from when it began.
        if waiting.is_none() || since.is_none() {
            *waiting = since;
        }
    }

    fn since(&self) -> Option<Instant> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The handshakes in progress, in the order in which they began.
#[derive(Debug, Default)]
pub(super) struct Handshakes {
    pending: BTreeMap<u64, Handshake>,
    next: u64,
}

#[derive(Debug)]
struct Handshake {
    source: Source,
    waiting: Waiting,
    task: AbortHandle,
}

/// Whether there is a place for one more.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Room {
    /// There is.
    Free,
    /// There is, now that another has lost its place.
    Made,
    /// There is none, and nobody is waited for: all of them get on.
    None,
}

impl Handshakes {
    /// The number of the next one.
    pub(super) fn number(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    pub(super) fn insert(&mut self, number: u64, source: Source, waiting: Waiting, task: AbortHandle) {
        self.pending.insert(number, Handshake { source, waiting, task });
    }

    pub(super) fn remove(&mut self, number: u64) {
        self.pending.remove(&number);
    }

    /// Makes room for one more of `source`, where at most `per_source` of it and `most` of all may be. Who has kept us waiting for longest has
    /// to go.
    pub(super) fn make_room(&mut self, source: Source, per_source: usize, most: usize) -> Room {
        let of_source = self.pending.values().filter(|handshake| handshake.source == source).count();
        if of_source >= per_source {
            self.drop_one(|handshake| handshake.source == source)
        } else if self.pending.len() >= most {
            self.drop_one(|_| true)
        } else {
            Room::Free
        }
    }

    /// Drops the one that has kept us waiting for longest.
    pub(super) fn drop_longest(&mut self) -> Room {
        self.drop_one(|_| true)
    }

    fn drop_one(&mut self, is_meant: impl Fn(&Handshake) -> bool) -> Room {
        let meant = self.pending.iter().filter(|(_, handshake)| is_meant(handshake));
        let waited = meant.filter_map(|(number, handshake)| Some((handshake.waiting.since()?, *number)));
        let Some((_, number)) = waited.min() else { return Room::None };
        if let Some(handshake) = self.pending.remove(&number) {
            handshake.task.abort();
        }
        Room::Made
    }
}

/// A connection that knows for how long its other end is waited for, until it is established.
#[derive(Debug)]
pub(super) struct Socket {
    tcp: TcpStream,
    waiting: Option<Waiting>,
}

impl Socket {
    /// Nothing has been heard of its other end.
    pub(super) fn new(tcp: TcpStream, waiting: Waiting) -> Self {
        waiting.set(Some(Instant::now()));
        Self { tcp, waiting: Some(waiting) }
    }

    /// What is written is sent at once.
    pub(super) fn set_nodelay(&self) -> io::Result<()> {
        self.tcp.set_nodelay(true)
    }

    /// It is established.
    pub(super) fn established(&mut self) {
        if let Some(waiting) = self.waiting.take() {
            waiting.set(None);
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
            waiting.set(read.is_pending().then(Instant::now));
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
    async fn who_keeps_us_waiting_for_longest_has_to_go() {
        let mut handshakes = Handshakes::default();
        let (a, b) = (source("192.0.2.1"), source("192.0.2.2"));
        let mut all = Vec::new();
        for (number, from) in [(1, a), (2, a), (3, b)] {
            let task = tokio::spawn(std::future::pending::<()>());
            let waiting = Waiting::default();
            handshakes.insert(number, from, waiting.clone(), task.abort_handle());
            all.push((waiting, task));
        }
        assert_eq!(handshakes.make_room(b, 2, 4), Room::Free);
        assert_eq!(handshakes.make_room(b, 2, 3), Room::None, "it is our turn with all of them");
        all[1].0.set(Some(Instant::now()));
        tokio::time::advance(std::time::Duration::from_millis(1)).await;
        all[0].0.set(Some(Instant::now()));
        all[2].0.set(Some(Instant::now()));
        assert_eq!(handshakes.make_room(b, 1, 9), Room::Made, "of its own source");
        assert_eq!(handshakes.make_room(a, 9, 2), Room::Made, "of all");
        let is_aborted: Vec<_> = futures_util::future::join_all(all.into_iter().map(|(_, task)| async {
            tokio::select! { biased; ended = task => ended.is_err(), () = tokio::task::yield_now() => false }
        }))
        .await;
        assert_eq!(is_aborted, [false, true, true]);
    }

    #[test]
    fn a_source_is_an_address_or_a_network_that_one_end_has_whole() {
        assert_eq!(source("2001:db8::1"), source("2001:db8::ffff:1"));
        assert_ne!(source("2001:db8:0:1::1"), source("2001:db8:0:2::1"));
        assert_eq!(source("::ffff:192.0.2.1"), source("192.0.2.1"));
        assert_ne!(source("192.0.2.1"), source("192.0.2.2"));
    }
}
