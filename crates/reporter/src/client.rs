//! Asking an auth server, as a person or a tool does.

use std::future::Future;
use std::time::Duration;

use jiff::Timestamp;
use prost::Message;
use selfcheck_core::Text;
use selfcheck_protocol::AgentPage;
use selfcheck_protocol::AlertFilter;
use selfcheck_protocol::AlertList;
use selfcheck_protocol::Connected;
use selfcheck_protocol::Count;
use selfcheck_protocol::Filter;
use selfcheck_protocol::FleetSummary;
use selfcheck_protocol::IdentityFile;
use selfcheck_protocol::InventoryCounts;
use selfcheck_protocol::RemedyGroup;
use selfcheck_protocol::ServerFields;
use selfcheck_protocol::wire::proto::InventoryStatusRequest;
use selfcheck_protocol::wire::proto::PingRequest;
use selfcheck_protocol::wire::teleport::selfcheck::v1::GetSummaryRequest;
use selfcheck_protocol::wire::teleport::selfcheck::v1::ListRemediesRequest;
use selfcheck_protocol::wire::teleport::selfcheck::v1::ListRemediesResponse;
use selfcheck_protocol::wire::teleport::selfcheck::v1::RemedyCount;
use selfcheck_protocol::wire::types::AlertAcknowledgement;
use selfcheck_protocol::wire::types::InstanceFilter;
use selfcheck_protocol::wire::types::InstanceV1;
use tokio::sync::watch;
use tokio::time::timeout;
use tonic::Code;
use tonic::Request;
use tonic::Status;
use tonic::client::Grpc;
use tonic::codegen::http::uri::PathAndQuery;
use tonic::metadata::MetadataValue;
use tonic::transport::Channel;

use crate::ReportError;
use crate::codec::RawCodec;
use crate::connect::connect;
use crate::wire::proto::auth_service_client::AuthServiceClient;
use crate::wire::teleport::selfcheck::v1::fleet_service_client::FleetServiceClient;

/// The most agents that a stock auth server is listened to about; a page of it cannot be asked for.
const INSTANCES: usize = 1_000_000;
/// The largest answer that has all connected agents in it: some 400,000 of them.
const HELLOS: usize = 64 << 20;
/// How long an answer may take, and the next one of many.
const NEXT_TIME: Duration = Duration::from_secs(60);
/// How long a connection may take to close.
const CLOSE_TIME: Duration = Duration::from_secs(2);

/// A connection to an auth server.
#[derive(Debug, Clone)]
pub struct AuthClient {
    server: String,
    channel: Channel,
    closed: watch::Receiver<()>,
    version: Option<MetadataValue<tonic::metadata::Ascii>>,
}

impl AuthClient {
    /// Connects to `server` (`HOST:PORT`), an auth server or a proxy that forwards to one.
    ///
    /// # Errors
    ///
    /// Where the identity is of no use for TLS, nobody answers in time, or who answers is not the cluster's auth server.
    pub async fn connect(server: impl Into<String>, identity: &IdentityFile) -> Result<Self, ReportError> {
        let server = server.into();
        let (channel, closed) = connect(&server, identity).await?;
        Ok(Self { server, channel, closed, version: None })
    }

    /// Closes the connection as TLS wants it, which otherwise the server takes for a broken one, and waits until that is done. It
    /// stays open while there are other clones of this, or channels of it, or streams; then this waits in vain, for two seconds.
    pub async fn close(self) {
        let Self { channel, mut closed, .. } = self;
        drop(channel);
        let _ = timeout(CLOSE_TIME, closed.changed()).await;
    }

    /// The Teleport version of the auth server; `None` from one that does not say, as this project's own.
    ///
    /// # Errors
    ///
    /// Where the connection breaks, nothing is answered in time, or the answer is another error than that the question is denied
    /// or not known.
    pub async fn server_version(&self) -> Result<Option<Text>, ReportError> {
        let mut auth = AuthServiceClient::new(self.channel());
        let asking = auth.ping(self.with_version(Request::new(PingRequest {})));
        match self.in_time(asking, "say what it is").await? {
            Ok(answer) => {
                let version = Text::new(&answer.into_inner().server_version);
                Ok(Some(version).filter(|version| !version.is_empty()))
            }
            Err(status) if matches!(status.code(), Code::Unimplemented | Code::PermissionDenied) => Ok(None),
            Err(status) => Err(self.answered(status)),
        }
    }

