//! This project's own service: what became of the reports.

use selfcheck_core::Text;
use selfcheck_fleet::AgentRecord;
use selfcheck_fleet::Cursor;
use selfcheck_fleet::Store;
use selfcheck_protocol::Filter;
use selfcheck_protocol::basis_to_wire;
use selfcheck_protocol::wire::teleport::selfcheck::v1 as wire;
use tokio::time::timeout;
use tonic::Request;
use tonic::Response;
use tonic::Status;

use crate::Inventory;
use crate::terms::invalid;
use crate::wire::teleport::selfcheck::v1::fleet_service_server::FleetService;

/// The most agents of a page.
const PAGE: usize = 1000;
/// How many parts of the agents are looked at for one page: it may be short, or empty, and yet not the last one.
const PARTS: usize = 400;

#[tonic::async_trait]
impl<S: Store> FleetService for Inventory<S> {
    async fn get_summary(
        &self,
        request: Request<wire::GetSummaryRequest>,
    ) -> Result<Response<wire::GetSummaryResponse>, Status> {
        self.admit(&request)?;
        Ok(Response::new(self.store().summary().to_wire()))
    }

    async fn list_remedies(
        &self,
        request: Request<wire::ListRemediesRequest>,
    ) -> Result<Response<wire::ListRemediesResponse>, Status> {
        self.admit(&request)?;
        Ok(Response::new(wire::ListRemediesResponse { remedies: self.store().summary().remedies_to_wire() }))
    }

    async fn list_agents(
        &self,
        request: Request<wire::ListAgentsRequest>,
    ) -> Result<Response<wire::ListAgentsResponse>, Status> {
        self.admit(&request)?;
        let request = request.get_ref();
        let filter = Filter::from_request(request).map_err(|why| invalid(&why))?;
        let size = match usize::try_from(request.page_size) {
            Ok(size @ 1..PAGE) => size,
            _ => PAGE,
        };
        if !request.server_id.is_empty() {
            let found = self.ask_anew(&request.server_id).await.filter(|record| record.is_among(&filter));
            let addresses = self.streams().addresses(&request.server_id);
            let peers: Vec<_> = addresses.iter().map(ToString::to_string).collect();
            let agents =
                found.iter().map(|record| wire::Agent { peers: peers.clone(), ..agent(record) }).collect();
            return Ok(Response::new(wire::ListAgentsResponse { agents, ..Default::default() }));
        }
        let mut page = wire::ListAgentsResponse::default();
        let mut from = cursor(&request.page_token)?;
        for _ in 0..PARTS {
            let part = self.store().part(from, filter.verdict, size - page.agents.len());
            page.agents.extend(part.agents.iter().filter(|record| record.is_among(&filter)).map(agent));
            page.next_page_token = part.next.map(token).unwrap_or_default();
            match part.next {
                Some(next) if page.agents.len() < size => from = next,
                _ => break,
            }
            tokio::task::yield_now().await;
        }
        Ok(Response::new(page))
    }
}

impl<S: Store> Inventory<S> {
    /// One agent, by the report that it makes when it is asked now, or else by what is known.
    async fn ask_anew(&self, host_id: &str) -> Option<AgentRecord> {
        let told = match self.streams().ask_anew(host_id) {
            Some(answer) => timeout(self.limits().ping_time, answer).await.ok().and_then(Result::ok),
            None => None,
        };
        told.or_else(|| self.store().find(host_id))
    }
}

/// Later places have greater tokens, as text too.
fn token(Cursor(place): Cursor) -> String {
    format!("{place:020}")
}

fn cursor(token: &str) -> Result<Cursor, Status> {
    if token.is_empty() {
        return Ok(Cursor::default());
    }
    let place = token.parse().map_err(|_| Status::invalid_argument("the page token is none"))?;
    Ok(Cursor(place))
}

fn agent(record: &AgentRecord) -> wire::Agent {
    let AgentRecord { hello, report, .. } = record;
    let stock = hello.to_wire();
    wire::Agent {
        server_id: stock.server_id,
        hostname: stock.hostname,
        version: stock.version,
        services: stock.services,
        upgrader: stock.external_upgrader,
        upgrader_version: hello.updater.version.as_ref().map(Text::to_string).unwrap_or_default(),
        update_group: hello.updater.group.as_ref().map(Text::to_string).unwrap_or_default(),
        basis: basis_to_wire(record.basis).into(),
        report: Some(report.to_wire()),
        last_heard: record.last_heard.as_second(),
        peers: Vec::new(),
    }
}
