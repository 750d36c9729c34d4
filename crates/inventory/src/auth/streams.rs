//! The open streams, by agent: to bound them, and to reach one from a request.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;

use futures_util::task::AtomicWaker;
use selfcheck_core::Text;
use tokio::sync::oneshot;

use super::AgentRecord;
use super::StreamId;
use super::accounts::lock;

/// How many pings of one stream may be asked for at a time.
const PINGS: usize = 4;
/// How many may wait for a report of one stream; it is asked for once for all of them.
const READERS: usize = 64;

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
    /// Where its agent is connected from, where that is known.
    address: Option<SocketAddr>,
    pub(super) waker: AtomicWaker,
    pings: Mutex<Pings>,
    anew: Mutex<Anew>,
}

/// Pings that somebody waits for.
#[derive(Debug, Default)]
struct Pings {
    /// To be sent.
    asked: Vec<u64>,
    /// Sent or to be sent, and who waits for the answer.
    open: Vec<(u64, oneshot::Sender<()>)>,
}

/// A report that somebody waits for.
#[derive(Debug, Default)]
struct Anew {
    asking: Asking,
    waiting: Vec<oneshot::Sender<AgentRecord>>,
}

/// How far it is with asking for a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Asking {
    /// Nothing was reported on this stream, so who is at its other end might not know what is asked.
    #[default]
    Useless,
    /// Nobody asks.
    Idle,
    /// It is to be asked for.
    Due,
    /// It was asked for.
    Sent,
}

impl Streams {
    /// A new stream of `agent`; `None` if it has as many as it may.
    pub(super) fn open(&self, agent: &Text, address: Option<SocketAddr>, most: usize) -> Option<Arc<Stream>> {
        let id = StreamId(self.next.fetch_add(1, Ordering::Relaxed));
        let stream = Arc::new(Stream {
            id,
            address,
            waker: AtomicWaker::new(),
            pings: Mutex::default(),
            anew: Mutex::default(),
        });
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

    /// Where the streams of `agent` come from, the oldest first.
    pub(super) fn addresses(&self, agent: &str) -> Vec<SocketAddr> {
        let by_agent = lock(&self.by_agent);
        let streams = by_agent.get(&Text::new(agent)).map_or(&[][..], Vec::as_slice);
        streams.iter().filter_map(|stream| stream.address).collect()
    }

    /// Asks `agent` for its report on the newest stream that it reports on; what is returned is told when it comes. `None` if there is no such
    /// stream, or too many wait already.
    pub(super) fn ask_anew(&self, agent: &str) -> Option<oneshot::Receiver<AgentRecord>> {
        let by_agent = lock(&self.by_agent);
        by_agent.get(&Text::new(agent))?.iter().rev().find(|stream| stream.has_reported())?.ask_anew()
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

    fn has_reported(&self) -> bool {
        lock(&self.anew).asking != Asking::Useless
    }

    fn ask_anew(&self) -> Option<oneshot::Receiver<AgentRecord>> {
        let mut anew = lock(&self.anew);
        anew.waiting.retain(|waiting| !waiting.is_closed());
        if anew.waiting.len() >= READERS {
            return None;
        }
        let (sender, receiver) = oneshot::channel();
        anew.waiting.push(sender);
        if anew.asking == Asking::Idle {
            anew.asking = Asking::Due;
        }
        drop(anew);
        self.waker.wake();
        Some(receiver)
    }

    /// Whether a report is to be asked for, which is then done.
    pub(super) fn is_to_ask(&self) -> bool {
        let mut anew = lock(&self.anew);
        let is_due = anew.asking == Asking::Due;
        if is_due {
            anew.asking = Asking::Sent;
        }
        is_due
    }

    /// Whether a report was asked for that has not come yet.
    pub(super) fn has_asked(&self) -> bool {
        lock(&self.anew).asking == Asking::Sent
    }

    /// A report has come. Who waited for one.
    pub(super) fn reported(&self) -> Vec<oneshot::Sender<AgentRecord>> {
        let mut anew = lock(&self.anew);
        anew.asking = Asking::Idle;
        std::mem::take(&mut anew.waiting)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_agent_is_asked_once_for_all_who_wait() {
        let streams = Streams::default();
        let agent = Text::from("a1");
        let stream = streams.open(&agent, None, 2).expect("a stream");
        assert!(streams.ask_anew("a1").is_none(), "it has not reported");
        assert!(stream.reported().is_empty());
        let _newer = streams.open(&agent, None, 2).expect("another stream");
        let readers: Vec<_> = (0..READERS).map(|_| streams.ask_anew("a1").expect("room")).collect();
        assert!(streams.ask_anew("a1").is_none(), "no more may wait");
        assert!(!stream.has_asked());
        assert!(stream.is_to_ask() && stream.has_asked() && !stream.is_to_ask());
        drop(readers);
        let reader = streams.ask_anew("a1").expect("the others have gone");
        assert!(!stream.is_to_ask(), "the answer is on its way");
        assert_eq!(stream.reported().len(), 1);
        assert!(!stream.has_asked());
        drop(reader);
        assert!(streams.ask_anew("a1").is_some() && stream.is_to_ask());
    }
}
