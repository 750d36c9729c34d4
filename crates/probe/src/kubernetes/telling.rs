//! Being told of changes of one object.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::StreamExt;
use kube::Client;
use kube::core::WatchEvent;
use selfcheck_core::Why;
use serde_json::Value;
use sync_wrapper::SyncWrapper;
use tokio::time::Instant;
use tokio::time::Sleep;
use tokio::time::sleep;
use tokio::time::timeout;

use super::client;
use super::client::Changes;
use super::client::Failure;
use super::names::Key;

/// The first and the longest wait after a failure, doubled from one to the next.
const AFTER_FAILURE: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(5 * 60)];
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
    pub(super) state: State,
    /// Failures in a row.
    failures: u32,
}

/// What is told next.
#[derive(Debug)]
pub(super) enum Heard {
    /// From now on changes are told.
    Begun,
    /// A change.
    Event(WatchEvent<Value>),
    /// The object must be asked for anew.
    Forgotten,
}

/// A request that starts it.
type Starting = Pin<Box<dyn Future<Output = Result<Changes, Failure>> + Send>>;

#[derive(Default)]
pub(super) enum State {
    /// Not yet, or not any more.
    #[default]
    Idle,
    /// It was asked for.
    Starting(SyncWrapper<Starting>),
    /// Since then.
    Open(SyncWrapper<Changes>, Instant),
    /// Until it is tried again.
    Waiting(Pin<Box<Sleep>>),
    /// What is remembered is too old. Until then nobody is asked for what is new.
    TooOld(Pin<Box<Sleep>>),
    /// The object must be asked for anew before it can go on.
    Stale,
    /// It may not be.
    Refused,
}

impl Telling {
    /// What is told next of the object, since `version`. It may be dropped at any time.
    pub(super) async fn next(
        &mut self,
        client: &Client,
        key: &Key,
        version: Option<&str>,
    ) -> Result<Heard, Failure> {
        loop {
            match &mut self.state {
                State::Idle => {
                    let seconds = TELL[0] + fastrand::u64(..TELL[1]);
                    let version = version.map(str::to_owned);
                    let changes = client::changes(client.clone(), key.clone(), version, seconds);
                    let changes = timeout(BEGINS, changes)
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
                        self.failures = 0;
                    }
                    return told.unwrap_or(Err(Failure::Passing(Why::Closed, None))).map(Heard::Event);
                }
                State::Waiting(sleep) => {
                    sleep.await;
                    self.state = State::Idle;
                }
                State::TooOld(sleep) => {
                    sleep.await;
                    self.state = State::Stale;
                    return Ok(Heard::Forgotten);
                }
                State::Stale | State::Refused => return std::future::pending().await,
            }
        }
    }

    /// Whether changes are told now.
    pub(super) const fn is_open(&self) -> bool {
        matches!(self.state, State::Open(..))
    }

    /// Stops after a failure, to go on later where it ended, if the server still knows what came after.
    pub(super) fn pause(&mut self, failure: Failure) {
        let said = if let Failure::Passing(_, said) = failure { said } else { None };
        let sleep = Box::pin(sleep(self.wait(said)));
        let is_of_no_use = match failure {
            Failure::Gone => true,
            // What was told made no sense, so that nothing follows from its having begun.
            Failure::Passing(Why::Protocol, _) => self.is_open(),
            _ => false,
        };
        self.state = if is_of_no_use { State::TooOld(sleep) } else { State::Waiting(sleep) };
    }

    /// Goes on from an object that was asked for anew.
    pub(super) fn go_on(&mut self) {
        if !matches!(self.state, State::Waiting(_)) {
            self.state = State::Idle;
        }
    }

    /// How long to wait after one more failure: longer from one to the next, and as long as the server says.
    pub(super) fn wait(&mut self, said: Option<Duration>) -> Duration {
        let [first, longest] = AFTER_FAILURE;
        let doubled = first.saturating_mul(1 << self.failures.min(16)).min(longest);
        self.failures = self.failures.saturating_add(1);
        doubled.mul_f64(1.0 + fastrand::f64()).max(said.unwrap_or_default())
    }
}