    /// How many agents of which kind there are, as stock Teleport counts them.
    ///
    /// # Errors
    ///
    /// Where the connection breaks, or the auth server does not answer in time, denies who asks, or does not know the question
    /// ([`ReportError::is_denied`], [`ReportError::is_unknown_call`]).
    pub async fn inventory_status(&self) -> Result<InventoryCounts, ReportError> {
        let mut auth = AuthServiceClient::new(self.channel());
        let request = InventoryStatusRequest { connected: false };
        let asking = auth.get_inventory_status(self.with_version(Request::new(request)));
        let answer = self.in_time(asking, "answer").await?;
        answer
            .map(|answer| InventoryCounts::from_wire(answer.into_inner()))
            .map_err(|status| self.answered(status))
    }

    /// The agents that are connected to this one auth server, which has these fields.
    ///
    /// # Errors
    ///
    /// Where the connection breaks, or the auth server does not answer in time, denies who asks, or does not know the question
    /// ([`ReportError::is_denied`], [`ReportError::is_unknown_call`]).
    pub async fn connected(&self, fields: ServerFields) -> Result<Connected, ReportError> {
        let mut calls = Grpc::new(self.channel()).max_decoding_message_size(HELLOS);
        self.must_be_ready(&mut calls).await?;
        let request = self.with_version(Request::new(InventoryStatusRequest { connected: true }));
        let path = PathAndQuery::from_static("/proto.AuthService/GetInventoryStatus");
        let codec = RawCodec::<InventoryStatusRequest>::default();
        let asking = calls.unary(request, path, codec);
        let answer = self.in_time(asking, "tell who is connected").await?;
        let answer = answer.map_err(|status| self.answered(status))?.into_inner();
        Connected::read(answer, fields).ok_or_else(|| ReportError::Protocol {
            server: self.server.clone(),
            what: "sent an unreadable list of connected agents",
        })
    }

    async fn must_be_ready(&self, calls: &mut Grpc<Channel>) -> Result<(), ReportError> {
        calls.ready().await.map_err(|error| self.answered(Status::from_error(Box::new(error))))
    }

    /// What `asking` comes to, unless that takes too long.
    async fn in_time<T>(
        &self,
        asking: impl Future<Output = T>,
        what: &'static str,
    ) -> Result<T, ReportError> {
        let late = |_| ReportError::Timeout { server: self.server.clone(), what };
        timeout(NEXT_TIME, asking).await.map_err(late)
    }

    /// How many agents are in which verdict.
    ///
    /// # Errors
    ///
    /// Where the connection breaks, or the auth server does not answer in time, denies who asks, or does not know the question
    /// ([`ReportError::is_denied`], [`ReportError::is_unknown_call`]).
    pub async fn summary(&self) -> Result<FleetSummary, ReportError> {
        let mut fleet = FleetServiceClient::new(self.channel());
        let asking = fleet.get_summary(self.with_version(Request::new(GetSummaryRequest {})));
        let answer = self.in_time(asking, "answer").await?;
        answer.map(|answer| FleetSummary::from_wire(answer.get_ref())).map_err(|status| self.answered(status))
    }

    /// What helps how many agents, the most first.
    ///
    /// # Errors
    ///
    /// Where the connection breaks, or the auth server does not answer in time, denies who asks, or does not know the question
    /// ([`ReportError::is_denied`], [`ReportError::is_unknown_call`]).
    pub async fn remedies(&self) -> Result<Vec<Count<RemedyGroup>>, ReportError> {
        let mut fleet = FleetServiceClient::new(self.channel());
        let asking = fleet.list_remedies(self.with_version(Request::new(ListRemediesRequest {})));
        let answer = self.in_time(asking, "answer").await?;
        let group = |count: &RemedyCount| Count { of: RemedyGroup::from_wire(count), agents: count.agents };
        let groups = |answer: &ListRemediesResponse| answer.remedies.iter().map(group).collect();
        answer.map(|answer| groups(answer.get_ref())).map_err(|status| self.answered(status))
    }

