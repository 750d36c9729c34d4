//! An auth server, put together.

use std::future::Future;
use std::sync::Arc;

use jiff::Timestamp;
use selfcheck_core::Policy;
use selfcheck_core::ProxyAddr;
use selfcheck_core::policy::AlertPolicy;
use selfcheck_fleet::AlertKeeper;
use selfcheck_fleet::AlertStore;
use selfcheck_fleet::Alerts;
use selfcheck_fleet::Fleet;
use selfcheck_fleet::FleetConfig;

use crate::AuthServer;
use crate::Inventory;
use crate::Limits;
use crate::Listener;
use crate::serve;

/// Puts an auth server together that has nothing to serve but the inventory of its agents, kept in memory.
#[derive(Debug)]
#[must_use = "it does nothing before it is built"]
pub struct Builder {
    server: AuthServer,
    clock: fn() -> Timestamp,
    limits: Limits,
    fleet: FleetConfig,
    raises: Option<AlertPolicy>,
    proxy: Option<ProxyAddr>,
    alerts: Arc<dyn AlertStore>,
}

/// An auth server that has nothing to serve but the inventory of its agents.
#[derive(Debug)]
#[must_use = "it serves nobody before it is told where"]
pub struct Server {
    inventory: Inventory<Fleet>,
    keeper: Option<AlertKeeper>,
    clock: fn() -> Timestamp,
}

/// Why an auth server no longer serves.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServeError {
    /// Its connections broke, all of them.
    #[error("the auth server can serve no connections any more")]
    Serve(#[source] tonic::transport::Error),
}

impl Builder {
    /// Counts as this policy says and raises its alerts, with the usual limits. Whom it denies is told to [`Listener::gate`].
    /// `clock` tells the wall-clock time.
    pub fn new(server: AuthServer, policy: &Policy, clock: fn() -> Timestamp) -> Self {
        Self {
            fleet: FleetConfig::of(policy, Some(&server.version)),
            raises: Some(policy.alerts.clone()),
            server,
            clock,
            limits: Limits::default(),
            proxy: None,
            alerts: Arc::new(Alerts::default()),
        }
    }

    /// The cluster's proxy, from which updaters are installed: the alerts' commands name it, and have a placeholder where none
    /// is known.
    pub fn proxy(self, proxy: Option<ProxyAddr>) -> Self {
        Self { proxy, ..self }
    }

    /// Counts with a change that no policy has.
    pub fn counting(self, change: impl FnOnce(FleetConfig) -> FleetConfig) -> Self {
        Self { fleet: change(self.fleet), ..self }
    }

    /// Raises no alerts, as where somebody else keeps them.
    pub fn without_alerts(self) -> Self {
        Self { raises: None, ..self }
    }

    /// Keeps the cluster's alerts there; in memory unless it is said.
    pub fn alert_store(self, alerts: Arc<dyn AlertStore>) -> Self {
        Self { alerts, ..self }
    }

    /// Agents may ask so much.
    pub fn limits(self, limits: Limits) -> Self {
        Self { limits, ..self }
    }

    /// It, with no agents yet.
    pub fn build(self) -> Server {
        let Self { server, clock, limits, fleet, raises, proxy, alerts } = self;
        let keeper = raises.map(|policy| AlertKeeper::new(&policy, proxy));
        Server { inventory: Inventory::new(Fleet::new(fleet), alerts, server, limits, clock), keeper, clock }
    }
}

impl Server {
    /// What it knows of its agents, for metrics and other services beside it.
    pub fn inventory(&self) -> &Inventory<Fleet> {
        &self.inventory
    }

    /// Serves on `listener`, and keeps its alerts as they should be, until `end` is there.
    ///
    /// # Errors
    ///
    /// Where nothing can be served any more. Whoever runs it starts it again; agents come back.
    pub async fn serve(self, listener: Listener, end: impl Future<Output = ()>) -> Result<(), ServeError> {
        let Self { inventory, keeper, clock } = self;
        let (fleet, alerts) = (Arc::clone(inventory.store()), Arc::clone(inventory.alerts()));
        let keeping = async {
            match keeper {
                Some(keeper) => keeper.run(fleet, alerts, clock).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            served = serve(inventory, listener, end) => served.map_err(ServeError::Serve),
            never = keeping => match never {},
        }
    }
}
