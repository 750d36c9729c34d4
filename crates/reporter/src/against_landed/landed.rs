//! The stream as it was before the conversation was a type of its own, kept to compare with: a second writing of the same rules.
//! Only where messages come from and how it begins is other than it was.

use std::time::Duration;

use jiff::Timestamp;
use selfcheck_core::ReportingMode;
use selfcheck_core::Text;
use selfcheck_protocol::ClaimedUpdater;
use selfcheck_protocol::Hello;
use selfcheck_protocol::HostIdentity;
use selfcheck_protocol::Report;
use selfcheck_protocol::valid;
use selfcheck_protocol::wire::proto::DownstreamInventoryHello;
use selfcheck_protocol::wire::proto::DownstreamInventoryOneOf;
use selfcheck_protocol::wire::proto::InventoryHeartbeat;
use selfcheck_protocol::wire::proto::UpstreamInventoryGoodbye;
use selfcheck_protocol::wire::proto::UpstreamInventoryOneOf;
use selfcheck_protocol::wire::proto::UpstreamInventoryPong;
use selfcheck_protocol::wire::proto::downstream_inventory_one_of::Msg as Down;
use selfcheck_protocol::wire::proto::upstream_inventory_one_of::Msg as Up;
use selfcheck_protocol::wire::teleport::selfcheck::v1::SelfCheckDown;
use selfcheck_protocol::wire::teleport::selfcheck::v1::UpdaterSelfCheck;
use tokio::sync::mpsc;
use tokio::sync::watch;
use tokio::time::Instant;
use tokio::time::timeout;

use crate::Progress;
use crate::ReportError;
use crate::session::End;
use crate::session::Statuses;
use crate::session::until;
use crate::session::up;

use super::Downstream;

/// How long the auth server may take to end a stream that the agent has said goodbye on.
const GOODBYE_TIME: Duration = Duration::from_secs(2);
/// The beat that an auth server may ask for.
const BEAT_LEAST: u32 = 1;
const BEAT_MOST: u32 = 3600;

/// How long something else must have been the case.
const HOLD: Duration = Duration::from_secs(5 * 60);
/// Over how long the streams of a fleet are spread.
const SPREAD: Duration = Duration::from_secs(5 * 60);
/// No more than one renewal in so long.
const PAUSE: Duration = Duration::from_secs(30 * 60);

/// What a stock auth server is told by a Hello alone, and what may change while an agent runs.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Announcement {
    pub(super) updater: ClaimedUpdater,
    pub(super) services: Vec<Text>,
}

impl From<&Hello> for Announcement {
    fn from(hello: &Hello) -> Self {
        Self { updater: hello.updater.clone(), services: hello.services.clone() }
    }
}

/// Decides when a stream is renewed.
#[derive(Debug)]
pub(super) struct Renewal {
    pub(super) last: Option<Instant>,
    random: fastrand::Rng,
    /// What the present stream's Hello said.
    said: Announcement,
    /// What is the case instead, and when that is told.
    pending: Option<(Announcement, Instant)>,
}

impl Renewal {
    pub(super) fn new(random: fastrand::Rng) -> Self {
        Self { last: None, random, said: Announcement::default(), pending: None }
    }

    /// A stream was opened, and its Hello said this.
    pub(super) fn said(&mut self, said: Announcement) {
        self.said = said;
        self.pending = None;
    }

    /// What is the case now.
    pub(super) fn holds(&mut self, holds: Announcement, now: Instant) {
        if holds == self.said {
            self.pending = None;
        } else if self.pending.as_ref().is_none_or(|(pending, _)| *pending != holds) {
            let held = now + HOLD + SPREAD.mul_f32(self.random.f32());
            let due = self.last.map_or(held, |last| held.max(last + PAUSE));
            self.pending = Some((holds, due));
        }
    }

    /// When the stream is to be renewed, if it is.
    pub(super) fn due(&self) -> Option<Instant> {
        self.pending.as_ref().map(|(_, due)| *due)
    }

