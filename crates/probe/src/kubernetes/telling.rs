//! Being told of changes of one object.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::StreamExt;
use selfcheck_core::Why;
use sync_wrapper::SyncWrapper;
use tokio::time::Instant;
use tokio::time::Sleep;
use tokio::time::sleep;
use tokio::time::timeout;

use super::backoff::Backoff;
use super::client;
use super::client::Changes;
use super::client::Client;
use super::events::Event;
use super::failure::Failure;
use super::names::Key;

/// Telling that lasted for so long was no failure.
const LASTED: Duration = Duration::from_secs(60);
/// How long the API is asked to tell changes by one request, in seconds, and how much longer at random, so that agents
/// which began together do not begin anew together.
const TELL: [u64; 2] = [3_600, 1_200];
/// The API has so long to begin.
const BEGINS: Duration = Duration::from_secs(30);

/// How changes are told, and what became of earlier attempts.
#[derive(Default)]
pub(super) struct Telling {
    state: State,
    failures: Backoff,
}

/// What is told next.
#[derive(Debug)]
pub(super) enum Heard {
    /// From now on all is told.
    Begun,
    Event(Event),
}

/// A request that starts it.
type Starting = Pin<Box<dyn Future<Output = Result<Changes, Failure>> + Send>>;

#[derive(Default)]
enum State {
    /// Not yet, or not any more.
    #[default]
    Idle,
    /// It was asked for.
    Starting(SyncWrapper<Starting>),
    /// Since then.
    Open(SyncWrapper<Changes>, Instant),
    /// Until it is tried again.
    Waiting(Pin<Box<Sleep>>),
    /// It may not be.
    Refused,
}

impl Telling {
    /// What is told next of the object. It may be dropped at any time.
    pub(super) async fn next(&mut self, client: &Client, key: &Key) -> Result<Heard, Failure> {
        loop {
            match &mut self.state {
                State::Idle => {
                    let seconds = TELL[0] + fastrand::u64(..TELL[1]);
                    let changes = timeout(BEGINS, client::changes(client.clone(), key.clone(), seconds))
                        .map(|begun| begun.unwrap_or(Err(Failure::Passing(Why::Timeout, None))));
                    self.state = State::Starting(SyncWrapper::new(changes.boxed()));
                }
                State::Starting(starting) => match starting.get_mut().await {
                    Ok(changes) => {
                        self.state = State::Open(SyncWrapper::new(changes), Instant::now());
                        return Ok(Heard::Begun);
                    }
                    Err(Failure::Forbidden) => self.state = State::Refused,
                    Err(failure) => {
                        self.state = State::Idle;
                        return Err(failure);
                    }
                },
                State::Open(changes, since) => {
                    let told = changes.get_mut().next().await;
                    if since.elapsed() >= LASTED {
                        self.failures.succeeded();
                    }
                    return told.unwrap_or(Err(Failure::Passing(Why::Closed, None))).map(Heard::Event);
                }
                State::Waiting(sleep) => {
                    sleep.await;
                    self.state = State::Idle;
                }
                State::Refused => return std::future::pending().await,
            }
        }
    }

    /// Since when changes are told, if they are.
    pub(super) const fn open_since(&self) -> Option<Instant> {
        match &self.state {
            State::Open(_, since) => Some(*since),
            _ => None,
        }
    }

    /// Whether the service account may not be told.
    pub(super) const fn is_refused(&self) -> bool {
        matches!(self.state, State::Refused)
    }

    /// Stops after a failure, to begin anew later.
    pub(super) fn pause(&mut self, failure: Failure) {
        let said = if let Failure::Passing(_, said) = failure { said } else { None };
        self.state = State::Waiting(Box::pin(sleep(self.failures.wait(said))));
    }

    /// What was refused may be permitted by now.
    pub(super) fn try_again(&mut self) {
        if self.is_refused() {
            self.state = State::Idle;
        }
    }
}
