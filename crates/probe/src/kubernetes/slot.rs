//! What is remembered of one object, and when it is asked for again.

use std::fmt;
use std::time::Duration;

use kube::Client;
use kube::core::WatchEvent;
use selfcheck_core::Fact;
use selfcheck_core::Why;
use serde_json::Value;
use tokio::time::Instant;
use tokio::time::sleep_until;
use tokio::time::timeout_at;

use super::client;
use super::client::Failure;
use super::names::Key;
use super::objects;
use super::objects::Object;
use super::telling::Heard;
use super::telling::State;
use super::telling::Telling;

/// What could be seen is believed for so long after the API has stopped answering.
const KEPT: Duration = Duration::from_secs(15 * 60);
/// What may not be seen, or whose changes may not be told, is asked for again after so long.
const AGAIN: Duration = Duration::from_secs(10 * 60);

/// What is kept of an object from one look to the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Keeping {
    /// Nothing: whoever looks but once asks.
    Nothing,
    /// What was seen, for ever.
    Once,
    /// What was seen, and its changes are told.
    Told,
}

/// What is known of one object.
pub(super) struct Slot<T> {
    keeping: Keeping,
    key: Option<Key>,
    /// What was seen last, or that it may not be seen.
    fact: Fact<T>,
    /// Its version, after which changes are told.
    version: Option<String>,
    /// When the fact was last known to be so.
    confirmed: Option<Instant>,
    /// Why it could not be had since.
    trouble: Option<Why>,
    /// Nobody is asked before this.
    again: Option<Instant>,
    /// It is to be asked for again then, and whoever waits for changes is to be told so.
    retry: Option<Instant>,
    /// The last answer was none, and another connection may help.
    wants_connection: bool,
    telling: Telling,
}

/// What a slot has to say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Told {
    /// The object has changed, or must be asked for anew.
    Changed,
    /// Another connection, with what the token and the certificates are now, may help.
    Reconnect,
}

impl<T> fmt::Debug for Slot<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Slot").field("key", &self.key).field("version", &self.version).finish_non_exhaustive()
    }
}

impl<T: Object> Slot<T> {
    pub(super) fn new(keeping: Keeping) -> Self {
        Self {
            keeping,
            key: None,
            fact: Fact::NotApplicable,
            version: None,
            confirmed: None,
            trouble: None,
            again: None,
            retry: None,
            wants_connection: false,
            telling: Telling::default(),
        }
    }

    pub(super) const fn keep(&mut self, keeping: Keeping) {
        self.keeping = keeping;
    }

    /// The object at `key`, asked for only if what is remembered will not do.
    pub(super) async fn look(
        &mut self,
        client: &Client,
        key: &Key,
        deadline: Instant,
    ) -> Result<Fact<T>, Told> {
        if self.key.as_ref() != Some(key) {
            *self = Self { key: Some(key.clone()), ..Self::new(self.keeping) };
        }
        if !self.does(Instant::now()) {
            let answer = timeout_at(deadline, client::get(client, key)).await;
            let answer = answer.unwrap_or(Err(Failure::Passing(Why::Timeout, None)));
            match answer.and_then(|object| self.read(&object).ok_or(Failure::Passing(Why::Protocol, None))) {
                Ok(fact) => self.confirm(fact),
                Err(Failure::NotFound) => {
                    self.version = None;
                    self.confirm(Fact::Absent);
                }
                Err(Failure::Forbidden) => {
                    self.confirm(Fact::Unreadable(Why::Denied));
                    self.again = Some(Instant::now() + AGAIN);
                }
                Err(Failure::Unauthorized) => return Err(Told::Reconnect),
                Err(Failure::Gone) => self.failed(Why::Protocol, None),
                Err(failure @ Failure::Passing(why, wait)) => {
                    self.failed(why, wait);
                    self.wants_connection = failure.may_be_the_connections();
                }
            }
        }
        Ok(self.said(Instant::now()))
    }

    /// Whether another connection may help, asked once.
    pub(super) const fn wants_connection(&mut self) -> bool {
        std::mem::replace(&mut self.wants_connection, false)
    }

    /// The token is not taken, though it was read anew.
    pub(super) fn unauthorized(&mut self) -> Fact<T> {
        self.failed(Why::Denied, None);
        self.said(Instant::now())
    }