    /// The stream is renewed now.
    pub(super) fn renewed(&mut self, now: Instant) {
        self.last = Some(now);
        self.pending = None;
    }
}

/// One stream.
pub(super) struct Session<'a> {
    pub(super) server: &'a str,
    pub(super) host: &'a HostIdentity,
    pub(super) statuses: &'a mut Statuses,
    pub(super) progress: &'a watch::Sender<Progress>,
    pub(super) renewal: &'a mut Renewal,
    pub(super) random: &'a mut fastrand::Rng,
    pub(super) clock: fn() -> Timestamp,
    pub(super) sender: mpsc::Sender<UpstreamInventoryOneOf>,
    pub(super) down: Downstream,
    pub(super) hello: DownstreamInventoryHello,
    pub(super) due: Due,
    pub(super) reported: Option<(u64, bool)>,
}

/// What waits to be sent. However much happens, each is sent once.
#[derive(Debug, Default)]
pub(super) struct Due {
    report: bool,
    beat: bool,
    pong: Option<u64>,
}

/// What a session waits for.
enum Event {
    Heard(Result<Option<DownstreamInventoryOneOf>, tonic::Status>),
    /// Whether there is room for a message; otherwise the stream has ended.
    Room(bool),
    /// Whether the status has changed; otherwise the self-check has ended.
    Changed(bool),
    Beat,
    Renew,
}

impl Session<'_> {
    /// Keeps the auth server told until one of the two ends.
    pub(super) async fn run(mut self) -> Result<End, ReportError> {
        let extension = self.hello.self_check.filter(|extension| extension.version >= 1);
        let mode = if extension.is_some() { ReportingMode::Extension } else { ReportingMode::Stock };
        let sent = (self.clock)();
        self.progress.send_modify(|progress| {
            let last_sent = if mode == ReportingMode::Stock { Some(sent) } else { progress.last_sent };
            *progress = Progress {
                mode,
                connected: true,
                last_sent,
                acked: None,
                trouble: None,
                neighbour: progress.neighbour,
            };
        });
        tracing::info!(server = self.server, extension = extension.is_some(), "reporting");
        let beat = extension
            .map(|extension| Duration::from_secs(extension.beat_seconds.clamp(BEAT_LEAST, BEAT_MOST).into()));
        let mut next_beat = beat.map(|beat| Instant::now() + beat.mul_f32(self.random.f32()));
        self.due.report = extension.is_some();
        if extension.is_none() {
            self.compare(); // it may have changed since the Hello was written
        }
        loop {
            let event = tokio::select! {
                biased;
                message = message(&mut self.down) => Event::Heard(message),
                room = self.sender.reserve(), if self.due.is_any() => Event::Room(room.is_ok()),
                changed = self.statuses.changed() => Event::Changed(changed.is_ok()),
                () = until(next_beat) => Event::Beat,
                () = until(self.renewal.due()) => Event::Renew,
            };
            match event {
                Event::Heard(message) => self.hear(message)?,
                Event::Room(true) => self.send(),
                Event::Room(false) => return Err(ReportError::Ended(self.server.to_owned())),
                Event::Changed(false) => return Ok(self.say_goodbye().await),
                Event::Changed(true) if extension.is_some() => self.due.report = true,
                Event::Changed(true) => self.compare(),
                Event::Beat => {
                    self.due.beat = true;
                    // Every beat comes a little early, so that those of a fleet do not fall into step.
                    next_beat = beat.map(|beat| Instant::now() + beat.mul_f32(1.0 - self.random.f32() / 7.0));
                }
                Event::Renew => {
                    self.renewal.renewed(Instant::now());
                    return Ok(End::Renew);
                }
            }
        }
    }

    /// Whether a new Hello would say something else, which only a stock auth server has to be told by one.
    fn compare(&mut self) {
        let holds = self.statuses.borrow_and_update().as_deref().map(|status| Announcement {
            updater: ClaimedUpdater::of(status),
            services: self.host.services(status),
        });
        if let Some(holds) = holds {
            self.renewal.holds(holds, Instant::now());
        }
    }

    /// Sends what is due; there is room for it.
    fn send(&mut self) {
        let Some(message) = self.due.next(self.statuses, &mut self.reported, self.clock) else { return };
        if matches!(message, Up::Heartbeat(_)) {
            let now = (self.clock)();
            self.progress.send_modify(|progress| progress.last_sent = Some(now));
        }
        let _ = self.sender.try_send(up(message)); // nobody else sends
    }

    fn hear(
        &mut self,
        message: Result<Option<DownstreamInventoryOneOf>, tonic::Status>,
    ) -> Result<(), ReportError> {
        let server = || self.server.to_owned();
        let message = message.map_err(|status| ReportError::answered(self.server, status))?;
        match message.ok_or_else(|| ReportError::Ended(server()))?.msg {
            Some(Down::Hello(_)) => {
                return Err(ReportError::Protocol { server: server(), what: "said Hello twice" });
            }
            Some(Down::Ping(ping)) => self.due.pong = Some(ping.id),
            Some(Down::SelfCheck(SelfCheckDown { acked, resend })) => {
                if resend {
                    self.due.report = true;
                } else if let Some((sequence, is_acked)) = &mut self.reported
                    && *sequence == acked
                {
                    *is_acked = true;
                    self.progress.send_modify(|progress| progress.acked = Some(acked));
                }
            }
            // Labels are the agent's own matter, and what is not known is passed over as stock agents do.
            Some(Down::UpdateLabels(_)) | None => {}
        }
        Ok(())
    }

    /// Says goodbye where that is taken, and lets the stream end.
    async fn say_goodbye(mut self) -> End {
        let is_taken = self.hello.capabilities.as_ref().is_some_and(|able| able.app_cleanup);
        let ending = async {
            if is_taken {
                let _ = self.sender.send(up(Up::Goodbye(UpstreamInventoryGoodbye::default()))).await;
            }
            drop(self.sender);
            while let Ok(Some(_)) = message(&mut self.down).await {}
        };
        let _ = timeout(GOODBYE_TIME, ending).await;
        End::Stopped
    }
}

