//! One stream of an agent. It is polled by whoever writes to the agent, so an agent costs no task of its own.

use std::collections::VecDeque;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Context;
use std::task::Poll;
use std::time::Duration;

use futures_util::Stream as _;
use selfcheck_core::Text;
use selfcheck_fleet::Farewell;
use selfcheck_fleet::Outcome;
use selfcheck_fleet::Store;
use selfcheck_protocol::Hello;
use selfcheck_protocol::HostIdentity;
use selfcheck_protocol::HostMetadata;
use selfcheck_protocol::Report;
use selfcheck_protocol::valid;
use selfcheck_protocol::wire::proto::DownstreamInventoryHello;
use selfcheck_protocol::wire::proto::DownstreamInventoryOneOf;
use selfcheck_protocol::wire::proto::DownstreamInventoryPing;
use selfcheck_protocol::wire::proto::InventoryHeartbeat;
use selfcheck_protocol::wire::proto::UpstreamInventoryHello;
use selfcheck_protocol::wire::proto::UpstreamInventoryOneOf;
use selfcheck_protocol::wire::proto::downstream_inventory_hello::SupportedCapabilities;
use selfcheck_protocol::wire::proto::downstream_inventory_one_of::Msg as Down;
use selfcheck_protocol::wire::proto::upstream_inventory_one_of::Msg as Up;
use selfcheck_protocol::wire::teleport::selfcheck::v1::SelfCheckDown;
use selfcheck_protocol::wire::teleport::selfcheck::v1::SelfCheckHello;
use selfcheck_protocol::wire::teleport::selfcheck::v1::UpdaterSelfCheck;
use tokio::time::Instant;
use tokio::time::Sleep;
use tonic::Code;
use tonic::Status;
use tonic::Streaming;

use crate::Caller;
use crate::accounts::Rated;
use crate::admission::Places;
use crate::limits::Bucket;
use crate::limits::Limits;
use crate::limits::Nanoseconds;
use crate::shared::Shared;
use crate::streams::Stream;
use crate::streams::Wanted;

/// The version of the extension.
const EXTENSION: u32 = 1;
/// How many messages are taken before others have their turn.
const IN_A_ROW: usize = 32;
/// Pings sent by the stream itself; those asked for are counted from here on.
const OWN_PING: u64 = 0;

/// One stream of an agent: what goes down it.
pub struct AgentStream<S: Store> {
    shared: Arc<Shared<S>>,
    caller: Caller,
    places: Option<Places>,
    upstream: Streaming<UpstreamInventoryOneOf>,
    seat: Option<Seat<S::Place>>,
    timer: Pin<Box<Sleep>>,
    out: VecDeque<Down>,
    messages: Bucket,
    reports: Bucket,
    farewell: Farewell,
    has_ended: bool,
}

/// What a stream has after its Hello.
struct Seat<P> {
    place: P,
    agent: Text,
    stream: Arc<Stream>,
    beat: Duration,
    heard: Instant,
    /// The sequence of the last report on this stream.
    reported: Option<u64>,
}

/// Why a stream is closed, and what that counts as.
struct Violation(Outcome, Status);

impl<S: Store> AgentStream<S> {
    pub(crate) fn new(
        shared: Arc<Shared<S>>,
        caller: Caller,
        places: Option<Places>,
        upstream: Streaming<UpstreamInventoryOneOf>,
    ) -> Self {
        Self {
            caller,
            places,
            upstream,
            seat: None,
            timer: Box::pin(tokio::time::sleep(shared.limits.hello_time)),
            out: VecDeque::new(),
            messages: Bucket::default(),
            reports: Bucket::default(),
            farewell: Farewell::None,
            has_ended: false,
            shared,
        }
    }

    fn take(
        &mut self,
        message: UpstreamInventoryOneOf,
        now: Instant,
        after: Nanoseconds,
    ) -> Result<(), Violation> {
        if !self.messages.take(self.shared.limits.messages, after) {
            let status = Status::resource_exhausted("messages come too fast");
            return Err(Violation(Outcome::TooFast, status));
        }
        let Some(seat) = &mut self.seat else {
            return match message.msg {
                Some(Up::Hello(hello)) => self.join(&hello, now),
                _ => Err(bad_hello(Status::invalid_argument("the first message is not a Hello"))),
            };
        };
        seat.heard = now;
        let place = seat.place;
        match message.msg {
            Some(Up::Hello(_)) => {
                return Err(bad_hello(Status::invalid_argument("a second Hello on the same stream")));
            }
            Some(Up::Heartbeat(InventoryHeartbeat { self_check: Some(check) })) => {
                return self.self_check(&check, after);
            }
            Some(Up::Heartbeat(_) | Up::StopHeartbeat(_)) => {
                self.shared.store.heard(place, None, self.shared.now());
            }
            Some(Up::Pong(pong)) => {
                seat.stream.answered(pong.id);
                self.shared.store.heard(place, None, self.shared.now());
            }
            Some(Up::AgentMetadata(metadata)) => {
                self.shared.store.described(place, HostMetadata::from(&metadata));
            }
            Some(Up::Goodbye(goodbye)) => {
                self.farewell = if goodbye.soft_reload { Farewell::SoftReload } else { Farewell::Goodbye };
            }
            None => self.shared.tally.count(Outcome::Foreign),
        }
        Ok(())
    }

