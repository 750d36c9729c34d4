//! One stream: the Hellos, and then what the conversation says.

use std::sync::Arc;
use std::time::Duration;

use futures_util::Stream;
use futures_util::StreamExt;
use futures_util::stream;
use jiff::Timestamp;
use selfcheck_core::ReportingMode;
use selfcheck_core::Status;
use selfcheck_protocol::Announcement;
use selfcheck_protocol::Conversation;
use selfcheck_protocol::Course;
use selfcheck_protocol::Heard;
use selfcheck_protocol::Hello;
use selfcheck_protocol::HostIdentity;
use selfcheck_protocol::HostMetadata;
use selfcheck_protocol::wire::proto::DownstreamInventoryOneOf;
use selfcheck_protocol::wire::proto::UpstreamInventoryOneOf;
use selfcheck_protocol::wire::proto::upstream_inventory_one_of::Msg as Up;
use tokio::sync::mpsc;
use tokio::sync::watch;
use tokio::time::Instant;
use tokio::time::sleep_until;
use tokio::time::timeout;
use tonic::Streaming;

use crate::Progress;
use crate::ReportError;
use crate::client::AuthClient;
use crate::wire::proto::auth_service_client::AuthServiceClient;

/// How long the Hellos may take.
const HELLO_TIME: Duration = Duration::from_secs(30);
/// How long the auth server may take to end a stream that the agent has said goodbye on.
const GOODBYE_TIME: Duration = Duration::from_secs(2);
/// How many messages wait to be written.
const BUFFER: usize = 8;

/// The status followed; the sender ends with the self-check.
pub(crate) type Statuses = watch::Receiver<Option<Arc<Status>>>;

/// One stream; `down` is what the auth server says.
pub(crate) struct Session<'a, D> {
    context: Context<'a>,
    sender: mpsc::Sender<UpstreamInventoryOneOf>,
    down: D,
    conversation: Conversation,
    /// What the times of the conversation count from.
    origin: Instant,
}

/// What a session waits for.
enum Event {
    Heard(Option<Result<DownstreamInventoryOneOf, tonic::Status>>),
    /// Whether there is room for a message; otherwise the stream has ended.
    Room(bool),
    /// Whether the status has changed; otherwise the self-check has ended.
    Changed(bool),
    Time,
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
    /// Whose identity it speaks with.
    pub(crate) host: &'a HostIdentity,
    pub(crate) statuses: &'a mut Statuses,
    pub(crate) progress: &'a watch::Sender<Progress>,
    /// When a stream was last renewed.
    pub(crate) renewed: &'a mut Option<Instant>,
    /// What all jitter of this stream is drawn from.
    pub(crate) seed: u64,
    pub(crate) clock: fn() -> Timestamp,
}

impl<'a> Session<'a, Streaming<DownstreamInventoryOneOf>> {
    /// Opens a stream and exchanges Hellos.
    pub(crate) async fn open(
        client: &AuthClient,
        hello: &Hello,
        metadata: &HostMetadata,
        context: Context<'a>,
    ) -> Result<Self, ReportError> {
        let server = context.server;
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
        let first = first.ok_or_else(|| ReportError::Ended(server.to_owned()))?;
        let session = Self::begin(Announcement::from(hello), &first, (sender, down), context)?;
        let _ = session.sender.try_send(up(Up::AgentMetadata(metadata.to_wire())));
        Ok(session)
    }
}

