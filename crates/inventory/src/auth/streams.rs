//! The open streams, by agent: to bound them, and to reach one from a request.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;

use futures_util::task::AtomicWaker;
use selfcheck_core::Text;
use tokio::sync::oneshot;

use super::StreamId;

/// How many pings of one stream may be asked for at a time.
const PINGS: usize = 4;

/// The open streams, by agent.
#[derive(Debug, Default)]
pub(super) struct Streams {
    by_agent: Mutex<HashMap<Text, Vec<Arc<Stream>>>>,
    next: AtomicU64,
    has_ended: AtomicBool,
}

/// What is asked of an open stream from elsewhere.
#[derive(Debug)]
pub(super) struct Stream {
    pub(super) id: StreamId,
    pub(super) waker: AtomicWaker,
    pings: Mutex<Pings>,
}

/// Pings that somebody waits for.
#[derive(Debug, Default)]
struct Pings {
    /// To be sent.
    asked: Vec<u64>,
    /// Sent or to be sent, and who waits for the answer.
    open: Vec<(u64, oneshot::Sender<()>)>,
}

impl Streams {
    /// A new stream of `agent`; `None` if it has as many as it may.
    pub(super) fn open(&self, agent: &Text, most: usize) -> Option<Arc<Stream>> {
        let id = StreamId(self.next.fetch_add(1, Ordering::Relaxed));
        let stream = Arc::new(Stream { id, waker: AtomicWaker::new(), pings: Mutex::default() });
        let mut by_agent = lock(&self.by_agent);
        let of_agent = by_agent.entry(agent.clone()).or_insert_with(|| Vec::with_capacity(1));
        if of_agent.len() >= most {
            return None;
        }
        of_agent.push(Arc::clone(&stream));
        Some(stream)
    }

    /// Ends all streams.
    pub(super) fn end(&self) {
        self.has_ended.store(true, Ordering::Release);
        for stream in lock(&self.by_agent).values().flatten() {
            stream.waker.wake();
        }
    }

    /// Whether all streams are to end.
    pub(super) fn have_ended(&self) -> bool {
        self.has_ended.load(Ordering::Acquire)
    }

    pub(super) fn close(&self, agent: &Text, stream: &Arc<Stream>) {
        let mut by_agent = lock(&self.by_agent);
        if let Some(of_agent) = by_agent.get_mut(agent) {
            of_agent.retain(|other| other.id != stream.id);
            if of_agent.is_empty() {
                by_agent.remove(agent);
            }
        }
    }

    /// The newest stream of `agent`.
    pub(super) fn newest(&self, agent: &str) -> Option<Arc<Stream>> {
        let by_agent = lock(&self.by_agent);
        by_agent.get(&Text::new(agent))?.last().cloned()
    }
}

impl Stream {
    /// Asks for a ping; what is returned is told when it is answered, and `None` if too many are waited for.
    pub(super) fn ping(&self, id: u64) -> Option<oneshot::Receiver<()>> {
        let mut pings = lock(&self.pings);
        let Pings { asked, open } = &mut *pings;
        open.retain(|(_, waiting)| !waiting.is_closed());
        asked.retain(|asked| open.iter().any(|(open, _)| open == asked));
        if pings.open.len() >= PINGS {
            return None;
        }
        let (sender, receiver) = oneshot::channel();
        pings.asked.push(id);
        pings.open.push((id, sender));
        drop(pings);
        self.waker.wake();
        Some(receiver)
    }

    /// A ping to be sent.
    pub(super) fn asked(&self) -> Option<u64> {
        lock(&self.pings).asked.pop()
    }

    /// A ping was answered.
    pub(super) fn answered(&self, id: u64) {
        let mut pings = lock(&self.pings);
        if let Some(place) = pings.open.iter().position(|(open, _)| *open == id) {
            let _ = pings.open.swap_remove(place).1.send(()); // one who has gone no longer wants it
        }
    }
}

/// Nothing that holds a lock here can panic half-way.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
