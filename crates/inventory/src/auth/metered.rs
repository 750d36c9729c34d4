//! The body of a request, whose messages are bounded in size, in time and in what all of one identity hold.

use std::pin::Pin;
use std::sync::Arc;
use std::task::Context;
use std::task::Poll;
use std::time::Duration;

use http_body::Frame;
use tokio::time::Sleep;
use tonic::Status;
use tonic::body::Body;
use tonic::codegen::Bytes;

use super::accounts::Account;
use super::accounts::Held;
use super::accounts::Holding;

/// What comes before each message of gRPC: a flag and the length.
const PREFIX: usize = 5;

/// What the messages of a body may be.
#[derive(Debug, Clone, Copy)]
pub(super) struct Allowance {
    /// The largest first one, in bytes.
    pub(super) first: usize,
    /// The largest one after that.
    pub(super) further: usize,
    /// How long each may take.
    pub(super) time: Duration,
    /// Since when the first one takes time.
    pub(super) since: Since,
    /// What all of one identity may hold that have not come to their end.
    pub(super) held: usize,
}

/// Since when the first message of a body takes time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Since {
    /// Since the request: there is one message, and it is wanted at once.
    Request,
    /// Since its own first byte: messages come when there is something to say.
    FirstByte,
}

/// The body of a request. A message counts by the length that it announces, until its last byte is there.
pub(super) struct Metered {
    body: Body,
    account: Arc<Account>,
    allowance: Allowance,
    most: usize,
    message: Message,
    /// All that may come has come.
    is_done: bool,
    /// Ends what has begun and does not get on.
    timer: Option<Pin<Box<Sleep>>>,
}

/// How far a message is.
enum Message {
    /// So much of what comes before it is there.
    Prefix([u8; PREFIX], usize),
    /// So much of it is missing.
    Rest { missing: usize, _held: Holding },
}

impl Metered {
    /// `body` of a caller with this account.
    pub(super) fn new(body: Body, account: Arc<Account>, allowance: Allowance) -> Self {
        let at_once = allowance.since == Since::Request;
        let timer = at_once.then(|| Box::pin(tokio::time::sleep(allowance.time)));
        Self {
            body,
            account,
            allowance,
            most: allowance.first,
            message: Message::Prefix([0; PREFIX], 0),
            is_done: false,
            timer,
        }
    }

    fn take(&mut self, mut bytes: &[u8]) -> Result<(), Status> {
        if self.is_done && !bytes.is_empty() {
            return Err(Status::invalid_argument("a request has one message"));
        }
        while !bytes.is_empty() {
            match &mut self.message {
                Message::Prefix(prefix, there) => {
                    let taken = bytes.len().min(PREFIX - *there);
                    prefix[*there..*there + taken].copy_from_slice(&bytes[..taken]);
                    *there += taken;
                    bytes = &bytes[taken..];
                    if *there == PREFIX {
                        let length = u32::from_be_bytes([prefix[1], prefix[2], prefix[3], prefix[4]]);
                        self.announced(usize::try_from(length).unwrap_or(usize::MAX))?;
                    }
                }
                Message::Rest { missing, .. } => {
                    let taken = bytes.len().min(*missing);
                    *missing -= taken;
                    bytes = &bytes[taken..];
                    if *missing == 0 {
                        self.complete();
                    }
                }
            }
        }
        // Time runs while something is unfinished, and not between messages.
        let is_between = matches!(self.message, Message::Prefix(_, 0));
        if !is_between && self.timer.is_none() {
            self.timer = Some(Box::pin(tokio::time::sleep(self.allowance.time)));
        }
        Ok(())
    }

    fn announced(&mut self, length: usize) -> Result<(), Status> {
        if length > self.most {
            let most = self.most;
            return Err(Status::out_of_range(format!("a message of {length} bytes is larger than {most}")));
        }
        if length == 0 {
            self.complete();
            return Ok(());
        }
        let holding = self.account.hold(Held::Bytes, length, self.allowance.held);
        let too_much = || Status::resource_exhausted("this identity has too many unfinished messages");
        self.message = Message::Rest { missing: length, _held: holding.ok_or_else(too_much)? };
        Ok(())
    }

    fn complete(&mut self) {
        self.message = Message::Prefix([0; PREFIX], 0);
        self.most = self.allowance.further;
        // A request has to come to its end, and not only its message.
        match self.allowance.since {
            Since::FirstByte => self.timer = None,
            Since::Request => self.is_done = true,
        }
    }
}

impl http_body::Body for Metered {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let this = self.get_mut();
        match Pin::new(&mut this.body).poll_frame(context) {
            Poll::Ready(Some(Ok(frame))) => {
                if let Some(bytes) = frame.data_ref() {
                    this.take(bytes)?;
                }
                Poll::Ready(Some(Ok(frame)))
            }
            Poll::Ready(other) => Poll::Ready(other),
            Poll::Pending => match this.timer.as_mut().map(|timer| timer.as_mut().poll(context)) {
                Some(Poll::Ready(())) => Poll::Ready(Some(Err(Status::deadline_exceeded(
                    "a message did not come to its end in time",
                )))),
                _ => Poll::Pending,
            },
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }
}
