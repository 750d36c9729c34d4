//! An auth server that has nothing else to serve.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::timeout;
use tonic::Status;
use tonic::codegen::http::HeaderValue;
use tonic::codegen::http::Response;
use tonic::transport::Server;
use tower::util::MapResponseLayer;

use crate::wire::proto::auth_service_server::AuthServiceServer;
use crate::wire::teleport::selfcheck::v1::fleet_service_server::FleetServiceServer;

use super::Inventory;
use super::Listener;
use super::Outcome;
use super::Store;
use super::listener::Tally;

/// How often a connection on which nothing happens is asked whether its other end is there.
const ASK_EVERY: Duration = Duration::from_secs(60);
/// How long the answer may take.
const ASK_TIME: Duration = Duration::from_secs(20);
/// The largest request of a person or a tool.
const REQUEST: usize = 64 * 1024;

/// What a call is answered that is not served.
pub(super) const NOT_SERVED: &str =
    "this auth server has the inventory of agents and their alerts, and serves no other calls";

/// How long the connections may take to end.
const END_TIME: Duration = Duration::from_secs(5);

/// Serves `inventory` on `listener` until `end` is there. Then the open streams end, and so do the connections, but for those whose
/// other end takes nothing; they end when they have been idle for long enough.
pub async fn serve<S: Store>(
    inventory: Inventory<S>,
    listener: Listener,
    end: impl Future<Output = ()>,
) -> Result<(), tonic::transport::Error> {
    let limits = *inventory.limits();
    let connections = listener.connections(&limits, Arc::new(inventory.clone()));
    let (ended, told) = oneshot::channel();
    let serving = Server::builder()
        .max_concurrent_streams(limits.requests_per_connection)
        .http2_keepalive_interval(Some(ASK_EVERY))
        .http2_keepalive_timeout(Some(ASK_TIME))
        .layer(MapResponseLayer::new(with_words))
        .add_service(
            AuthServiceServer::new(inventory.clone()).max_decoding_message_size(limits.message_bytes),
        )
        .add_service(FleetServiceServer::new(inventory.clone()).max_decoding_message_size(REQUEST))
        .serve_with_incoming_shutdown(connections, async {
            let _ = told.await;
        });
    tokio::pin!(serving);
    tokio::select! {
        served = &mut serving => return served,
        () = end => {}
    }
    inventory.end_streams();
    let _ = ended.send(());
    // Whoever holds out longer holds nobody up.
    timeout(END_TIME, serving).await.unwrap_or(Ok(()))
}

/// An unknown call is answered by a number alone, of which the tool that made it makes an empty line.
fn with_words<B: Default>(response: Response<B>) -> Response<B> {
    let unknown = HeaderValue::from(tonic::Code::Unimplemented as i32);
    let headers = response.headers();
    if headers.get(Status::GRPC_STATUS) == Some(&unknown) && !headers.contains_key(Status::GRPC_MESSAGE) {
        return Status::unimplemented(NOT_SERVED).into_http();
    }
    response
}

impl<S: Store> Tally for Inventory<S> {
    fn count(&self, outcome: Outcome) {
        self.counters().count(outcome);
    }
}
