//! Who makes a request, what they may, and until when.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::OnceLock;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;
use std::task::Waker;
use std::time::Duration;

use futures_util::task::AtomicWaker;
use selfcheck_core::policy::Denied;
use selfcheck_core::policy::Serial;
use selfcheck_fleet::Outcome;
use selfcheck_protocol::CertificateError;
use selfcheck_protocol::HostIdentity;
use tokio::time::Instant;
use tonic::Extensions;
use tonic::Status;

use crate::accounts::Account;
use crate::limits::Nanoseconds;
use crate::limits::since;

/// Who makes a request. An auth server that mounts the service puts one into the extensions of every request.
#[derive(Debug, Clone)]
pub struct Caller(Arc<Known>);

/// Who signed the certificate of a caller, where hosts and users have authorities of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Signer {
    /// The authority of hosts.
    Hosts,
    /// The authority of users.
    Users,
}

/// What is known of a connection.
#[derive(Debug)]
pub(crate) struct Known {
    identity: Result<HostIdentity, CertificateError>,
    signer: Signer,
    /// The serial number of its certificate, where that is known.
    serial: Option<Serial>,
    /// Where it is connected from, where that is known.
    address: Option<SocketAddr>,
    pub(crate) account: Arc<Account>,
    since: Instant,
    /// When something that was asked for got on, in nanoseconds after the beginning.
    active: AtomicU64,
    /// Why it is to end.
    end: OnceLock<Outcome>,
    waker: AtomicWaker,
}

impl Caller {
    /// The caller whose verified certificate says this, with an account of its own. A [`Listener`](super::Listener) gives all
    /// connections of an identity the same one.
    pub fn new(identity: Result<HostIdentity, CertificateError>) -> Self {
        Self::connected(identity, Signer::Hosts, None, None, Arc::default())
    }

    pub(crate) fn connected(
        identity: Result<HostIdentity, CertificateError>,
        signer: Signer,
        serial: Option<Serial>,
        address: Option<SocketAddr>,
        account: Arc<Account>,
    ) -> Self {
        Self(Arc::new(Known {
            identity,
            signer,
            serial,
            address,
            account,
            since: Instant::now(),
            active: AtomicU64::new(0),
            end: OnceLock::new(),
            waker: AtomicWaker::new(),
        }))
    }

    /// Who it is, for services that are mounted beside this one.
    ///
    /// # Errors
    ///
    /// Why its certificate is none of a host or person of this cluster; it is to be refused.
    pub fn identity(&self) -> Result<&HostIdentity, &CertificateError> {
        self.0.identity.as_ref()
    }

    /// Which authority signed its certificate, for an auth server that trusts one of users, too.
    pub fn signer(&self) -> Signer {
        self.0.signer
    }

    /// Where it is connected from, where that is known.
    pub(crate) fn address(&self) -> Option<SocketAddr> {
        self.0.address
    }

    pub(crate) fn known(&self) -> &Arc<Known> {
        &self.0
    }

    pub(crate) fn account(&self) -> &Arc<Account> {
        &self.0.account
    }

    /// Something that was asked for on this connection gets on. How long after the beginning that is.
    pub(crate) fn is_active(&self, now: Instant) -> Nanoseconds {
        let after = since(self.0.since, now);
        self.0.active.store(after.max(1), Ordering::Relaxed);
        after
    }

    /// Whether anything was ever asked for.
    pub(crate) fn was_active(&self) -> bool {
        self.0.active.load(Ordering::Relaxed) > 0
    }

    /// How long nothing got on.
    pub(crate) fn idle(&self) -> Duration {
        self.0.since.elapsed().saturating_sub(Duration::from_nanos(self.0.active.load(Ordering::Relaxed)))
    }

    /// Its connection is to end.
    pub(crate) fn end(&self, why: Outcome) {
        self.0.end(why);
    }

    /// Why its connection ends, if it does.
    pub(crate) fn ended(&self) -> Option<Outcome> {
        self.0.end.get().copied()
    }

    /// Who is woken when it is to end.
    pub(crate) fn wakes(&self, waker: &Waker) {
        self.0.waker.register(waker);
    }

    /// The caller of a request.
    pub(crate) fn of(extensions: &Extensions) -> Result<Self, Status> {
        let caller = extensions.get::<Self>().cloned();
        caller.ok_or_else(|| Status::unauthenticated("the connection has no client certificate"))
    }

    /// The server of the cluster that this is.
    pub(crate) fn server(&self) -> Result<&HostIdentity, Status> {
        let host = self.host()?;
        if host.is_server() {
            return Ok(host);
        }
        Err(Status::permission_denied("only servers of the cluster have an inventory stream"))
    }

    /// That this may ask about others.
    pub(crate) fn must_be_admin(&self) -> Result<(), Status> {
        if self.host()?.is_admin() {
            return Ok(());
        }
        Err(Status::permission_denied("asking about the inventory takes the role Admin"))
    }

    fn host(&self) -> Result<&HostIdentity, Status> {
        self.0.identity.as_ref().map_err(|why| Status::permission_denied(why.to_string()))
    }
}

impl fmt::Display for Caller {
    /// Who it is, as far as its certificate is one of a host.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0.identity {
            Ok(host) => write!(f, "`{}`", host.host_id),
            Err(why) => write!(f, "{why}"),
        }
    }
}

impl Known {
    /// Whether a policy denies it.
    pub(crate) fn is_denied(&self, denied: &Denied) -> bool {
        let names = |host: &HostIdentity| denied.host_ids.contains(&host.host_id);
        self.serial.as_ref().is_some_and(|serial| denied.serials.contains(serial))
            || self.identity.as_ref().is_ok_and(names)
    }

    pub(crate) fn end(&self, why: Outcome) {
        let _ = self.end.set(why); // the first reason counts
        self.waker.wake();
    }
}