impl Due {
    const fn is_any(&self) -> bool {
        self.report || self.beat || self.pong.is_some()
    }

    /// The next message, with the status as it is now.
    fn next(
        &mut self,
        statuses: &mut Statuses,
        reported: &mut Option<(u64, bool)>,
        clock: fn() -> Timestamp,
    ) -> Option<Up> {
        if let Some(id) = self.pong.take() {
            let now = clock();
            let system_clock =
                prost_types::Timestamp { seconds: now.as_second(), nanos: now.subsec_nanosecond() };
            return Some(Up::Pong(UpstreamInventoryPong { id, system_clock: Some(system_clock) }));
        }
        let status = statuses.borrow_and_update().clone();
        let wants_report = std::mem::take(&mut self.report);
        let wants_beat = std::mem::take(&mut self.beat);
        let status = status?;
        let sequence = status.sequence.unwrap_or(0);
        // What was not acknowledged by the time of the next beat is told again.
        let is_known = matches!(reported, Some((known, true)) if *known == sequence);
        let report = (wants_report || (wants_beat && !is_known)).then(|| Report::from(&*status).to_wire());
        if report.is_some() {
            *reported = Some((sequence, false));
        }
        let last_run = valid::seconds(status.proof.last_run);
        Some(Up::Heartbeat(InventoryHeartbeat {
            self_check: Some(UpdaterSelfCheck { sequence, last_run, report }),
        }))
    }
}

async fn message(down: &mut Downstream) -> Result<Option<DownstreamInventoryOneOf>, tonic::Status> {
    down.recv().await.transpose()
}
