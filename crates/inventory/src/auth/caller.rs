//! Who makes a request, and what they may.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;
use std::time::Duration;

use selfcheck_core::Text;
use tokio::time::Instant;
use tonic::Extensions;
use tonic::Status;

use crate::CertificateError;
use crate::HostIdentity;

/// Who makes a request. An auth server that mounts the service puts one into the extensions of every request.
#[derive(Debug, Clone)]
pub struct Caller(Arc<Known>);

/// What is known of a connection.
#[derive(Debug)]
struct Known {
    identity: Result<HostIdentity, CertificateError>,
    since: Instant,
    /// When something that was asked for got on, in milliseconds after the beginning.
    active: AtomicU64,
}

impl Caller {
    /// The caller whose verified certificate says this.
    pub fn new(identity: Result<HostIdentity, CertificateError>) -> Self {
        Self(Arc::new(Known { identity, since: Instant::now(), active: AtomicU64::new(0) }))
    }

    /// Who it is, for services that are mounted beside this one.
    pub fn identity(&self) -> Result<&HostIdentity, &CertificateError> {
        self.0.identity.as_ref()
    }

    /// The host's id; `None` for one who is none.
    pub(super) fn host_id(&self) -> Option<&Text> {
        self.0.identity.as_ref().ok().map(|host| &host.host_id)
    }

    /// Something that was asked for on this connection gets on.
    pub(super) fn is_active(&self) {
        let now = u64::try_from(self.0.since.elapsed().as_millis()).unwrap_or(u64::MAX).max(1);
        self.0.active.store(now, Ordering::Relaxed);
    }

    /// Whether anything was ever asked for.
    pub(super) fn was_active(&self) -> bool {
        self.0.active.load(Ordering::Relaxed) > 0
    }

    /// How long nothing got on.
    pub(super) fn idle(&self) -> Duration {
        self.0.since.elapsed().saturating_sub(Duration::from_millis(self.0.active.load(Ordering::Relaxed)))
    }

    /// The caller of a request.
    pub(super) fn of(extensions: &Extensions) -> Result<Self, Status> {
        let caller = extensions.get::<Self>().cloned();
        let caller =
            caller.ok_or_else(|| Status::unauthenticated("the connection has no client certificate"))?;
        caller.is_active();
        Ok(caller)
    }

    /// The server of the cluster that this is.
    pub(super) fn server(&self) -> Result<&HostIdentity, Status> {
        let host = self.host()?;
        if host.is_server() {
            return Ok(host);
        }
        Err(Status::permission_denied("only servers of the cluster have an inventory stream"))
    }

    /// That this may ask about others.
    pub(super) fn must_be_admin(&self) -> Result<(), Status> {
        if self.host()?.is_admin() {
            return Ok(());
        }
        Err(Status::permission_denied("asking about the inventory takes the role Admin"))
    }

    fn host(&self) -> Result<&HostIdentity, Status> {
        self.0.identity.as_ref().map_err(|why| Status::permission_denied(why.to_string()))
    }
}
