//! The web address of an auth server: its metrics, and whether it is well.

use std::future::pending;
use std::net::Ipv4Addr;
use std::net::SocketAddr;

use hyper::Method;
use hyper::Request;
use hyper::Response;
use prometheus::Registry;
use prometheus::core::Collector;
use selfcheck_agent::debug::DebugBody;
use selfcheck_agent::debug::answer;
use selfcheck_agent::debug::serve_clients;
use selfcheck_fleet::Fleet;
use selfcheck_fleet::FleetMetrics;
use selfcheck_inventory::auth::Inventory;
use tokio::net::TcpListener;

use crate::error::CliError;

/// What is served over HTTP: numbers only, so that whoever may reach the address may ask.
#[derive(Debug)]
pub(in crate::command) struct Web {
    tcp: TcpListener,
    address: SocketAddr,
    registry: Registry,
}

impl Web {
    /// Where it is served if nobody says where.
    pub(super) const USUAL: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 3080);

    /// Listens on `address`.
    pub(in crate::command) async fn bind(
        address: SocketAddr,
        inventory: &Inventory<Fleet>,
    ) -> Result<Self, CliError> {
        let listening = |source| CliError::Listen { address, flag: Some("--web"), source };
        let tcp = TcpListener::bind(address).await.map_err(listening)?;
        let address = tcp.local_addr().map_err(listening)?;
        let web = Self { tcp, address, registry: Registry::new() };
        web.with(FleetMetrics::new(inventory.clone()).map_err(CliError::Metrics)?)
    }

    /// More metrics.
    pub(super) fn with(self, metrics: impl Collector + 'static) -> Result<Self, CliError> {
        self.registry.register(Box::new(metrics)).map_err(CliError::Metrics)?;
        Ok(self)
    }

    /// Where the metrics are.
    pub(in crate::command) fn url(&self) -> String {
        format!("http://{}/metrics", self.address)
    }

    /// Serves until it is dropped.
    pub(in crate::command) async fn serve(self) {
        let Self { tcp, registry, .. } = self;
        let respond = move |request| {
            let answer = respond(&registry, &request);
            async { answer }
        };
        serve_clients(|context| tcp.poll_accept(context).map_ok(|(client, _)| client), respond, pending())
            .await;
    }
}

fn respond<B>(registry: &Registry, request: &Request<B>) -> Response<DebugBody> {
    match (request.uri().path(), request.method()) {
        ("/metrics" | "/healthz" | "/readyz", method) if *method != Method::GET => answer::not_allowed("GET"),
        ("/metrics", _) => answer::metrics(registry),
        ("/healthz", _) => answer::healthy(),
        ("/readyz", _) => answer::readiness(Ok(())),
        _ => answer::nothing(),
    }
}
