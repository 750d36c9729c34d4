//! Asking an auth server, as a person or a tool does.

use tonic::Request;
use tonic::Status;
use tonic::metadata::MetadataValue;
use tonic::transport::Channel;

use crate::IdentityFile;
use crate::wire::proto::InventoryStatusRequest;
use crate::wire::proto::InventoryStatusSummary;
use crate::wire::proto::auth_service_client::AuthServiceClient;
use crate::wire::teleport::selfcheck::v1::GetSummaryRequest;
use crate::wire::teleport::selfcheck::v1::GetSummaryResponse;
use crate::wire::teleport::selfcheck::v1::ListAgentsRequest;
use crate::wire::teleport::selfcheck::v1::ListAgentsResponse;
use crate::wire::teleport::selfcheck::v1::ListRemediesRequest;
use crate::wire::teleport::selfcheck::v1::RemedyCount;
use crate::wire::teleport::selfcheck::v1::fleet_service_client::FleetServiceClient;
use crate::wire::types::AlertAcknowledgement;
use crate::wire::types::ClusterAlert;
use crate::wire::types::GetClusterAlertsRequest;
use crate::wire::types::InstanceFilter;
use crate::wire::types::InstanceV1;

use super::ReportError;
use super::connect::connect;

/// The most agents that a stock auth server is listened to about; a page of it cannot be asked for.
const INSTANCES: usize = 1_000_000;

/// A connection to an auth server.
#[derive(Debug, Clone)]
pub struct AuthClient {
    server: String,
    channel: Channel,
    version: Option<MetadataValue<tonic::metadata::Ascii>>,
}

impl AuthClient {
    /// Connects to `server` (`HOST:PORT`), an auth server or a proxy that forwards to one.
    pub async fn connect(server: &str, identity: &IdentityFile) -> Result<Self, ReportError> {
        Ok(Self { server: server.to_owned(), channel: connect(server, identity).await?, version: None })
    }

    /// How many agents of which kind there are, as stock Teleport counts them.
    pub async fn inventory_status(&self) -> Result<InventoryStatusSummary, ReportError> {
        let mut auth = AuthServiceClient::new(self.channel());
        let answer = auth
            .get_inventory_status(self.with_version(Request::new(InventoryStatusRequest::default())))
            .await;
        answer.map(tonic::Response::into_inner).map_err(|status| self.answered(status))
    }

    /// How many agents are in which verdict.
    pub async fn summary(&self) -> Result<GetSummaryResponse, ReportError> {
        let mut fleet = FleetServiceClient::new(self.channel());
        let answer = fleet.get_summary(self.with_version(Request::new(GetSummaryRequest {}))).await;
        answer.map(tonic::Response::into_inner).map_err(|status| self.answered(status))
    }

    /// What helps how many agents, the most first.
    pub async fn remedies(&self) -> Result<Vec<RemedyCount>, ReportError> {
        let mut fleet = FleetServiceClient::new(self.channel());
        let answer = fleet.list_remedies(self.with_version(Request::new(ListRemediesRequest {}))).await;
        answer.map(|answer| answer.into_inner().remedies).map_err(|status| self.answered(status))
    }

    /// A page of agents.
    pub async fn agents(&self, request: ListAgentsRequest) -> Result<ListAgentsResponse, ReportError> {
        let mut fleet = FleetServiceClient::new(self.channel());
        let answer = fleet.list_agents(self.with_version(Request::new(request))).await;
        answer.map(tonic::Response::into_inner).map_err(|status| self.answered(status))
    }

    /// The agents as stock Teleport tells of them, each handed to `take` until that is false.
    pub async fn instances(
        &self,
        filter: InstanceFilter,
        mut take: impl FnMut(InstanceV1) -> bool,
    ) -> Result<(), ReportError> {
        let mut auth = AuthServiceClient::new(self.channel());
        let answer = auth.get_instances(self.with_version(Request::new(filter))).await;
        let mut instances = answer.map_err(|status| self.answered(status))?.into_inner();
        for _ in 0..INSTANCES {
            let Some(instance) = instances.message().await.map_err(|status| self.answered(status))? else {
                break;
            };
            if !take(instance) {
                break;
            }
        }
        Ok(())
    }

    /// The cluster's alerts.
    pub async fn alerts(&self, request: GetClusterAlertsRequest) -> Result<Vec<ClusterAlert>, ReportError> {
        let mut auth = AuthServiceClient::new(self.channel());
        let answer = auth.get_cluster_alerts(self.with_version(Request::new(request))).await;
        answer.map(|answer| answer.into_inner().alerts).map_err(|status| self.answered(status))
    }

    /// Tells that somebody knows of an alert, which hides it.
    pub async fn acknowledge_alert(&self, ack: AlertAcknowledgement) -> Result<(), ReportError> {
        let mut auth = AuthServiceClient::new(self.channel());
        let answer = auth.create_alert_ack(self.with_version(Request::new(ack))).await;
        answer.map(tonic::Response::into_inner).map_err(|status| self.answered(status))
    }

    /// Speaks for an agent of this version. Tools do not: they are none.
    pub(super) fn for_agent(self, version: &str) -> Self {
        Self { version: version.parse().ok(), ..self }
    }

    /// The channel, for calls that this client has no method for.
    pub fn channel(&self) -> Channel {
        self.channel.clone()
    }

    pub(super) fn with_version<T>(&self, mut request: Request<T>) -> Request<T> {
        if let Some(version) = &self.version {
            request.metadata_mut().insert("version", version.clone());
        }
        request
    }

    pub(super) fn answered(&self, status: Status) -> ReportError {
        ReportError::answered(&self.server, status)
    }
}
