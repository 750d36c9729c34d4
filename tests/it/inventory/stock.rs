//! A stock auth server's stand-in: it knows Teleport's inventory stream and nothing of this project.

use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::Mutex;

use futures_util::Stream;
use futures_util::StreamExt;
use selfcheck_inventory::IdentityFile;
use selfcheck_inventory::Role;
use selfcheck_inventory::wire::proto as wire;
use selfcheck_inventory::wire::proto::auth_service_server::AuthService;
use selfcheck_inventory::wire::proto::auth_service_server::AuthServiceServer;
use selfcheck_inventory::wire::proto::downstream_inventory_one_of::Msg as Down;
use selfcheck_inventory::wire::types;
use selfcheck_tests::Cluster;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tonic::Request;
use tonic::Response;
use tonic::Status;
use tonic::Streaming;
use tonic::transport::Server;

type Messages = Pin<Box<dyn Stream<Item = Result<wire::DownstreamInventoryOneOf, Status>> + Send>>;
type Instances = Pin<Box<dyn Stream<Item = Result<types::InstanceV1, Status>> + Send>>;

/// What was said on all streams, stream by stream.
pub(super) type Said = Arc<Mutex<Vec<Vec<wire::upstream_inventory_one_of::Msg>>>>;

/// A running stand-in.
pub(super) struct StockAuth {
    pub(super) address: SocketAddr,
    pub(super) said: Said,
    task: JoinHandle<()>,
}

impl StockAuth {
    pub(super) async fn start(cluster: &Cluster) -> Self {
        Self::start_at(cluster, "127.0.0.1:0".parse().expect("address")).await
    }

    pub(super) async fn start_at(cluster: &Cluster, address: SocketAddr) -> Self {
        let identity = IdentityFile::read(&cluster.identity("stock", [Role::Auth])).expect("identity");
        let tcp = TcpListener::bind(address).await.expect("listening");
        let listener = selfcheck_inventory::auth::Listener::new(tcp, &identity).expect("TLS");
        let address = listener.local_addr().expect("address");
        let said = Said::default();
        let connections = listener.incoming(&selfcheck_tests::quick());
        let service = AuthServiceServer::new(Stock(Arc::clone(&said)));
        let serving = Server::builder().add_service(service).serve_with_incoming(connections);
        let task = tokio::spawn(async {
            let _ = serving.await;
        });
        Self { address, said, task }
    }

    /// How many streams were opened.
    pub(super) fn streams(&self) -> usize {
        self.said.lock().expect("no panic").len()
    }
}

impl Drop for StockAuth {
    fn drop(&mut self) {
        self.task.abort();
    }
}

struct Stock(Said);

#[tonic::async_trait]
impl AuthService for Stock {
    type InventoryControlStreamStream = Messages;
    type GetInstancesStream = Instances;

    async fn inventory_control_stream(
        &self,
        request: Request<Streaming<wire::UpstreamInventoryOneOf>>,
    ) -> Result<Response<Messages>, Status> {
        let said = Arc::clone(&self.0);
        let number = {
            let mut streams = said.lock().expect("no panic");
            streams.push(Vec::new());
            streams.len() - 1
        };
        let answers = request.into_inner().filter_map(move |message| {
            let answer = match message {
                Err(status) => Some(Err(status)),
                Ok(wire::UpstreamInventoryOneOf { msg: None }) => None,
                Ok(wire::UpstreamInventoryOneOf { msg: Some(message) }) => {
                    let mut streams = said.lock().expect("no panic");
                    streams[number].push(message);
                    let hello = wire::DownstreamInventoryHello {
                        version: "18.2.0".to_owned(),
                        server_id: "stock".to_owned(),
                        ..wire::DownstreamInventoryHello::default()
                    };
                    let is_first = streams[number].len() == 1;
                    is_first.then(|| Ok(wire::DownstreamInventoryOneOf { msg: Some(Down::Hello(hello)) }))
                }
            };
            std::future::ready(answer)
        });
        Ok(Response::new(Box::pin(answers)))
    }

    async fn get_inventory_status(
        &self,
        _: Request<wire::InventoryStatusRequest>,
    ) -> Result<Response<wire::InventoryStatusSummary>, Status> {
        Err(Status::unimplemented(""))
    }

    async fn get_inventory_connected_service_counts(
        &self,
        _: Request<wire::InventoryConnectedServiceCountsRequest>,
    ) -> Result<Response<wire::InventoryConnectedServiceCounts>, Status> {
        Err(Status::unimplemented(""))
    }

    async fn ping_inventory(
        &self,
        _: Request<wire::InventoryPingRequest>,
    ) -> Result<Response<wire::InventoryPingResponse>, Status> {
        Err(Status::unimplemented(""))
    }

    async fn get_instances(&self, _: Request<types::InstanceFilter>) -> Result<Response<Instances>, Status> {
        Err(Status::unimplemented(""))
    }

    async fn get_cluster_alerts(
        &self,
        _: Request<types::GetClusterAlertsRequest>,
    ) -> Result<Response<wire::GetClusterAlertsResponse>, Status> {
        Err(Status::unimplemented(""))
    }

    async fn upsert_cluster_alert(
        &self,
        _: Request<wire::UpsertClusterAlertRequest>,
    ) -> Result<Response<()>, Status> {
        Err(Status::unimplemented(""))
    }

    async fn delete_cluster_alert(
        &self,
        _: Request<wire::DeleteClusterAlertRequest>,
    ) -> Result<Response<()>, Status> {
        Err(Status::unimplemented(""))
    }

    async fn create_alert_ack(
        &self,
        _: Request<types::AlertAcknowledgement>,
    ) -> Result<Response<()>, Status> {
        Err(Status::unimplemented(""))
    }

    async fn get_alert_acks(
        &self,
        _: Request<wire::GetAlertAcksRequest>,
    ) -> Result<Response<wire::GetAlertAcksResponse>, Status> {
        Err(Status::unimplemented(""))
    }

    async fn clear_alert_acks(
        &self,
        _: Request<wire::ClearAlertAcksRequest>,
    ) -> Result<Response<()>, Status> {
        Err(Status::unimplemented(""))
    }
}
