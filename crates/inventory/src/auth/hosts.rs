//! How many connections each host has.

use std::collections::HashMap;
use std::hash::DefaultHasher;
use std::hash::Hash;
use std::hash::Hasher;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;

use selfcheck_core::Text;

/// How many connections each host has, or each certificate of somebody who is none.
#[derive(Debug, Default)]
pub(super) struct Hosts(Mutex<HashMap<Text, usize>>);

/// One connection of a host.
#[derive(Debug)]
pub(super) struct Share {
    hosts: Arc<Hosts>,
    host: Text,
}

impl Hosts {
    /// Whose connection it is: the host's, or that of anybody else with this certificate.
    pub(super) fn key(host: Option<&Text>, certificate: &[u8]) -> Text {
        host.cloned().unwrap_or_else(|| {
            let mut hasher = DefaultHasher::new();
            certificate.hash(&mut hasher);
            Text::new(&format!(".{:016x}", hasher.finish())) // no host id begins with a dot
        })
    }

    /// One more connection of `host`; `None` if it has as many as it may.
    pub(super) fn enter(self: &Arc<Self>, host: Text, most: usize) -> Option<Share> {
        let mut hosts = self.lock();
        let count = hosts.get(&host).copied().unwrap_or(0);
        if count >= most {
            return None;
        }
        hosts.insert(host.clone(), count + 1);
        Some(Share { hosts: Arc::clone(self), host })
    }

    // Nothing that holds it can panic half-way.
    fn lock(&self) -> MutexGuard<'_, HashMap<Text, usize>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let mut hosts = self.hosts.lock();
        match hosts.get_mut(&self.host) {
            Some(count) if *count > 1 => *count -= 1,
            _ => {
                hosts.remove(&self.host);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_host_has_its_own_places_and_gives_them_back() {
        let hosts = Arc::new(Hosts::default());
        let enter = |host: &str| hosts.enter(host.into(), 2);
        let (first, second) = (enter("a"), enter("a"));
        assert!(first.is_some() && second.is_some() && enter("a").is_none());
        assert!(enter("b").is_some());
        drop(first);
        assert!(enter("a").is_some());
        drop(second);
        assert!(hosts.lock().is_empty());
    }
}
