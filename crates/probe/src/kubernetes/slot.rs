//! What is remembered of one object, and when it is asked for again.

use std::fmt;
use std::time::Duration;

use selfcheck_core::Fact;
use selfcheck_core::Why;
use serde_json::Value;
use tokio::time::Instant;
use tokio::time::sleep_until;
use tokio::time::timeout_at;

use super::backoff::Backoff;
use super::client;
use super::client::Client;
use super::events::Event;
use super::failure::Failure;
use super::names::Key;
use super::objects;
use super::objects::Object;
use super::telling::Heard;
use super::telling::Telling;

/// What could be seen is believed for so long after the API has stopped answering.
const KEPT: Duration = Duration::from_secs(15 * 60);
/// What may not be seen, or whose changes may not be told, is asked for again after so long.
const AGAIN: Duration = Duration::from_secs(10 * 60);
/// An object that is there is shown at once where its changes are told. One that is not shown by then is asked for.
const SHOWN: Duration = Duration::from_secs(10);

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
    /// Of which version of the object that is.
    version: Option<u64>,
    /// When the fact was last known to be so.
    confirmed: Option<Instant>,
    /// Why it could not be had since.
    trouble: Option<Why>,
    /// Nobody is asked before this.
    again: Option<Instant>,
    /// It is to be asked for again then, and whoever waits for changes is to be told so.
    retry: Option<Instant>,
    /// It is to be asked for, whatever is remembered.
    is_doubtful: bool,
    /// The last answer was none, and another connection may help.
    wants_connection: bool,
    failures: Backoff,
    telling: Telling,
    /// Since changes are told, it is known what they are changes of.
    is_shown: bool,
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
            is_doubtful: false,
            wants_connection: false,
            failures: Backoff::default(),
            telling: Telling::default(),
            is_shown: false,
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
            match answer.and_then(|object| self.read(&object)) {
                Ok((fact, version)) => self.confirm(fact, version),
                Err(Failure::NotFound) => self.confirm(Fact::Absent, None),
                Err(Failure::Forbidden) => {
                    self.confirm(Fact::Unreadable(Why::Denied), None);
                    self.again = Some(Instant::now() + AGAIN);
                }
                Err(Failure::Unauthorized) => return Err(Told::Reconnect),
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
        match self.keeping {
            Keeping::Nothing => false,
            _ if self.again.is_some_and(|again| now < again) => true,
            _ if self.is_doubtful || self.fact.is_unreadable() => false,
            // What is not there at first may come.
            Keeping::Once => self.fact.is_present() || within(AGAIN),
            Keeping::Told if self.telling.is_refused() => within(AGAIN),
            Keeping::Told => self.is_shown || within(KEPT),
        }
    }

    /// What is said of the object. What could be seen outlasts trouble, for a while, unless nothing is kept.
    fn said(&self, now: Instant) -> Fact<T> {
        let is_kept = self.keeping != Keeping::Nothing
            && (self.is_shown || self.confirmed.is_some_and(|at| now < at + KEPT));
        match self.trouble {
            Some(why) if !is_kept => Fact::Unreadable(why),
            _ => self.fact.clone(),
        }
    }

    /// Reads the object, if it is the one that was asked for.
    fn read(&self, object: &Value) -> Result<(Fact<T>, Option<u64>), Failure> {
        let value = T::read(object).filter(|_| self.is_named(object));
        let value = value.ok_or(Failure::Passing(Why::Protocol, None))?;
        Ok((Fact::Present(value), objects::version(object)))
    }

    fn is_named(&self, object: &Value) -> bool {
        self.key.as_ref().is_some_and(|key| objects::name(object) == Some(&key.name))
    }

    /// Asked for, and answered.
    fn confirm(&mut self, fact: Fact<T>, version: Option<u64>) {
        self.failures.succeeded();
        self.telling.try_again();
        self.know(fact, version);
    }

    /// It is so at this moment. Whether that is news.
    fn know(&mut self, fact: Fact<T>, version: Option<u64>) -> bool {
        let is_news = fact != self.fact || self.trouble.is_some();
        self.fact = fact;
        self.version = version;
        self.confirmed = Some(Instant::now());
        self.is_shown = self.telling.open_since().is_some();
        self.trouble = None;
        self.again = None;
        self.retry = None;
        self.is_doubtful = false;
        is_news
    }

    /// Asked for, and not answered as it should be.
    fn failed(&mut self, why: Why, wait: Option<Duration>) {
        self.trouble = Some(why);
        let again = Instant::now() + self.failures.wait(wait);
        self.again = Some(again);
        self.retry = Some(again);
    }

    /// Waits for a change of the object. It may be dropped at any time; no change is lost.
    pub(super) async fn told(&mut self, client: &Client) -> Told {
        loop {
            let doubted = self.doubted();
            let Some(key) = self.key.as_ref().filter(|_| self.is_told()) else {
                return self.doubt(doubted).await;
            };
            let heard = tokio::select! {
                biased;
                heard = self.telling.next(client, key) => heard,
                () = until(doubted) => return self.doubt(doubted).await,
            };
            match heard.and_then(|heard| self.take(heard)) {
                Ok(false) => {}
                Ok(true) => return Told::Changed,
                Err(failure) => {
                    let had_begun = self.telling.open_since().is_some();
                    if std::mem::replace(&mut self.is_shown, false) {
                        self.confirmed = Some(Instant::now());
                    }
                    self.telling.pause(failure);
                    if !had_begun && failure.may_be_the_connections() {
                        return Told::Reconnect;
                    }
                }
            }
        }
    }

    /// Whether its changes are to be told. What may not be seen is asked for at looks.
    fn is_told(&self) -> bool {
        self.keeping == Keeping::Told && matches!(self.fact, Fact::Present(_) | Fact::Absent)
    }

    /// When it is to be asked for, if nothing is heard of it before. Never while it is told as it should be: nothing wakes then.
    fn doubted(&self) -> Option<Instant> {
        if self.retry.is_some() || self.is_doubtful || !self.is_told() || self.is_shown {
            return self.retry;
        }
        match self.telling.open_since() {
            Some(since) => Some(since + SHOWN),
            None if self.telling.is_refused() => self.confirmed.map(|at| at + AGAIN),
            None => self.confirmed.map(|at| at + KEPT),
        }
    }

    /// Waits until then, and has it asked for. That is told once: a look need not ask for it any more.
    async fn doubt(&mut self, then: Option<Instant>) -> Told {
        until(then).await;
        self.retry = None;
        self.is_doubtful = true;
        Told::Changed
    }

    /// Takes what is heard. Whether that is anything that matters.
    fn take(&mut self, heard: Heard) -> Result<bool, Failure> {
        let (fact, version) = match heard {
            Heard::Event(Event::Shown(object)) if self.is_named(&object) => self.read(&object)?,
            Heard::Event(Event::Deleted(object)) if self.is_named(&object) => {
                (Fact::Absent, objects::version(&object))
            }
            Heard::Event(_) => return Ok(false),
            Heard::Begun => {
                self.is_shown = false;
                return Ok(false);
            }
        };
        // A server that is behind the others shows what was; what followed it comes later. One that was restored from a copy has
        // begun anew.
        if let (Some(version), Some(known)) = (version, self.version)
            && version < known
        {
            return Ok(false);
        }
        Ok(self.know(fact, version))
    }
}

/// Waits until then; for ever if that is never.
pub(super) async fn until(then: Option<Instant>) {
    match then {
        Some(then) => sleep_until(then).await,
        None => std::future::pending().await,
    }
}