    /// The first page of the agents asked for, or the next one, which begins where the one before [said](AgentPage::next). Of the
    /// conditions about versions only `older_than` is asked: others are for who asks to check.
    ///
    /// # Errors
    ///
    /// Where the connection breaks, or the auth server does not answer in time, denies who asks, or does not know the question
    /// ([`ReportError::is_denied`], [`ReportError::is_unknown_call`]).
    pub async fn agents(&self, wanted: &Filter, from: Option<&str>) -> Result<AgentPage, ReportError> {
        let token = from.unwrap_or_default();
        let mut fleet = FleetServiceClient::new(self.channel());
        let request = wanted.to_request(0, token.to_owned());
        let asking = fleet.list_agents(self.with_version(Request::new(request)));
        let answer = self.in_time(asking, "answer").await?;
        answer
            .map(|answer| AgentPage::from_wire(answer.into_inner(), token))
            .map_err(|status| self.answered(status))
    }

    /// The agents as stock Teleport tells of them, each handed to `take` until that is false; `None` for one that cannot be read.
    /// No message may be waited for longer than a minute.
    pub(crate) async fn instances(
        &self,
        filter: InstanceFilter,
        mut take: impl FnMut(Option<InstanceV1>) -> bool,
    ) -> Result<(), ReportError> {
        const LATE: &str = "tell of its agents";
        let mut calls = Grpc::new(self.channel());
        self.must_be_ready(&mut calls).await?;
        let path = PathAndQuery::from_static("/proto.AuthService/GetInstances");
        let codec = RawCodec::<InstanceFilter>::default();
        let asking = calls.server_streaming(self.with_version(Request::new(filter)), path, codec);
        let answer = self.in_time(asking, LATE).await?;
        let mut instances = answer.map_err(|status| self.answered(status))?.into_inner();
        for _ in 0..INSTANCES {
            let message = self.in_time(instances.message(), LATE).await?;
            let Some(instance) = message.map_err(|status| self.answered(status))? else { return Ok(()) };
            if !take(InstanceV1::decode(instance).ok()) {
                return Ok(());
            }
        }
        Err(ReportError::Protocol {
            server: self.server.clone(),
            what: "tells of more than 1,000,000 agents",
        })
    }

    /// The cluster's alerts.
    ///
    /// # Errors
    ///
    /// Where the connection breaks, or the auth server does not answer in time, denies who asks, or does not know the question
    /// ([`ReportError::is_denied`], [`ReportError::is_unknown_call`]).
    pub async fn alerts(&self, wanted: &AlertFilter) -> Result<AlertList, ReportError> {
        let mut auth = AuthServiceClient::new(self.channel());
        let asking = auth.get_cluster_alerts(self.with_version(Request::new(wanted.to_wire())));
        let answer = self.in_time(asking, "answer").await?;
        answer
            .map(|answer| AlertList::from_wire(answer.into_inner().alerts))
            .map_err(|status| self.answered(status))
    }

    /// Tells that somebody knows of an alert, which hides it until then.
    ///
    /// # Errors
    ///
    /// Where the connection breaks, or the auth server does not answer in time, denies who asks, or does not know the question
    /// ([`ReportError::is_denied`], [`ReportError::is_unknown_call`]).
    pub async fn acknowledge_alert(
        &self,
        id: &str,
        reason: &str,
        until: Timestamp,
    ) -> Result<(), ReportError> {
        let until = prost_types::Timestamp { seconds: until.as_second(), nanos: 0 };
        let ack =
            AlertAcknowledgement { alert_id: id.to_owned(), reason: reason.to_owned(), expires: Some(until) };
        let mut auth = AuthServiceClient::new(self.channel());
        let asking = auth.create_alert_ack(self.with_version(Request::new(ack)));
        let answer = self.in_time(asking, "answer").await?;
        answer.map(tonic::Response::into_inner).map_err(|status| self.answered(status))
    }

    /// Speaks for an agent of this version. Tools do not: they are none.
    pub(crate) fn for_agent(self, version: &str) -> Self {
        // An auth server refuses one that is no version, and takes it when there is none.
        let version = Some(version).filter(|version| !version.is_empty());
        Self { version: version.and_then(|version| version.parse().ok()), ..self }
    }

    /// The channel, for calls that this client has no method for.
    pub fn channel(&self) -> Channel {
        self.channel.clone()
    }

    pub(crate) fn with_version<T>(&self, mut request: Request<T>) -> Request<T> {
        if let Some(version) = &self.version {
            request.metadata_mut().insert("version", version.clone());
        }
        request
    }

    pub(crate) fn answered(&self, status: Status) -> ReportError {
        ReportError::answered(&self.server, status)
    }
}
