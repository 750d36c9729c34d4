//! The open streams, by agent: to bound them, and to reach one from a request.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;

use futures_util::task::AtomicWaker;
use parking_lot::Mutex;
use selfcheck_core::Text;
use selfcheck_fleet::AgentRecord;
use selfcheck_fleet::StreamId;
use tokio::sync::oneshot;

use crate::Caller;

/// How many pings of one stream may be asked for at a time.
const PINGS: usize = 4;
/// How many may wait for a report of one stream; it is asked for once for all of them.
const READERS: usize = 64;

/// The open streams, by agent.
#[derive(Debug, Default)]
pub(crate) struct Streams {
    by_agent: Mutex<HashMap<Text, Vec<Arc<Stream>>>>,
    next: AtomicU64,
    has_ended: AtomicBool,
}

/// What is asked of an open stream from elsewhere.
#[derive(Debug)]
pub(crate) struct Stream {
    pub(crate) id: StreamId,
    /// Who is at its other end.
    caller: Caller,
    pub(crate) waker: AtomicWaker,
    asked: Mutex<Asked>,
}

/// What somebody waits for.
#[derive(Debug, Default)]
struct Asked {
    pings: Vec<Ping>,
    /// Who wait for a report.
    readers: Vec<oneshot::Sender<AgentRecord>>,
    report: Asking,
}

#[derive(Debug)]
struct Ping {
    id: u64,
    is_sent: bool,
    waiting: oneshot::Sender<()>,
}

/// What the agent is to be asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// A sign of life, with this number.
    Ping(u64),
    /// Its whole report.
    Report,
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
    pub(crate) fn open(&self, agent: &Text, caller: &Caller, most: usize) -> Option<Arc<Stream>> {
        let id = StreamId(self.next.fetch_add(1, Ordering::Relaxed));
        let stream = Arc::new(Stream {
            id,
            caller: caller.clone(),
            waker: AtomicWaker::new(),
            asked: Mutex::default(),
        });
        let mut by_agent = self.by_agent.lock();
        let of_agent = by_agent.entry(agent.clone()).or_insert_with(|| Vec::with_capacity(1));
        if of_agent.len() >= most {
            return None;
        }
        of_agent.push(Arc::clone(&stream));
        Some(stream)
    }

    /// Ends all streams.
    pub(crate) fn end(&self) {
        self.has_ended.store(true, Ordering::Release);
        for stream in self.by_agent.lock().values().flatten() {
            stream.waker.wake();
        }
    }

    /// Whether all streams are to end.
    pub(crate) fn have_ended(&self) -> bool {
        self.has_ended.load(Ordering::Acquire)
    }

    pub(crate) fn close(&self, agent: &Text, stream: &Arc<Stream>) {
        let mut by_agent = self.by_agent.lock();
        if let Some(of_agent) = by_agent.get_mut(agent) {
            of_agent.retain(|other| other.id != stream.id);
            if of_agent.is_empty() {
                by_agent.remove(agent);
            }
        }
    }

    /// The newest stream of `agent`.
    pub(crate) fn newest(&self, agent: &str) -> Option<Arc<Stream>> {
        let by_agent = self.by_agent.lock();
        by_agent.get(&Text::new(agent))?.last().cloned()
    }

    /// Where the streams of `agent` come from, the oldest first.
    pub(crate) fn addresses(&self, agent: &str) -> Vec<SocketAddr> {
        let by_agent = self.by_agent.lock();
        let streams = by_agent.get(&Text::new(agent)).map_or(&[][..], Vec::as_slice);
        streams.iter().filter_map(|stream| stream.caller.address()).collect()
    }

    /// Asks `agent` for its report on the newest stream that it reports on; what is returned is told when it comes. `None` if there is no such
    /// stream, or too many wait already.
    pub(crate) fn ask_anew(&self, agent: &str) -> Option<oneshot::Receiver<AgentRecord>> {
        let by_agent = self.by_agent.lock();
        by_agent.get(&Text::new(agent))?.iter().rev().find(|stream| stream.has_reported())?.ask_anew()
    }
}

impl Stream {
    /// Asks for a ping; what is returned is told when it is answered, and `None` if too many are waited for.
    pub(crate) fn ping(&self, id: u64) -> Option<oneshot::Receiver<()>> {
        let mut asked = self.asked.lock();
        asked.pings.retain(|ping| !ping.waiting.is_closed());
        if asked.pings.len() >= PINGS {
            return None;
        }
        let (sender, receiver) = oneshot::channel();
        asked.pings.push(Ping { id, is_sent: false, waiting: sender });
        drop(asked);
        self.waker.wake();
        Some(receiver)
    }

