//! What each identity takes of an auth server, over all its connections and streams, and who is denied.

use std::collections::HashMap;
use std::hash::DefaultHasher;
use std::hash::Hash;
use std::hash::Hasher;
use std::sync::Arc;
use std::sync::Weak;
use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering;

use parking_lot::Mutex;
use selfcheck_core::Text;
use selfcheck_core::policy::Denied;
use selfcheck_fleet::Outcome;
use tokio::time::Instant;

use crate::Rate;
use crate::caller::Known;
use crate::limits::Bucket;
use crate::limits::since;

/// Below so many accounts none is looked for that is no longer needed.
const FEW: usize = 1024;

/// The accounts of an auth server, and whom it denies.
#[derive(Debug, Default)]
pub(crate) struct Accounts(Mutex<Table>);

#[derive(Debug, Default)]
struct Table {
    /// By the host's id, or by the certificate of somebody who is none.
    accounts: HashMap<Text, Arc<Account>>,
    /// With how many accounts those are looked for that are no longer needed.
    tidy_at: usize,
    denied: Arc<Denied>,
}

/// What one identity takes.
#[derive(Debug)]
pub(crate) struct Account {
    held: [AtomicU32; Held::COUNT],
    rates: Mutex<[Bucket; Rated::COUNT]>,
    since: Instant,
    /// Its connections.
    callers: Mutex<Vec<Weak<Known>>>,
}

/// What is held for as long as it is needed.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Held {
    /// Connections.
    Connections,
    /// Requests that are open, streams among them.
    Requests,
    /// Questions whose answers have not been read.
    Answers,
    /// Streams that have not said Hello.
    Unannounced,
    /// Bytes of messages that have not come to their end.
    Bytes,
}

/// What is taken so many times in a second.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Rated {
    /// New connections.
    Connections,
    /// New streams.
    Joins,
    /// Requests.
    Requests,
    /// Requests that were refused.
    Refusals,
}

/// Something held, until it is dropped.
#[derive(Debug)]
pub(crate) struct Holding {
    account: Arc<Account>,
    what: Held,
    amount: u32,
}

impl Held {
    const COUNT: usize = 5;
}

impl Rated {
    const COUNT: usize = 4;
}

impl Accounts {
    /// Whose account a connection is: the host's, or that of anybody else with this certificate. Administrators share a name, not
    /// a place.
    pub(crate) fn key(host: Option<&Text>, certificate: &[u8]) -> Text {
        host.cloned().unwrap_or_else(|| {
            let mut hasher = DefaultHasher::new();
            certificate.hash(&mut hasher);
            Text::new(&format!(".{:016x}", hasher.finish())) // no host id begins with a dot
        })
    }

    /// The account of `key`.
    pub(crate) fn of(&self, key: Text) -> Arc<Account> {
        let mut table = self.0.lock();
        if table.accounts.len() >= table.tidy_at.max(FEW) {
            let now = Instant::now();
            table.accounts.retain(|_, account| Arc::strong_count(account) > 1 || !account.rests(now));
            table.tidy_at = table.accounts.len() * 2;
        }
        Arc::clone(table.accounts.entry(key).or_default())
    }

    /// Denies others than before. Of those that are denied now, open connections end.
    pub(crate) fn deny(&self, denied: Denied) {
        let mut table = self.0.lock();
        table.denied = Arc::new(denied);
        for account in table.accounts.values() {
            for caller in account.callers.lock().iter().filter_map(Weak::upgrade) {
                if caller.is_denied(&table.denied) {
                    caller.end(Outcome::Revoked);
                }
            }
        }
    }

    /// Lets a caller in, so that it is found when it is denied; `false` if it is denied already.
    pub(crate) fn admit(&self, account: &Account, caller: &Arc<Known>) -> bool {
        let table = self.0.lock();
        if caller.is_denied(&table.denied) {
            return false;
        }
        let mut callers = account.callers.lock();
        callers.retain(|caller| caller.strong_count() > 0);
        if callers.is_empty() {
            callers.reserve_exact(1); // most have one connection
        }
        callers.push(Arc::downgrade(caller));
        true
    }
}

impl Account {
    /// Holds so much of something; `None` if that were more than `most`.
    pub(crate) fn hold(self: &Arc<Self>, what: Held, amount: usize, most: usize) -> Option<Holding> {
        let amount = u32::try_from(amount).ok()?;
        let held = &self.held[what as usize];
        let more = |held: u32| {
            held.checked_add(amount).filter(|held| usize::try_from(*held).is_ok_and(|held| held <= most))
        };
        held.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).ok()?;
        Some(Holding { account: Arc::clone(self), what, amount })
    }

    /// Whether one more is within the rate.
    pub(crate) fn take(&self, what: Rated, rate: Rate) -> bool {
        let after = since(self.since, Instant::now());
        self.rates.lock()[what as usize].take(rate, after)
    }

    /// Whether all rates have recovered, so that without a connection it is no longer needed.
    fn rests(&self, now: Instant) -> bool {
        let after = since(self.since, now);
        self.rates.lock().iter().all(|rate| rate.is_full(after))
    }
}

impl Default for Account {
    fn default() -> Self {
        Self {
            held: Default::default(),
            rates: Mutex::default(),
            since: Instant::now(),
            callers: Mutex::default(),
        }
    }
}

impl Drop for Holding {
    fn drop(&mut self) {
        self.account.held[self.what as usize].fetch_sub(self.amount, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn each_identity_has_its_own_places_and_gives_them_back() {
        let accounts = Accounts::default();
        let enter = |host: &str| accounts.of(host.into()).hold(Held::Connections, 1, 2);
        let (first, second) = (enter("a"), enter("a"));
        assert!(first.is_some() && second.is_some() && enter("a").is_none());
        assert!(enter("b").is_some());
        drop(first);
        assert!(enter("a").is_some());
        let bytes = |amount| accounts.of("a".into()).hold(Held::Bytes, amount, 100);
        assert!(bytes(101).is_none() && bytes(usize::MAX).is_none());
        let _some = bytes(60);
        assert!(bytes(41).is_none() && bytes(40).is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn a_rate_outlives_the_connection_and_its_account_goes_when_it_has_recovered() {
        let accounts = Accounts::default();
        let rate = Rate { burst: 2, per_second: 1.0 };
        let joins = || accounts.of("a".into()).take(Rated::Joins, rate);
        assert_eq!([joins(), joins(), joins()], [true, true, false]);
        let many = || (0..FEW).for_each(|number| _ = accounts.of(Text::new(&number.to_string())));
        many();
        assert!(!joins(), "it was not forgotten");
        tokio::time::advance(Duration::from_secs(2)).await;
        many();
        assert!(accounts.0.lock().accounts.len() < FEW + 2);
        assert_eq!([joins(), joins(), joins()], [true, true, false]);
    }
}