    fn join(&mut self, message: &UpstreamInventoryHello, now: Instant) -> Result<(), Violation> {
        let host = self.caller.server().map_err(|status| Violation(Outcome::Denied, status))?;
        require_own_name(host, message)?;
        let hello = Hello::from_wire(message, |role| host.holds(role))
            .map_err(|error| bad_hello(Status::invalid_argument(error.to_string())))?;
        let Shared { limits, store, streams, .. } = &*self.shared;
        if !self.caller.account().take(Rated::Joins, limits.joins) {
            let status = Status::resource_exhausted("this agent opens streams too fast");
            return Err(Violation(Outcome::TooFast, status));
        }
        let Some(stream) = streams.open(&hello.server_id, &self.caller, limits.streams_per_agent) else {
            let status = Status::resource_exhausted("this agent has too many streams already");
            return Err(Violation(Outcome::TooMany, status));
        };
        if let Some(places) = &mut self.places {
            places.announced();
        }
        let agent = hello.server_id.clone();
        let place = store.joined(stream.id, hello, self.shared.now());
        self.shared.tally.count(Outcome::Joined);
        let beat = limits.beat_for(store.len());
        self.out.push_back(Down::Hello(DownstreamInventoryHello {
            version: self.shared.server.version.to_string(),
            server_id: self.shared.server.server_id.clone(),
            // A goodbye is taken; resources are not kept.
            capabilities: Some(SupportedCapabilities {
                app_cleanup: true,
                ..SupportedCapabilities::default()
            }),
            self_check: Some(SelfCheckHello {
                version: EXTENSION,
                beat_seconds: u32::try_from(beat.as_secs()).unwrap_or(u32::MAX).max(1),
            }),
        }));
        self.timer.as_mut().reset(now + beat);
        self.seat = Some(Seat { place, agent, stream, beat, heard: now, reported: None });
        Ok(())
    }

    fn self_check(&mut self, check: &UpdaterSelfCheck, after: Nanoseconds) -> Result<(), Violation> {
        let Shared { limits, store, tally, .. } = &*self.shared;
        let Some(seat) = &mut self.seat else { return Ok(()) };
        // What others ask for is not the agent's to answer for.
        let is_wanted = check.report.is_some() && seat.stream.has_asked();
        if !is_wanted && !self.reports.take(limits.reports, after) {
            return Err(Violation(Outcome::TooFast, Status::resource_exhausted("reports come too fast")));
        }
        let last_run = valid::instant(check.last_run);
        let down = if let Some(report) = &check.report {
            let roles = self
                .caller
                .server()
                .map(|host| &host.roles)
                .map_err(|status| Violation(Outcome::Denied, status))?;
            let report = Report::from_agent(report, roles).map_err(|error| {
                Violation(Outcome::BadReport, Status::invalid_argument(error.to_string()))
            })?;
            let waiting = seat.stream.reported();
            let whole = (!waiting.is_empty()).then(|| report.clone());
            store.reported(seat.place, report, last_run, self.shared.now());
            if let Some(whole) = whole
                && let Some(record) = store.find(seat.agent.as_str())
            {
                let record = record.with(&whole);
                for waiting in waiting {
                    let _ = waiting.send(record.clone()); // one who has gone no longer wants it
                }
            }
            seat.reported = Some(check.sequence);
            tally.count(Outcome::Reported);
            SelfCheckDown { acked: check.sequence, resend: false }
        } else {
            store.heard(seat.place, last_run, self.shared.now());
            if seat.reported == Some(check.sequence) {
                tally.count(Outcome::Beat);
                return Ok(());
            }
            tally.count(Outcome::Resend);
            SelfCheckDown { acked: seat.reported.unwrap_or(0), resend: true }
        };
        self.out.push_back(Down::SelfCheck(down));
        Ok(())
    }