    /// A ping was answered.
    pub(crate) fn answered(&self, id: u64) {
        let mut asked = self.asked.lock();
        if let Some(place) = asked.pings.iter().position(|ping| ping.id == id) {
            let _ = asked.pings.swap_remove(place).waiting.send(()); // one who has gone no longer wants it
        }
    }

    fn has_reported(&self) -> bool {
        self.asked.lock().report != Asking::Useless
    }

    fn ask_anew(&self) -> Option<oneshot::Receiver<AgentRecord>> {
        let mut asked = self.asked.lock();
        asked.readers.retain(|reader| !reader.is_closed());
        if asked.readers.len() >= READERS {
            return None;
        }
        let (sender, receiver) = oneshot::channel();
        asked.readers.push(sender);
        if asked.report == Asking::Idle {
            asked.report = Asking::Due;
        }
        drop(asked);
        self.waker.wake();
        Some(receiver)
    }

    /// What the agent is to be asked for next, which is then done.
    pub(crate) fn wanted(&self) -> Option<Wanted> {
        let mut asked = self.asked.lock();
        if let Some(ping) = asked.pings.iter_mut().find(|ping| !ping.is_sent) {
            ping.is_sent = true;
            return Some(Wanted::Ping(ping.id));
        }
        let is_due = asked.report == Asking::Due;
        is_due.then(|| {
            asked.report = Asking::Sent;
            Wanted::Report
        })
    }

    /// Whether a report was asked for that has not come yet.
    pub(crate) fn has_asked(&self) -> bool {
        self.asked.lock().report == Asking::Sent
    }

    /// A report has come. Who waited for one.
    pub(crate) fn reported(&self) -> Vec<oneshot::Sender<AgentRecord>> {
        let mut asked = self.asked.lock();
        asked.report = Asking::Idle;
        std::mem::take(&mut asked.readers)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use selfcheck_protocol::CertificateError;

    #[test]
    fn pings_are_sent_in_turn_and_once_as_long_as_somebody_waits() {
        let streams = Streams::default();
        let caller = Caller::new(Err(CertificateError::Parse));
        let stream = streams.open(&Text::from("a1"), &caller, 1).expect("a stream");
        let mut waiting: Vec<_> = (0..4).map(|id| stream.ping(id).expect("room")).collect();
        assert!(stream.ping(4).is_none(), "no more may wait");
        drop(waiting.remove(1));
        let fifth = stream.ping(5).expect("the room of one who has gone");
        let sent: Vec<_> = std::iter::from_fn(|| stream.wanted()).collect();
        assert_eq!(sent, [0, 2, 3, 5].map(Wanted::Ping));
        stream.answered(5);
        stream.answered(1);
        assert_eq!(fifth.blocking_recv(), Ok(()));
        assert!(waiting.iter_mut().all(|waiting| waiting.try_recv().is_err()));
    }

    #[test]
    fn an_agent_is_asked_once_for_all_who_wait() {
        let streams = Streams::default();
        let agent = Text::from("a1");
        let caller = Caller::new(Err(CertificateError::Parse));
        let stream = streams.open(&agent, &caller, 2).expect("a stream");
        assert!(streams.ask_anew("a1").is_none(), "it has not reported");
        assert!(stream.reported().is_empty());
        let _newer = streams.open(&agent, &caller, 2).expect("another stream");
        let readers: Vec<_> = (0..READERS).map(|_| streams.ask_anew("a1").expect("room")).collect();
        assert!(streams.ask_anew("a1").is_none(), "no more may wait");
        assert!(!stream.has_asked());
        assert_eq!([stream.wanted(), stream.wanted()], [Some(Wanted::Report), None]);
        assert!(stream.has_asked());
        drop(readers);
        let reader = streams.ask_anew("a1").expect("the others have gone");
        assert_eq!(stream.wanted(), None, "the answer is on its way");
        assert_eq!(stream.reported().len(), 1);
        assert!(!stream.has_asked());
        drop(reader);
        assert!(streams.ask_anew("a1").is_some() && stream.wanted() == Some(Wanted::Report));
    }
}
