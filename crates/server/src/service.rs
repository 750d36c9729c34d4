//! Teleport's auth service, as far as the inventory goes.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;

use futures_util::stream;
use prost_types::Timestamp;
use selfcheck_core::Text;
use selfcheck_core::UpdaterKind;
use selfcheck_fleet::AcknowledgeError;
use selfcheck_fleet::AgentRecord;
use selfcheck_fleet::Alert;
use selfcheck_fleet::AlertAck;
use selfcheck_fleet::AlertStore;
use selfcheck_fleet::Counters;
use selfcheck_fleet::Cursor;
use selfcheck_fleet::Outcome;
use selfcheck_fleet::Part;
use selfcheck_fleet::Store;
use selfcheck_fleet::Summary;
use selfcheck_protocol::AlertFilter;
use selfcheck_protocol::Filter;
use selfcheck_protocol::wire::proto as wire;
use selfcheck_protocol::wire::types;
use tokio::time::Instant;
use tokio::time::timeout;
use tonic::Request;
use tonic::Response;
use tonic::Status;
use tonic::Streaming;

use crate::AuthServer;
use crate::Caller;
use crate::Limits;
use crate::admission::NOT_SERVED;
use crate::admission::Places;
use crate::shared::Shared;
use crate::stream::AgentStream;
use crate::streams::Streams;
use crate::tally::Tally;
use crate::terms::invalid;
use crate::terms::narrow;
use crate::terms::refused;
use crate::terms::words;
use crate::wire::proto::auth_service_server::AuthService;

/// The inventory of an auth server: Teleport's service and this project's own, over one store.
///
/// It is mounted with [`AuthServiceServer`](crate::wire::proto::auth_service_server::AuthServiceServer) and
/// [`FleetServiceServer`](crate::wire::teleport::selfcheck::v1::fleet_service_server::FleetServiceServer), and expects a
/// [`Caller`] in the extensions of every request. [`serve`](super::serve) does both.
#[derive(Debug)]
pub struct Inventory<S>(Arc<Shared<S>>);

impl<S> Clone for Inventory<S> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<S: Store> Inventory<S> {
    /// An inventory kept in `store`, and alerts in `alerts`. `clock` tells the wall-clock time.
    pub fn new(
        store: impl Into<Arc<S>>,
        alerts: Arc<dyn AlertStore>,
        server: AuthServer,
        limits: Limits,
        clock: fn() -> jiff::Timestamp,
    ) -> Self {
        Self(Arc::new(Shared {
            store: store.into(),
            server,
            limits,
            streams: Streams::default(),
            tally: Arc::default(),
            alerts,
            clock,
            pings: AtomicU64::new(1),
        }))
    }

    /// What is kept.
    pub fn store(&self) -> &Arc<S> {
        &self.0.store
    }

    /// What happened.
    pub fn counters(&self) -> &Arc<Counters> {
        self.0.tally.counters()
    }

    pub(crate) fn tally(&self) -> Arc<Tally> {
        Arc::clone(&self.0.tally)
    }

    /// The cluster's alerts.
    pub fn alerts(&self) -> &Arc<dyn AlertStore> {
        &self.0.alerts
    }

    /// The wall-clock time.
    pub fn now(&self) -> jiff::Timestamp {
        self.0.now()
    }

    /// What agents may ask.
    pub fn limits(&self) -> &Limits {
        &self.0.limits
    }

    /// Ends all streams, as the auth server does. Agents come back to another one, or to this one when it is there again.
    pub fn end_streams(&self) {
        self.0.streams.end();
    }

    pub(crate) fn streams(&self) -> &Streams {
        &self.0.streams
    }

    /// That who asks may ask about others.
    pub(crate) fn admit<T>(&self, request: &Request<T>) -> Result<(), Status> {
        Caller::of(request.extensions()).and_then(|caller| caller.must_be_admin()).inspect_err(|_| {
            self.0.tally.count(Outcome::Denied);
        })
    }

