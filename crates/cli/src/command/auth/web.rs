//! The web address of an auth server: its metrics, and whether it is well.

use std::future::pending;
use std::net::IpAddr;
use std::net::Ipv4Addr;
use std::net::SocketAddr;
use std::sync::Arc;

use hyper::Method;
use hyper::Request;
use hyper::Response;
use hyper::StatusCode;
use hyper::header::HOST;
use hyper::http::uri::Authority;
use prometheus::Registry;
use prometheus::core::Collector;
use selfcheck_daemon::debug::DebugBody;
use selfcheck_daemon::debug::answer;
use selfcheck_daemon::debug::serve_clients;
use selfcheck_fleet::Fleet;
use selfcheck_fleet::FleetMetrics;
use selfcheck_server::Inventory;
use tokio::net::TcpListener;

use crate::error::CliError;

/// What is served over HTTP: numbers only, so that whoever may reach the address may ask.
#[derive(Debug)]
pub(in crate::command) struct Web {
    tcp: TcpListener,
    /// The names by which it may be asked for, beside its addresses and `localhost`.
    names: Vec<String>,
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
        let web = Self { tcp, names: own_names(), address, registry: Registry::new() };
        let metrics = FleetMetrics::new(Arc::clone(inventory.store()), Arc::clone(inventory.counters()));
        web.with(metrics.map_err(CliError::Metrics)?)
    }

    /// More metrics.
    pub(super) fn with(self, metrics: impl Collector + 'static) -> Result<Self, CliError> {
        self.registry.register(Box::new(metrics)).map_err(CliError::Metrics)?;
        Ok(self)
    }

    /// It may be asked for by this name, too.
    pub(super) fn called(mut self, name: Option<&str>) -> Self {
        self.names.extend(name.map(str::to_owned));
        self
    }

    /// Where the metrics are.
    pub(in crate::command) fn url(&self) -> String {
        format!("http://{}/metrics", self.address)
    }

    /// Serves until it is dropped.
    pub(in crate::command) async fn serve(self) {
        let Self { tcp, names, registry, .. } = self;
        let respond = move |request| {
            let answer =
                if is_asked_for(&names, &request) { respond(&registry, &request) } else { misdirected() };
            async { answer }
        };
        serve_clients(|context| tcp.poll_accept(context).map_ok(|(client, _)| client), respond, pending())
            .await;
    }
}

/// The name of this machine, if it has one.
fn own_names() -> Vec<String> {
    let name = selfcheck_probe::this_host().hostname;
    name.iter().map(|name| name.as_str().to_owned()).filter(|name| !name.is_empty()).collect()
}

/// Whether a request names this address by one of its own names. By another name a page of somebody else's may have led a browser
/// here.
fn is_asked_for<B>(names: &[String], request: &Request<B>) -> bool {
    let Some(host) = request.headers().get(HOST) else { return false };
    let host = host.to_str().ok().and_then(|host| host.parse::<Authority>().ok());
    host.is_some_and(|host| {
        let name = host.host().trim_start_matches('[').trim_end_matches(']');
        let is = |own: &str| name.eq_ignore_ascii_case(own);
        is("localhost") || name.parse::<IpAddr>().is_ok() || names.iter().any(|own| is(own))
    })
}

fn misdirected() -> Response<DebugBody> {
    answer::text(
        StatusCode::MISDIRECTED_REQUEST,
        "nothing is served under this name; ask by an address, this machine's own name, or that of --public-addr\n",
    )
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
