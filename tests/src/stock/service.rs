//! The calls.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;

use futures_util::Stream;
use futures_util::StreamExt;
use futures_util::stream;
use selfcheck_protocol::Role;
use selfcheck_protocol::wire::proto as wire;
use selfcheck_protocol::wire::proto::downstream_inventory_one_of::Msg as Down;
use selfcheck_protocol::wire::proto::upstream_inventory_one_of::Msg as Up;
use selfcheck_protocol::wire::types;
use selfcheck_server::Caller;
use selfcheck_server::wire::proto::auth_service_server::AuthService;
use tonic::Request;
use tonic::Response;
use tonic::Status;
use tonic::Streaming;

use super::Release;
use super::State;

type Messages = Pin<Box<dyn Stream<Item = Result<wire::DownstreamInventoryOneOf, Status>> + Send>>;
type Instances = Pin<Box<dyn Stream<Item = Result<types::InstanceV1, Status>> + Send>>;

/// The service.
#[derive(Debug)]
pub(super) struct Stock {
    pub(super) state: Arc<Mutex<State>>,
    pub(super) release: Release,
}

impl Stock {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no panic")
    }

    /// A call is noted, and refused or not answered where the test says so.
    async fn called<T: Sync>(&self, call: &'static str, request: &Request<T>) -> Result<Caller, Status> {
        let is_silent = {
            let mut state = self.state();
            state.calls.push(call);
            if state.denied.contains(call) {
                return Err(Status::permission_denied(format!("access denied to perform action {call:?}")));
            }
            state.silent.contains(call)
        };
        if is_silent {
            return std::future::pending().await;
        }
        request.extensions().get().cloned().ok_or_else(|| Status::unauthenticated("no certificate"))
    }

    /// A call by somebody who may ask about others: a person, or the built-in administrator.
    async fn asked<T: Sync>(&self, call: &'static str, request: &Request<T>) -> Result<Caller, Status> {
        let caller = self.called(call, request).await?;
        match caller.identity() {
            Ok(host) if !host.is_admin() => Err(Status::permission_denied("access denied")),
            _ => Ok(caller),
        }
    }

    fn connected(&self) -> Vec<wire::UpstreamInventoryHello> {
        let state = self.state();
        let streams = state.said.iter().filter_map(|said| match said.first() {
            Some(Up::Hello(hello)) => Some(hello.clone()),
            _ => None,
        });
        let all = streams.chain(state.connected.iter().cloned());
        all.map(|hello| self.release.hello(hello)).collect()
    }
}

#[tonic::async_trait]
impl AuthService for Stock {
    type InventoryControlStreamStream = Messages;
    type GetInstancesStream = Instances;

    async fn ping(
        &self,
        request: Request<wire::PingRequest>,
    ) -> Result<Response<wire::PingResponse>, Status> {
        self.called("Ping", &request).await?;
        Ok(Response::new(wire::PingResponse {
            cluster_name: "stock".to_owned(),
            server_version: self.release.version().to_owned(),
        }))
    }

    async fn inventory_control_stream(
        &self,
        request: Request<Streaming<wire::UpstreamInventoryOneOf>>,
    ) -> Result<Response<Messages>, Status> {
        let caller = self.called("InventoryControlStream", &request).await?;
        let host = caller.identity().ok().filter(|host| host.is_server()).cloned();
        let host = host.ok_or_else(|| Status::permission_denied("only servers have a control stream"))?;
        let version = request.metadata().get("version").and_then(|version| version.to_str().ok());
        let number = {
            let mut state = self.state();
            state.versions.push(version.map(str::to_owned));
            state.said.push(Vec::new());
            state.said.len() - 1
        };
        let (state, release) = (Arc::clone(&self.state), self.release);
        let answers = request.into_inner().filter_map(move |message| {
            let answer = match message {
                Err(status) => Some(Err(status)),
                Ok(wire::UpstreamInventoryOneOf { msg: None }) => None,
                Ok(wire::UpstreamInventoryOneOf { msg: Some(Up::Hello(hello)) })
                    if hello.server_id != *host.host_id.as_str() =>
                {
                    Some(Err(Status::permission_denied("control stream of another server")))
                }
                Ok(wire::UpstreamInventoryOneOf { msg: Some(message) }) => {
                    let mut state = state.lock().expect("no panic");
                    state.said[number].push(message);
                    let is_first = state.said[number].len() == 1;
                    let hello = Down::Hello(release.own_hello());
                    is_first.then(|| Ok(wire::DownstreamInventoryOneOf { msg: Some(hello) }))
                }
            };
            std::future::ready(answer)
        });
        Ok(Response::new(Box::pin(answers)))
    }

