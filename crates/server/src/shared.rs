//! What the requests and streams of one auth server share.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use jiff::Timestamp;
use selfcheck_core::TeleportVersion;
use selfcheck_fleet::AlertStore;

use crate::Limits;
use crate::streams::Streams;
use crate::tally::Tally;

/// The wall clock, which is not read here.
pub(crate) type Now = fn() -> Timestamp;

/// Who an auth server is to its agents.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct AuthServer {
    /// The Teleport version it speaks for.
    pub version: TeleportVersion,
    /// Its host id.
    pub server_id: String,
}

impl AuthServer {
    /// One of this Teleport version, with this host id.
    pub fn new(version: TeleportVersion, server_id: impl Into<String>) -> Self {
        Self { version, server_id: server_id.into() }
    }
}

/// What the requests and streams of one auth server share.
#[derive(Debug)]
pub(crate) struct Shared<S> {
    pub(crate) store: Arc<S>,
    pub(crate) server: AuthServer,
    pub(crate) limits: Limits,
    pub(crate) streams: Streams,
    pub(crate) tally: Arc<Tally>,
    pub(crate) alerts: Arc<dyn AlertStore>,
    pub(crate) clock: Now,
    pub(crate) pings: AtomicU64,
}

impl<S> Shared<S> {
    pub(crate) fn now(&self) -> Timestamp {
        (self.clock)()
    }
}