    /// The timer is due: no Hello came, or the agent is asked whether it is there, or it was silent for too long.
    fn due(&mut self) -> Result<(), Violation> {
        let now = Instant::now();
        let Some(seat) = &self.seat else {
            return Err(Violation(Outcome::NoHello, Status::deadline_exceeded("no Hello came in time")));
        };
        let ends = seat.heard + Limits::silence_for(seat.beat);
        if now >= ends {
            return Err(Violation(
                Outcome::Silent,
                Status::deadline_exceeded("nothing was heard for too long"),
            ));
        }
        if now >= seat.heard + seat.beat {
            self.out.push_back(Down::Ping(DownstreamInventoryPing { id: OWN_PING }));
        }
        let next = ends.min(now + seat.beat);
        self.timer.as_mut().reset(next);
        Ok(())
    }

    /// Leaves the store, once.
    fn leave(&mut self) {
        if let Some(Seat { place, agent, stream, .. }) = self.seat.take() {
            self.shared.streams.close(&agent, &stream);
            self.shared.store.left(place, self.farewell);
        }
    }

    fn close(&mut self, Violation(outcome, status): Violation) -> Result<DownstreamInventoryOneOf, Status> {
        self.shared.tally.refuse(outcome, &self.caller, status.message());
        self.has_ended = true;
        self.leave();
        Err(status)
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<DownstreamInventoryOneOf, Status>>> {
        let now = Instant::now();
        let after = self.caller.is_active(now);
        for _ in 0..IN_A_ROW {
            if self.has_ended {
                return Poll::Ready(None);
            }
            if let Some(down) = self.out.pop_front() {
                if self.out.is_empty() {
                    self.out = VecDeque::new(); // most streams have nothing to say most of the time
                }
                return Poll::Ready(Some(Ok(DownstreamInventoryOneOf { msg: Some(down) })));
            }
            if let Some(seat) = &self.seat {
                seat.stream.waker.register(context.waker());
                if self.shared.streams.have_ended() {
                    let status = Status::unavailable("the auth server ends");
                    return Poll::Ready(Some(self.close(Violation(Outcome::Ended, status))));
                }
                if let Some(wanted) = seat.stream.wanted() {
                    self.out.push_back(match wanted {
                        Wanted::Ping(id) => Down::Ping(DownstreamInventoryPing { id }),
                        Wanted::Report => {
                            Down::SelfCheck(SelfCheckDown { acked: seat.reported.unwrap_or(0), resend: true })
                        }
                    });
                    continue;
                }
            }
            let step = match Pin::new(&mut self.upstream).poll_next(context) {
                Poll::Ready(Some(Ok(message))) => self.take(message, now, after),
                Poll::Ready(Some(Err(status))) => Err(broken(status)),
                Poll::Ready(None) => {
                    self.has_ended = true;
                    self.leave();
                    return Poll::Ready(None);
                }
                Poll::Pending => match self.timer.as_mut().poll(context) {
                    Poll::Ready(()) => self.due(),
                    Poll::Pending => return Poll::Pending,
                },
            };
            if let Err(violation) = step {
                return Poll::Ready(Some(self.close(violation)));
            }
        }
        context.waker().wake_by_ref();
        Poll::Pending
    }
}

fn require_own_name(host: &HostIdentity, message: &UpstreamInventoryHello) -> Result<(), Violation> {
    if message.server_id == host.host_id.as_str() {
        return Ok(());
    }
    let status = Status::permission_denied(format!(
        "the certificate is that of host `{}`, and the Hello names another",
        host.host_id
    ));
    Err(bad_hello(status))
}

fn bad_hello(status: Status) -> Violation {
    Violation(Outcome::BadHello, status)
}

/// What reading failed with: the agent's own end of it, or something that cannot be read.
fn broken(status: Status) -> Violation {
    let outcome = match status.code() {
        Code::Internal
        | Code::OutOfRange
        | Code::ResourceExhausted
        | Code::Unimplemented
        | Code::DeadlineExceeded => Outcome::Garbage,
        _ => Outcome::Lost,
    };
    Violation(outcome, status)
}

impl<S: Store> futures_util::Stream for AgentStream<S> {
    type Item = Result<DownstreamInventoryOneOf, Status>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.get_mut().poll(context)
    }
}

impl<S: Store> fmt::Debug for AgentStream<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AgentStream").field("caller", &self.caller).finish_non_exhaustive()
    }
}

impl<S: Store> Drop for AgentStream<S> {
    fn drop(&mut self) {
        // A connection that breaks takes its streams with it, and nobody asks them again.
        if self.seat.is_some() && self.farewell == Farewell::None {
            self.shared.tally.count(self.caller.ended().unwrap_or(Outcome::Lost));
        }
        self.leave();
    }
}