    async fn get_inventory_status(
        &self,
        request: Request<wire::InventoryStatusRequest>,
    ) -> Result<Response<wire::InventoryStatusSummary>, Status> {
        let caller = self.asked("GetInventoryStatus", &request).await?;
        let is_built_in =
            caller.identity().is_ok_and(|host| host.holds(Role::Admin) || host.holds(Role::Proxy));
        // Old ones refuse the call, new ones this question.
        if !is_built_in && (self.release == Release::V14 || request.get_ref().connected) {
            return Err(Status::permission_denied("requires builtin admin or proxy role"));
        }
        let mut summary = wire::InventoryStatusSummary::default();
        if request.get_ref().connected {
            summary.connected = self.connected();
        } else if self.release == Release::Today {
            let state = self.state();
            for spec in state.instances.iter().filter_map(|instance| instance.spec.as_ref()) {
                summary.instance_count += 1;
                *summary.version_counts.entry(spec.version.clone()).or_default() += 1;
                *summary.upgrader_counts.entry(spec.external_upgrader.clone()).or_default() += 1;
                for service in &spec.services {
                    *summary.service_counts.entry(service.clone()).or_default() += 1;
                }
            }
        }
        Ok(Response::new(summary))
    }

    async fn get_inventory_connected_service_counts(
        &self,
        _: Request<wire::InventoryConnectedServiceCountsRequest>,
    ) -> Result<Response<wire::InventoryConnectedServiceCounts>, Status> {
        let mut service_counts = BTreeMap::<String, u64>::new();
        for service in self.connected().into_iter().flat_map(|hello| hello.services) {
            *service_counts.entry(service).or_default() += 1;
        }
        Ok(Response::new(wire::InventoryConnectedServiceCounts { service_counts }))
    }

    async fn ping_inventory(
        &self,
        request: Request<wire::InventoryPingRequest>,
    ) -> Result<Response<wire::InventoryPingResponse>, Status> {
        self.asked("PingInventory", &request).await?;
        Err(Status::not_found("no control stream"))
    }

    async fn get_instances(
        &self,
        request: Request<types::InstanceFilter>,
    ) -> Result<Response<Instances>, Status> {
        self.asked("GetInstances", &request).await?;
        let filter = request.into_inner();
        let (state, release) = (Arc::clone(&self.state), self.release);
        // One by one, so that a large fleet is not copied.
        let instances = stream::unfold(0, move |place| {
            let state = state.lock().expect("no panic");
            if state.breaks_after.is_some_and(|most| place >= most) {
                let broken = (Err(Status::unavailable("the cache is gone")), usize::MAX);
                return std::future::ready((place < usize::MAX).then_some(broken));
            }
            let taken = state.instances.iter().enumerate().skip(place);
            let mut taken = taken.filter(|(_, instance)| release.takes(&filter, instance));
            let next = taken.next().map(|(place, instance)| (Ok(release.instance(instance)), place + 1));
            std::future::ready(next)
        });
        Ok(Response::new(Box::pin(instances)))
    }

    async fn get_cluster_alerts(
        &self,
        request: Request<types::GetClusterAlertsRequest>,
    ) -> Result<Response<wire::GetClusterAlertsResponse>, Status> {
        self.asked("GetClusterAlerts", &request).await?;
        Ok(Response::new(self.state().list(request.get_ref())))
    }

    async fn upsert_cluster_alert(
        &self,
        request: Request<wire::UpsertClusterAlertRequest>,
    ) -> Result<Response<()>, Status> {
        self.asked("UpsertClusterAlert", &request).await?;
        let alert = request.into_inner().alert.unwrap_or_default();
        self.state().upsert(self.release, alert).map(Response::new)
    }

    async fn delete_cluster_alert(
        &self,
        request: Request<wire::DeleteClusterAlertRequest>,
    ) -> Result<Response<()>, Status> {
        self.asked("DeleteClusterAlert", &request).await?;
        if self.release == Release::V14 {
            return Err(Status::unimplemented(
                "unknown method DeleteClusterAlert for service proto.AuthService",
            ));
        }
        self.state().alerts.remove(&request.get_ref().alert_id);
        Ok(Response::new(()))
    }

    async fn create_alert_ack(
        &self,
        request: Request<types::AlertAcknowledgement>,
    ) -> Result<Response<()>, Status> {
        self.asked("CreateAlertAck", &request).await?;
        let ack = request.into_inner();
        if ack.alert_id.is_empty() || ack.reason.is_empty() || ack.expires.is_none() {
            return Err(Status::invalid_argument("alert ack must have an id, a reason and an expiry"));
        }
        let mut state = self.state();
        if state.acks.contains_key(&ack.alert_id) {
            return Err(Status::already_exists("alert has already been acknowledged"));
        }
        state.acks.insert(ack.alert_id.clone(), ack);
        Ok(Response::new(()))
    }

    async fn get_alert_acks(
        &self,
        request: Request<wire::GetAlertAcksRequest>,
    ) -> Result<Response<wire::GetAlertAcksResponse>, Status> {
        self.asked("GetAlertAcks", &request).await?;
        let acks = self.state().acks.values().cloned().collect();
        Ok(Response::new(wire::GetAlertAcksResponse { acks }))
    }

    async fn clear_alert_acks(
        &self,
        request: Request<wire::ClearAlertAcksRequest>,
    ) -> Result<Response<()>, Status> {
        self.asked("ClearAlertAcks", &request).await?;
        let id = &request.get_ref().alert_id;
        self.state().acks.retain(|known, _| id != "*" && known != id);
        Ok(Response::new(()))
    }
}