    fn instance(&self, agent: &AgentRecord) -> types::InstanceV1 {
        let AgentRecord { hello, last_heard, .. } = agent;
        let message = hello.to_wire();
        types::InstanceV1 {
            header: Some(types::ResourceHeader {
                kind: "instance".to_owned(),
                sub_kind: String::new(),
                version: "v1".to_owned(),
                metadata: Some(types::Metadata {
                    name: message.server_id,
                    namespace: "default".to_owned(),
                    ..types::Metadata::default()
                }),
            }),
            spec: Some(types::InstanceSpecV1 {
                version: format!("v{}", hello.version),
                services: message.services,
                hostname: message.hostname,
                auth_id: self.0.server.server_id.clone(),
                last_seen: Some(Timestamp {
                    seconds: last_heard.as_second(),
                    nanos: last_heard.subsec_nanosecond(),
                }),
                external_upgrader: message.external_upgrader,
                external_upgrader_version: message.external_upgrader_version,
                updater_info: message.updater_info,
                ..types::InstanceSpecV1::default()
            }),
        }
    }
}

type Instances = Pin<Box<dyn futures_util::Stream<Item = Result<types::InstanceV1, Status>> + Send>>;

#[tonic::async_trait]
impl<S: Store> AuthService for Inventory<S> {
    type InventoryControlStreamStream = AgentStream<S>;
    type GetInstancesStream = Instances;

    /// It is asked for what servers have that are more than an inventory.
    async fn ping(&self, _: Request<wire::PingRequest>) -> Result<Response<wire::PingResponse>, Status> {
        Err(Status::unimplemented(NOT_SERVED))
    }

    async fn inventory_control_stream(
        &self,
        request: Request<Streaming<wire::UpstreamInventoryOneOf>>,
    ) -> Result<Response<AgentStream<S>>, Status> {
        let caller = Caller::of(request.extensions())
            .and_then(|caller| caller.server().map(|_| caller.clone()))
            .inspect_err(|_| self.0.tally.count(Outcome::Denied))?;
        let places = request.extensions().get::<Places>().cloned();
        let stream = AgentStream::new(Arc::clone(&self.0), caller, places, request.into_inner());
        Ok(Response::new(stream))
    }

    async fn get_inventory_status(
        &self,
        request: Request<wire::InventoryStatusRequest>,
    ) -> Result<Response<wire::InventoryStatusSummary>, Status> {
        self.admit(&request)?;
        let store = &self.0.store;
        let Summary { agents, versions, kinds, services, .. } = store.summary();
        let mut summary = wire::InventoryStatusSummary {
            instance_count: narrow(agents),
            version_counts: words(&versions, Text::as_str),
            upgrader_counts: words(&kinds, |kind| UpdaterKind::word(kind.as_ref())),
            service_counts: words(&services, |role| role.name()),
            ..wire::InventoryStatusSummary::default()
        };
        let mut from = request.get_ref().connected.then(Cursor::default);
        while let Some(cursor) = from {
            let part = store.part(cursor, None, usize::MAX);
            summary.connected.extend(part.agents.iter().map(|agent| agent.hello.to_wire()));
            from = part.next;
            tokio::task::yield_now().await;
        }
        Ok(Response::new(summary))
    }

    async fn get_inventory_connected_service_counts(
        &self,
        request: Request<wire::InventoryConnectedServiceCountsRequest>,
    ) -> Result<Response<wire::InventoryConnectedServiceCounts>, Status> {
        self.admit(&request)?;
        let services = self.0.store.summary().services;
        let service_counts =
            services.iter().map(|count| (count.of.name().to_owned(), count.agents)).collect();
        Ok(Response::new(wire::InventoryConnectedServiceCounts { service_counts }))
    }

    async fn ping_inventory(
        &self,
        request: Request<wire::InventoryPingRequest>,
    ) -> Result<Response<wire::InventoryPingResponse>, Status> {
        self.admit(&request)?;
        let agent = &request.get_ref().server_id;
        let stream = self.0.streams.newest(agent);
        let stream = stream
            .ok_or_else(|| Status::not_found(format!("no agent `{}` is connected", Text::new(agent))))?;
        let began = Instant::now();
        let answer = stream.ping(self.0.pings.fetch_add(1, Ordering::Relaxed));
        let answer =
            answer.ok_or_else(|| Status::resource_exhausted("this agent is being pinged already"))?;
        match timeout(self.0.limits.ping_time, answer).await {
            Ok(Ok(())) => Ok(Response::new(wire::InventoryPingResponse {
                duration: i64::try_from(began.elapsed().as_nanos()).unwrap_or(i64::MAX),
            })),
            Ok(Err(_)) => Err(Status::unavailable("the agent's stream ended")),
            Err(_) => Err(Status::deadline_exceeded("the agent did not answer in time")),
        }
    }

