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

use crate::Limits;
use crate::accounts::Account;
use crate::accounts::Held;
use crate::accounts::Holding;

/// What comes before each message of gRPC: a flag and the length.
const PREFIX: usize = 5;

/// What a body is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// One message, which is wanted at once.
    Question,
    /// Messages that come when there is something to say.
    Stream,
}

/// The body of a request. A message counts by the length that it announces, until its last byte is there.
pub(crate) struct Metered {
    body: Body,
    account: Arc<Account>,
    limits: Arc<Limits>,
    kind: Kind,
    /// A message has come to its end.
    has_message: bool,
    message: Message,
    /// Ends what has begun and does not get on.
    timer: Option<Pin<Box<Sleep>>>,
}

/// How far a message is.
enum Message {
    /// So much of what comes before it is there.
    Prefix([u8; PREFIX], u8),
    /// So much of it is missing.
    Rest { missing: u32, _held: Holding },
}

impl Kind {
    /// How long a message may take: a question since it was asked, and what comes on a stream since its own first byte.
    fn time(self, limits: &Limits) -> Duration {
        match self {
            Self::Question => limits.request_time,
            Self::Stream => limits.hello_time,
        }
    }
}

impl Metered {
    /// `body` of a caller with this account.
    pub(crate) fn new(body: Body, account: Arc<Account>, limits: Arc<Limits>, kind: Kind) -> Self {
        let mut metered =
            Self { body, account, limits, kind, has_message: false, message: Message::NONE, timer: None };
        if kind == Kind::Question {
            metered.begin_timer();
        }
        metered
    }

    /// Time runs from now on, if it does not yet.
    fn begin_timer(&mut self) {
        let time = self.kind.time(&self.limits);
        self.timer.get_or_insert_with(|| Box::pin(tokio::time::sleep(time)));
    }

    fn take(&mut self, mut bytes: &[u8]) -> Result<(), Status> {
        while !bytes.is_empty() {
            bytes = match &mut self.message {
                Message::Prefix(prefix, there) => {
                    if self.has_message && self.kind == Kind::Question {
                        return Err(Status::invalid_argument("a request has one message"));
                    }
                    let (whole, rest) = gather(prefix, there, bytes);
                    match whole {
                        Some([_, length @ ..]) => self.announced(u32::from_be_bytes(length), rest)?,
                        None => rest,
                    }
                }
                Message::Rest { missing, .. } => {
                    let (taken, rest) = split(bytes, *missing);
                    *missing -= taken;
                    if *missing == 0 {
                        self.complete();
                    }
                    rest
                }
            };
        }
        // Time runs while something is unfinished, and not between messages.
        if !matches!(self.message, Message::Prefix(_, 0)) {
            self.begin_timer();
        }
        Ok(())
    }

    /// A message of such a length begins, of which this is there. What comes after it.
    fn announced<'b>(&mut self, length: u32, there: &'b [u8]) -> Result<&'b [u8], Status> {
        let of_stream = self.has_message && self.kind == Kind::Stream;
        let most = if of_stream { self.limits.message_bytes } else { self.limits.request_bytes };
        let bytes = usize::try_from(length).unwrap_or(usize::MAX);
        if bytes > most {
            return Err(Status::out_of_range(format!("a message of {length} bytes is larger than {most}")));
        }
        let (taken, rest) = split(there, length);
        if taken == length {
            self.complete();
            return Ok(rest);
        }
        let holding = self.account.hold(Held::Bytes, bytes, self.limits.bytes_per_host);
        let too_much = || Status::resource_exhausted("this identity has too many unfinished messages");
        self.message = Message::Rest { missing: length - taken, _held: holding.ok_or_else(too_much)? };
        Ok(rest)
    }

    fn complete(&mut self) {
        self.message = Message::NONE;
        self.has_message = true;
        // A question has to come to its end, and not only its message.
        if self.kind == Kind::Stream {
            self.timer = None;
        }
    }
}

impl Message {
    const NONE: Self = Self::Prefix([0; PREFIX], 0);
}

/// What comes before a message, of which `prefix` has so many bytes already: it, if it is whole now, and what comes after.
fn gather<'b>(
    prefix: &mut [u8; PREFIX],
    there: &mut u8,
    bytes: &'b [u8],
) -> (Option<[u8; PREFIX]>, &'b [u8]) {
    // Nearly always it comes at once.
    if *there == 0
        && let Some((whole, rest)) = bytes.split_first_chunk()
    {
        return (Some(*whole), rest);
    }
    let (taken, rest) = bytes.split_at(bytes.len().min(PREFIX - usize::from(*there)));
    for byte in taken {
        prefix[usize::from(*there)] = *byte;
        *there += 1;
    }
    ((usize::from(*there) == PREFIX).then_some(*prefix), rest)
}

/// The first so many bytes, as far as they are there: how many those are, and what comes after them.
fn split(bytes: &[u8], many: u32) -> (u32, &[u8]) {
    let there = u32::try_from(bytes.len()).unwrap_or(u32::MAX).min(many);
    let after = usize::try_from(there).map_or(&[][..], |there| &bytes[there..]);
    (there, after)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_before_a_message_is_the_same_in_any_pieces() {
        let bytes = [0, 0, 0, 1, 44, 7, 8];
        for first in 0..=bytes.len() {
            for second in first..=bytes.len() {
                let (mut prefix, mut there) = ([0; PREFIX], 0);
                let mut found = None;
                for piece in [&bytes[..first], &bytes[first..second], &bytes[second..]] {
                    match found {
                        None => {
                            let (whole, rest) = gather(&mut prefix, &mut there, piece);
                            found = whole.map(|whole| (whole, rest.to_vec()));
                        }
                        Some((_, ref mut rest)) => rest.extend_from_slice(piece),
                    }
                }
                assert_eq!(found, Some(([0, 0, 0, 1, 44], vec![7, 8])), "{first} and {second}");
            }
        }
    }
}