    /// Whether what is remembered does, without asking.
    fn does(&self, now: Instant) -> bool {
        let within = |time: Duration| self.confirmed.is_some_and(|at| now < at + time);
        let may_be_asked = self.again.is_none_or(|again| again <= now);
        match self.keeping {
            Keeping::Nothing => false,
            _ if !may_be_asked => true,
            _ if self.fact.is_unreadable() => false,
            Keeping::Once => self.confirmed.is_some(),
            Keeping::Told => match self.telling.state {
                State::Open(..) => true,
                State::Stale => false,
                State::Refused => within(AGAIN),
                State::Idle | State::Starting(_) | State::Waiting(_) | State::TooOld(_) => within(KEPT),
            },
        }
    }

    /// What is said of the object. What could be seen outlasts trouble, for a while, unless nothing is kept.
    fn said(&self, now: Instant) -> Fact<T> {
        let is_kept = self.keeping != Keeping::Nothing && self.confirmed.is_some_and(|at| now < at + KEPT);
        match self.trouble {
            Some(why) if !is_kept => Fact::Unreadable(why),
            _ => self.fact.clone(),
        }
    }

    /// Reads the object, if it is the one that was asked for.
    fn read(&mut self, object: &Value) -> Option<Fact<T>> {
        let value = T::read(object).filter(|_| self.is_named(object))?;
        self.remember(objects::version(object));
        Some(Fact::Present(value))
    }

    fn is_named(&self, object: &Value) -> bool {
        self.key.as_ref().is_some_and(|key| objects::name(object) == Some(&key.name))
    }

    /// Remembers a version, if it can be part of a query.
    fn remember(&mut self, version: Option<&str>) {
        let version = version.filter(|version| version.bytes().all(|byte| byte.is_ascii_digit()));
        self.version = version.map(str::to_owned);
    }

    /// Asked for, and answered.
    fn confirm(&mut self, fact: Fact<T>) {
        self.fact = fact;
        self.confirmed = Some(Instant::now());
        self.trouble = None;
        self.again = None;
        self.retry = None;
        self.telling.go_on();
    }

    /// Asked for, and not answered as it should be.
    fn failed(&mut self, why: Why, wait: Option<Duration>) {
        self.trouble = Some(why);
        let again = Instant::now() + self.telling.wait(wait);
        self.again = Some(again);
        self.retry = Some(again);
    }

    /// Waits for a change of the object. It may be dropped at any time; no change is lost.
    pub(super) async fn told(&mut self, client: &Client) -> Told {
        loop {
            let Some(key) = self.key.as_ref().filter(|_| self.is_told()) else { return self.due().await };
            let heard = self.telling.next(client, key, self.version.as_deref()).await;
            if self.telling.is_open() {
                self.confirmed = Some(Instant::now());
            }
            match heard.and_then(|heard| self.take(heard)) {
                Ok(false) => {}
                Ok(true) => return Told::Changed,
                Err(failure) => {
                    let has_begun = self.telling.is_open();
                    self.telling.pause(failure);
                    if !has_begun && failure.may_be_the_connections() {
                        return Told::Reconnect;
                    }
                }
            }
        }
    }

    /// Waits until what could not be had is to be asked for again. That is told once: a look need not ask for it any more.
    async fn due(&mut self) -> Told {
        let Some(retry) = self.retry else { return std::future::pending().await };
        sleep_until(retry).await;
        self.retry = None;
        Told::Changed
    }

    /// Whether its changes are to be told. What may not be seen is asked for at looks; what must be asked for anew, before
    /// anything else.
    fn is_told(&self) -> bool {
        self.keeping == Keeping::Told
            && matches!(self.fact, Fact::Present(_) | Fact::Absent)
            && !matches!(self.telling.state, State::Stale)
    }

    /// Takes what is told. Whether that changes anything that matters.
    fn take(&mut self, heard: Heard) -> Result<bool, Failure> {
        let event = match heard {
            // What was seen holds again, if it was no longer believed.
            Heard::Begun => return Ok(self.trouble.take().is_some()),
            Heard::Forgotten => return Ok(true),
            Heard::Event(event) => event,
        };
        let fact = match event {
            WatchEvent::Added(object) | WatchEvent::Modified(object) if self.is_named(&object) => {
                self.read(&object).ok_or(Failure::Gone)?
            }
            WatchEvent::Deleted(object) if self.is_named(&object) => {
                self.remember(objects::version(&object));
                Fact::Absent
            }
            WatchEvent::Bookmark(bookmark) => {
                self.remember(Some(&bookmark.metadata.resource_version));
                return Ok(false);
            }
            WatchEvent::Added(_) | WatchEvent::Modified(_) | WatchEvent::Deleted(_) => return Ok(false),
            WatchEvent::Error(status) => return Err(Failure::of_code(status.code)),
        };
        let is_changed = fact != self.fact;
        self.fact = fact;
        Ok(is_changed)
    }
}