    async fn get_instances(
        &self,
        request: Request<types::InstanceFilter>,
    ) -> Result<Response<Instances>, Status> {
        self.admit(&request)?;
        let filter = Filter::from_stock(request.get_ref()).map_err(|why| invalid(&why))?;
        let inventory = self.clone();
        // In parts, so that a large fleet is neither held in memory nor keeps others waiting.
        let parts = stream::unfold(Some(Cursor::default()), move |from| {
            let part = from.map(|from| inventory.instances(&filter, from));
            async move {
                tokio::task::yield_now().await;
                part
            }
        });
        let instances =
            futures_util::StreamExt::flat_map(parts, |part| stream::iter(part.into_iter().map(Ok)));
        Ok(Response::new(Box::pin(instances)))
    }

    async fn get_cluster_alerts(
        &self,
        request: Request<types::GetClusterAlertsRequest>,
    ) -> Result<Response<wire::GetClusterAlertsResponse>, Status> {
        self.admit(&request)?;
        let alerts = self.0.alerts.list(&AlertFilter::from_wire(request.into_inner()), self.0.now());
        let alerts = alerts.iter().map(Alert::to_wire).collect();
        Ok(Response::new(wire::GetClusterAlertsResponse { alerts }))
    }

    async fn upsert_cluster_alert(
        &self,
        request: Request<wire::UpsertClusterAlertRequest>,
    ) -> Result<Response<()>, Status> {
        self.admit(&request)?;
        let now = self.0.now();
        let alert = request.into_inner().alert.unwrap_or_default();
        let kept = Alert::from_wire(alert, now).and_then(|alert| self.0.alerts.upsert(alert, now));
        kept.map(Response::new).map_err(|why| refused(&why))
    }

    async fn delete_cluster_alert(
        &self,
        request: Request<wire::DeleteClusterAlertRequest>,
    ) -> Result<Response<()>, Status> {
        self.admit(&request)?;
        let id = &request.get_ref().alert_id;
        if self.0.alerts.delete(id, self.0.now()) {
            return Ok(Response::new(()));
        }
        Err(Status::not_found(format!("there is no alert `{}`", Text::new(id))))
    }

    async fn create_alert_ack(
        &self,
        request: Request<types::AlertAcknowledgement>,
    ) -> Result<Response<()>, Status> {
        self.admit(&request)?;
        let ack = AlertAck::from_wire(request.into_inner()).map_err(|why| refused(&why))?;
        let id = Text::new(&ack.id);
        self.0.alerts.acknowledge(ack, self.0.now()).map_err(|why| match why {
            AcknowledgeError::Already => {
                Status::already_exists(format!("alert `{id}` has been acknowledged already"))
            }
            _ => Status::resource_exhausted(why.to_string()),
        })?;
        Ok(Response::new(()))
    }

    async fn get_alert_acks(
        &self,
        request: Request<wire::GetAlertAcksRequest>,
    ) -> Result<Response<wire::GetAlertAcksResponse>, Status> {
        self.admit(&request)?;
        let acks = self.0.alerts.acknowledgements(self.0.now());
        Ok(Response::new(wire::GetAlertAcksResponse { acks: acks.iter().map(AlertAck::to_wire).collect() }))
    }

    async fn clear_alert_acks(
        &self,
        request: Request<wire::ClearAlertAcksRequest>,
    ) -> Result<Response<()>, Status> {
        self.admit(&request)?;
        let id = &request.get_ref().alert_id;
        if id.is_empty() {
            return Err(Status::invalid_argument("the id of the alert is missing; `*` stands for all"));
        }
        self.0.alerts.clear_acknowledgements(id, self.0.now());
        Ok(Response::new(()))
    }
}

impl<S: Store> Inventory<S> {
    /// The agents of a part that are asked for, and where the next part begins.
    fn instances(&self, filter: &Filter, from: Cursor) -> (Vec<types::InstanceV1>, Option<Cursor>) {
        let store = &self.0.store;
        let Part { agents, next, .. } = match &filter.server_id {
            Some(id) => Part::new(store.find(id).into_iter().collect(), None),
            None => store.part(from, filter.verdict, usize::MAX),
        };
        let taken = agents.iter().filter(|agent| agent.is_among(filter));
        (taken.map(|agent| self.instance(agent)).collect(), next)
    }
}
