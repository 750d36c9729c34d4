//! The questions about agents as messages, which say more than a client makes of them.

use selfcheck_protocol::wire::teleport::selfcheck::v1::ListAgentsRequest;
use selfcheck_protocol::wire::teleport::selfcheck::v1::ListAgentsResponse;
use selfcheck_protocol::wire::types::AlertAcknowledgement;
use selfcheck_protocol::wire::types::ClusterAlert;
use selfcheck_protocol::wire::types::GetClusterAlertsRequest;
use selfcheck_protocol::wire::types::InstanceFilter;
use selfcheck_protocol::wire::types::InstanceV1;
use selfcheck_reporter::AuthClient;
use selfcheck_reporter::wire::proto::auth_service_client::AuthServiceClient;
use selfcheck_reporter::wire::teleport::selfcheck::v1::fleet_service_client::FleetServiceClient;
use tonic::Status;

/// A page of agents.
///
/// # Errors
///
/// What the auth server answers instead, as with the others.
pub async fn agents(client: &AuthClient, request: ListAgentsRequest) -> Result<ListAgentsResponse, Status> {
    let mut fleet = FleetServiceClient::new(client.channel());
    fleet.list_agents(request).await.map(tonic::Response::into_inner)
}

/// All instances that the filter takes.
///
/// # Errors
///
/// What the auth server answers instead.
pub async fn instances(client: &AuthClient, filter: InstanceFilter) -> Result<Vec<InstanceV1>, Status> {
    let mut auth = AuthServiceClient::new(client.channel());
    let mut told = auth.get_instances(filter).await?.into_inner();
    let mut instances = Vec::new();
    while let Some(instance) = told.message().await? {
        instances.push(instance);
    }
    Ok(instances)
}

/// The cluster's alerts.
///
/// # Errors
///
/// What the auth server answers instead.
pub async fn alerts(
    client: &AuthClient,
    request: GetClusterAlertsRequest,
) -> Result<Vec<ClusterAlert>, Status> {
    let mut auth = AuthServiceClient::new(client.channel());
    auth.get_cluster_alerts(request).await.map(|answer| answer.into_inner().alerts)
}

/// Hides an alert.
///
/// # Errors
///
/// What the auth server answers instead.
pub async fn acknowledge(client: &AuthClient, ack: AlertAcknowledgement) -> Result<(), Status> {
    AuthServiceClient::new(client.channel()).create_alert_ack(ack).await.map(tonic::Response::into_inner)
}
