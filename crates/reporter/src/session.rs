//! One stream: Hello, and then whatever is due.

use std::sync::Arc;
use std::time::Duration;

use futures_util::stream;
use jiff::Timestamp;
use selfcheck_core::ReportingMode;
use selfcheck_core::Status;
use selfcheck_protocol::ClaimedUpdater;
use selfcheck_protocol::Hello;
use selfcheck_protocol::HostIdentity;
use selfcheck_protocol::HostMetadata;
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
use tokio::time::sleep_until;
use tokio::time::timeout;
use tonic::Streaming;

use crate::Progress;
use crate::ReportError;
use crate::client::AuthClient;
use crate::renewal::Announcement;
use crate::renewal::Renewal;
use crate::services;
use crate::wire::proto::auth_service_client::AuthServiceClient;

/// How long the Hellos may take.
const HELLO_TIME: Duration = Duration::from_secs(30);
/// How long the auth server may take to end a stream that the agent has said goodbye on.
const GOODBYE_TIME: Duration = Duration::from_secs(2);
/// How many messages wait to be written.
const BUFFER: usize = 8;
/// The beat that an auth server may ask for.
const BEAT_LEAST: u32 = 1;
const BEAT_MOST: u32 = 3600;

/// The status followed; the sender ends with the self-check.
pub(crate) type Statuses = watch::Receiver<Option<Arc<Status>>>;

/// One stream.
pub(crate) struct Session<'a> {
    server: &'a str,
    /// Whose identity it speaks with.
    host: &'a HostIdentity,
    statuses: &'a mut Statuses,
    progress: &'a watch::Sender<Progress>,
    renewal: &'a mut Renewal,
    random: &'a mut fastrand::Rng,
    clock: fn() -> Timestamp,
    sender: mpsc::Sender<UpstreamInventoryOneOf>,
    down: Streaming<DownstreamInventoryOneOf>,
    /// What the auth server said first.
    hello: DownstreamInventoryHello,
    due: Due,
    /// The sequence of the last full report on this stream, and whether it was acknowledged.
    reported: Option<(u64, bool)>,
}

/// What waits to be sent. However much happens, each is sent once.
#[derive(Debug, Default)]
struct Due {
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

/// Why a stream ended without an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// The self-check has ended.
    Stopped,
    /// What a Hello says has changed for good.
    Renew,
}

/// What a session needs of its reporter.
pub(crate) struct Context<'a> {
    pub(crate) server: &'a str,
    pub(crate) host: &'a HostIdentity,
    pub(crate) statuses: &'a mut Statuses,
    pub(crate) progress: &'a watch::Sender<Progress>,
    pub(crate) renewal: &'a mut Renewal,
    pub(crate) random: &'a mut fastrand::Rng,
    pub(crate) clock: fn() -> Timestamp,
}

impl<'a> Session<'a> {
    /// Opens a stream and exchanges Hellos.
    pub(crate) async fn open(
        client: &AuthClient,
        hello: &Hello,
        metadata: &HostMetadata,
        context: Context<'a>,
    ) -> Result<Self, ReportError> {
        let Context { server, host, statuses, progress, renewal, random, clock } = context;
        let said = Announcement::from(hello);
        let (sender, mut receiver) = mpsc::channel(BUFFER);
        let messages = stream::poll_fn(move |context| receiver.poll_recv(context));
        // There is room: the buffer is new.
        let _ = sender.try_send(up(Up::Hello(hello.to_wire())));
        let request = client.with_version(tonic::Request::new(messages));
        let mut auth = AuthServiceClient::new(client.channel());
        let exchange = async {
            let answered = |status| client.answered(status);
            let mut down = auth.inventory_control_stream(request).await.map_err(answered)?.into_inner();
            let first = down.message().await.map_err(answered)?;
            Ok::<_, ReportError>((down, first))
        };
        let timed_out = |_| ReportError::Timeout { server: server.to_owned(), what: "say Hello" };
        let (down, first) = timeout(HELLO_TIME, exchange).await.map_err(timed_out)??;
        let hello_of_server = match first {
            Some(DownstreamInventoryOneOf { msg: Some(Down::Hello(hello)) }) => hello,
            Some(_) => {
                let what = "did not begin with a Hello";
                return Err(ReportError::Protocol { server: server.to_owned(), what });
            }
            None => return Err(ReportError::Ended(server.to_owned())),
        };
        let _ = sender.try_send(up(Up::AgentMetadata(metadata.to_wire())));
        renewal.said(said);
        Ok(Self {
            server,
            host,
            statuses,
            progress,
            renewal,
            random,
            clock,
            sender,
            down,
            hello: hello_of_server,
            due: Due::default(),
            reported: None,
        })
    }

    /// Keeps the auth server told until one of the two ends.
    pub(crate) async fn run(mut self) -> Result<End, ReportError> {
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
                message = self.down.message() => Event::Heard(message),
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
            services: services(status, self.host),
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
            while let Ok(Some(_)) = self.down.message().await {}
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

fn up(message: Up) -> UpstreamInventoryOneOf {
    UpstreamInventoryOneOf { msg: Some(message) }
}

async fn until(instant: Option<Instant>) {
    match instant {
        Some(instant) => sleep_until(instant).await,
        None => std::future::pending().await,
    }
}