impl<'a, D> Session<'a, D>
where
    D: Stream<Item = Result<DownstreamInventoryOneOf, tonic::Status>> + Unpin,
{
    /// A stream on which the agent's Hello `said` this, and that of the auth server, `first`, has come.
    pub(crate) fn begin(
        said: Announcement,
        first: &DownstreamInventoryOneOf,
        (sender, down): (mpsc::Sender<UpstreamInventoryOneOf>, D),
        context: Context<'a>,
    ) -> Result<Self, ReportError> {
        let out_of_turn = |what| ReportError::OutOfTurn { server: context.server.to_owned(), what };
        let renewed = *context.renewed;
        let origin = renewed.unwrap_or_else(Instant::now);
        let conversation = Conversation::begin(said, first, context.seed, origin.elapsed())
            .map_err(out_of_turn)?
            .renewed(renewed.map(|at| at - origin));
        Ok(Self { context, sender, down, conversation, origin })
    }

    /// Keeps the auth server told until one of the two ends.
    pub(crate) async fn run(mut self) -> Result<End, ReportError> {
        self.opened();
        loop {
            let wakes = self.conversation.wakes().map(|at| self.origin + at);
            let event = tokio::select! {
                biased;
                message = self.down.next() => Event::Heard(message),
                room = self.sender.reserve(), if self.conversation.has_message() => Event::Room(room.is_ok()),
                changed = self.context.statuses.changed() => Event::Changed(changed.is_ok()),
                () = until(wakes) => Event::Time,
            };
            match event {
                Event::Heard(message) => self.hear(message)?,
                Event::Room(true) => self.send(),
                Event::Room(false) => return Err(ReportError::Ended(self.context.server.to_owned())),
                Event::Changed(true) => self.changed(),
                Event::Changed(false) => return Ok(self.say_goodbye().await),
                Event::Time => match self.conversation.elapse(self.origin.elapsed()) {
                    Course::GoesOn => {}
                    Course::Renew => {
                        *self.context.renewed = Some(Instant::now());
                        return Ok(End::Renew);
                    }
                },
            }
        }
    }

    /// A stream is open.
    fn opened(&self) {
        let mode = self.conversation.mode();
        let sent = (self.context.clock)();
        self.context.progress.send_modify(|progress| {
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
        let extension = mode == ReportingMode::Extension;
        tracing::info!(server = self.context.server, extension, "reporting");
    }

    /// Tells the conversation that the status has changed.
    fn changed(&mut self) {
        let Some(status) = self.context.statuses.borrow_and_update().clone() else { return };
        let holds = Announcement::of(&status, self.context.host.services(&status));
        self.conversation.changed(holds, self.origin.elapsed());
    }

    /// Sends what is due, of the agent as it is now; there is room for it.
    fn send(&mut self) {
        // Also where nobody follows the agent any more, which is noticed after this.
        let has_changed = self.context.statuses.borrow().has_changed();
        if has_changed {
            self.changed();
        }
        // As it is now, also where it has only moved on, which is no change.
        let status = self.context.statuses.borrow().clone();
        let now = (self.context.clock)();
        let Some(message) = self.conversation.message(status.as_deref(), now) else { return };
        if matches!(message, Up::Heartbeat(_)) {
            self.context.progress.send_modify(|progress| progress.last_sent = Some(now));
        }
        let _ = self.sender.try_send(up(message)); // nobody else sends
    }

    fn hear(
        &mut self,
        message: Option<Result<DownstreamInventoryOneOf, tonic::Status>>,
    ) -> Result<(), ReportError> {
        let server = self.context.server;
        let message = message.ok_or_else(|| ReportError::Ended(server.to_owned()))?;
        let message = message.map_err(|status| ReportError::answered(server, status))?;
        let out_of_turn = |what| ReportError::OutOfTurn { server: server.to_owned(), what };
        if let Heard::Acked(sequence) = self.conversation.hear(&message).map_err(out_of_turn)? {
            self.context.progress.send_modify(|progress| progress.acked = Some(sequence));
        }
        Ok(())
    }

    /// Says goodbye where that is taken, and lets the stream end.
    async fn say_goodbye(mut self) -> End {
        let ending = async {
            if let Some(goodbye) = self.conversation.goodbye() {
                let _ = self.sender.send(up(goodbye)).await;
            }
            drop(self.sender);
            while let Some(Ok(_)) = self.down.next().await {}
        };
        let _ = timeout(GOODBYE_TIME, ending).await;
        End::Stopped
    }
}

pub(crate) fn up(message: Up) -> UpstreamInventoryOneOf {
    UpstreamInventoryOneOf { msg: Some(message) }
}

pub(crate) async fn until(instant: Option<Instant>) {
    match instant {
        Some(instant) => sleep_until(instant).await,
        None => std::future::pending().await,
    }
}
