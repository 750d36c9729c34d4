//! An auth server that has nothing else to serve.

use std::future::Future;
use std::io;
use std::time::Duration;

use futures_util::Stream;
use selfcheck_fleet::Store;
use tokio::io::AsyncRead;
use tokio::io::AsyncWrite;
use tokio::sync::oneshot;
use tokio::time::timeout;
use tonic::transport::Server;
use tonic::transport::server::Connected;

use crate::Caller;
use crate::Inventory;
use crate::Listener;
use crate::admission::Admission;
use crate::wire::proto::auth_service_server::AuthServiceServer;
use crate::wire::teleport::selfcheck::v1::fleet_service_server::FleetServiceServer;

/// How often a connection on which nothing happens is asked whether its other end is there.
const ASK_EVERY: Duration = Duration::from_secs(60);
/// How long the answer may take.
const ASK_TIME: Duration = Duration::from_secs(20);
/// The largest headers of a request, in bytes.
const HEADERS: u32 = 16 << 10;
/// How many bytes of a request, and twice that of all of a connection, may be on their way that nobody has read yet.
const WINDOW: u32 = 64 << 10;

/// How long the connections may take to end.
const END_TIME: Duration = Duration::from_secs(5);

/// Serves `inventory` on `listener` until `end` is there. Then the open streams end, and so do the connections, but for those whose
/// other end takes nothing; they end when they have been idle for long enough.
///
/// # Errors
///
/// Where no connections can be taken any more. Whoever runs it starts it again; agents come back.
pub async fn serve<S: Store>(
    inventory: Inventory<S>,
    listener: Listener,
    end: impl Future<Output = ()>,
) -> Result<(), tonic::transport::Error> {
    let connections = listener.connections(inventory.limits(), inventory.tally());
    serve_on(inventory, connections, end).await
}

/// The same on connections that somebody else has made, with TLS of his own. Each says who is at its other end, and ends when it
/// should.
///
/// # Errors
///
/// As [`serve`].
pub async fn serve_on<S: Store, C>(
    inventory: Inventory<S>,
    connections: impl Stream<Item = io::Result<C>>,
    end: impl Future<Output = ()>,
) -> Result<(), tonic::transport::Error>
where
    C: AsyncRead + AsyncWrite + Connected<ConnectInfo = Caller> + Unpin + Send + 'static,
{
    let limits = *inventory.limits();
    let (ended, told) = oneshot::channel();
    let serving = Server::builder()
        .max_concurrent_streams(limits.requests_per_connection)
        .http2_keepalive_interval(Some(ASK_EVERY))
        .http2_keepalive_timeout(Some(ASK_TIME))
        .http2_max_header_list_size(HEADERS)
        .initial_stream_window_size(WINDOW)
        .initial_connection_window_size(2 * WINDOW)
        .layer(Admission::new(limits, inventory.tally()))
        .add_service(
            AuthServiceServer::new(inventory.clone()).max_decoding_message_size(limits.message_bytes),
        )
        .add_service(
            FleetServiceServer::new(inventory.clone()).max_decoding_message_size(limits.request_bytes),
        )
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
