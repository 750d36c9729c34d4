//! The auth server, as a process of its own.

use std::io::BufRead;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use selfcheck_core::TeleportVersion;
use selfcheck_fleet::Alerts;
use selfcheck_fleet::Fleet;
use selfcheck_fleet::Outcome;
use selfcheck_protocol::HostIdentity;
use selfcheck_protocol::IdentityFile;
use selfcheck_protocol::Role;
use selfcheck_server::AuthServer;
use selfcheck_server::Caller;
use selfcheck_server::Inventory;
use selfcheck_server::Limits;
use selfcheck_server::Listener;
use selfcheck_server::Rate;
use selfcheck_server::serve;
use selfcheck_server::wire::proto::auth_service_server::AuthServiceServer;
use selfcheck_tests::wall_clock;
use selfcheck_tests::with;
use serde_json::json;
use tokio::net::TcpListener;
use tonic::Request;
use tonic::Status;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::Server;

/// How the agents are connected.
#[derive(Clone, Copy)]
pub(crate) enum Connections {
    /// Each by its own.
    Own,
    /// Many share one. With a certificate for each there would be a connection for each, and a process here may not have a hundred
    /// thousand. So each is the agent it says.
    Shared,
}

impl Connections {
    /// How the process is asked for that serves these.
    pub(crate) const fn mode(self) -> &'static str {
        match self {
            Self::Own => "--auth",
            Self::Shared => "--auth-shared",
        }
    }
}

/// The metadata in which an agent that shares a connection says which it is.
pub(crate) const AGENT: &str = "agent";
/// Nobody is asked for a sign of life while it is measured.
const BEAT: Duration = Duration::from_secs(18 * 60);

/// Serves until the input ends, and tells the number of heartbeats for every line of it.
pub(crate) fn run(connections: Connections, dir: &Path) {
    let runtime = tokio::runtime::Runtime::new().expect("runtime");
    let identity = IdentityFile::read(&dir.join("auth.pem")).expect("identity");
    // As fast as can be; whether it is too fast is asked all the same.
    let rate = Rate { burst: u32::MAX, per_second: 1e6 };
    // Agents that share a connection have it full of streams.
    let limits = with(Limits::default(), |limits| {
        (limits.messages, limits.reports) = (rate, rate);
        limits.beat = (BEAT, BEAT);
        limits.requests_per_connection = 256;
    });
    let server = AuthServer::new(TeleportVersion::new(18, 2, 0), "auth-1");
    let inventory = Inventory::new(Fleet::default(), Arc::new(Alerts::default()), server, limits, wall_clock);
    runtime.spawn({
        let inventory = inventory.clone();
        async move {
            let tcp = TcpListener::bind("127.0.0.1:0").await.expect("listening");
            let listener = Listener::new(tcp, &identity, wall_clock).expect("TLS");
            tell("address", &json!(listener.local_addr().expect("address").to_string()));
            match connections {
                Connections::Own => serve(inventory, listener, std::future::pending()).await,
                Connections::Shared => {
                    let service = InterceptedService::new(AuthServiceServer::new(inventory), named);
                    let mut server = Server::builder().max_concurrent_streams(limits.requests_per_connection);
                    server.add_service(service).serve_with_incoming(listener.incoming(&limits)).await
                }
            }
            .expect("serving");
        }
    });
    for _ in std::io::stdin().lock().lines() {
        let counters = inventory.counters();
        let heartbeats = counters.get(Outcome::Reported) + counters.get(Outcome::Beat);
        tell("heartbeats", &json!(heartbeats));
    }
}

/// Takes an agent for the one it says it is.
fn named(mut request: Request<()>) -> Result<Request<()>, Status> {
    let agent = request.metadata().get(AGENT).and_then(|agent| agent.to_str().ok());
    let agent = agent.ok_or_else(|| Status::unauthenticated("no agent is named"))?;
    let identity = HostIdentity::new(agent.into(), "bench.example.com".into(), [Role::Instance, Role::Node]);
    request.extensions_mut().insert(Caller::new(Ok(identity)));
    Ok(request)
}

/// Tells a line, as every counterpart does.
pub(crate) fn tell(what: &str, value: &serde_json::Value) {
    println!("{}", json!({ "what": what, "value": value }));
}
