//! A connection whose other end has proven who it is. It ends when its time is over, and when nothing gets on any more.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::Context;
use std::task::Poll;
use std::time::Duration;

use jiff::Timestamp;
use selfcheck_fleet::Outcome;
use tokio::io::AsyncRead;
use tokio::io::AsyncWrite;
use tokio::io::ReadBuf;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::Instant;
use tokio::time::Sleep;
use tokio_rustls::server::TlsStream;
use tonic::transport::server::Connected;

use crate::Caller;
use crate::accounts::Holding;
use crate::handshakes::Socket;
use crate::shared::Now;

/// How long a connection may stay on which nothing was ever asked for.
const UNUSED_TIME: Duration = Duration::from_secs(60);
/// After how many things read it is looked whether its time is over, where there is always something to read.
const LOOK_AFTER: u8 = 16;
/// How often the wall clock is looked at for the end of a certificate, at least: it may be set.
const LOOK: Duration = Duration::from_secs(3600);

/// A connection whose other end has proven who it is.
#[derive(Debug)]
pub struct Connection {
    stream: TlsStream<Socket>,
    caller: Caller,
    guard: Guard,
    /// How often something was read.
    reads: u8,
    _place: Place,
}

/// A connection's place among all, and among those of its identity.
#[derive(Debug)]
pub(crate) struct Place {
    pub(crate) _of_all: OwnedSemaphorePermit,
    pub(crate) _of_identity: Holding,
}

/// Ends a connection whose time is over.
#[derive(Debug)]
pub(crate) struct Guard {
    /// How long it may stay without anything that was asked for getting on; `None` where others than the inventory are asked.
    idle: Option<Duration>,
    /// Until when its certificate counts.
    expires: Timestamp,
    clock: Now,
    timer: Pin<Box<Sleep>>,
}

impl Guard {
    pub(crate) fn new(idle: Option<Duration>, expires: Timestamp, clock: Now) -> Self {
        let mut guard = Self { idle, expires, clock, timer: Box::pin(tokio::time::sleep(Duration::ZERO)) };
        let first = idle.map_or(LOOK, |idle| UNUSED_TIME.min(idle));
        let next = guard.left().map_or(Duration::ZERO, |left| left.min(first));
        guard.timer.as_mut().reset(Instant::now() + next);
        guard
    }

    /// How long its certificate counts, if it still does.
    fn left(&self) -> Option<Duration> {
        Duration::try_from(self.expires.duration_since((self.clock)())).ok().filter(|left| !left.is_zero())
    }

    /// When it is to be looked at next; an error if it is to end.
    fn next(&self, caller: &Caller) -> Result<Duration, Outcome> {
        let left = self.left().ok_or(Outcome::Expired)?;
        let Some(idle) = self.idle else { return Ok(left.min(LOOK)) };
        let permitted = if caller.was_active() { idle } else { UNUSED_TIME.min(idle) };
        let rest = permitted.saturating_sub(caller.idle());
        if rest.is_zero() { Err(Outcome::Silent) } else { Ok(rest.min(left).min(LOOK)) }
    }
}

impl Connected for Connection {
    type ConnectInfo = Caller;

    fn connect_info(&self) -> Caller {
        self.caller.clone()
    }
}

impl Connection {
    pub(crate) fn new(stream: TlsStream<Socket>, caller: Caller, guard: Guard, place: Place) -> Self {
        Self { stream, caller, guard, reads: 0, _place: place }
    }

    /// One who takes nothing that is sent keeps its streams from being looked after, and so from noticing. Nor is it read.
    fn unless_blocked<T>(
        &mut self,
        done: Poll<io::Result<T>>,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<T>> {
        if done.is_pending() {
            self.caller.wakes(context.waker());
            self.must_be_alive(context)?;
        }
        done
    }

    /// An error where its time is over.
    fn must_be_alive(&mut self, context: &mut Context<'_>) -> io::Result<()> {
        let Self { caller, guard, .. } = self;
        while caller.ended().is_none() && guard.timer.as_mut().poll(context).is_ready() {
            match guard.next(caller) {
                Ok(rest) => guard.timer.as_mut().reset(Instant::now() + rest),
                Err(why) => caller.end(why),
            }
        }
        match caller.ended() {
            None => Ok(()),
            Some(why) => Err(io::Error::new(io::ErrorKind::TimedOut, why.word())),
        }
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let read = Pin::new(&mut self.stream).poll_read(context, buffer);
        self.reads = self.reads.wrapping_add(1);
        if read.is_pending() {
            // It is always being read, so that is who has to be woken.
            self.caller.wakes(context.waker());
            self.must_be_alive(context)?;
        } else if self.reads.is_multiple_of(LOOK_AFTER) {
            self.must_be_alive(context)?; // where there is always something to read
        }
        read
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.unless_blocked(written, context)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(context);
        self.unless_blocked(flushed, context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
