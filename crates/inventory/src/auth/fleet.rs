//! This project's own service: what became of the reports.

use std::ops::ControlFlow;

use selfcheck_core::Basis;
use selfcheck_core::Text;
use tonic::Request;
use tonic::Response;
use tonic::Status;

use crate::verdict_from_wire;
use crate::verdict_to_wire;
use crate::wire::teleport::selfcheck::v1 as wire;
use crate::wire::teleport::selfcheck::v1::fleet_service_server::FleetService;

use super::AgentRecord;
use super::Filter;
use super::Inventory;
use super::Store;
use super::service::version;

/// The most agents of a page.
const PAGE: usize = 1000;
/// How many agents are looked at for one page: a page may be short, or empty, and yet not the last one.
const LOOKED_AT: usize = 20_000;

#[tonic::async_trait]
impl<S: Store> FleetService for Inventory<S> {
    async fn get_summary(
        &self,
        request: Request<wire::GetSummaryRequest>,
    ) -> Result<Response<wire::GetSummaryResponse>, Status> {
        self.admit(&request)?;
        let counts = self.store().counts();
        Ok(Response::new(wire::GetSummaryResponse {
            agents: counts.iter().map(|count| count.agents).sum(),
            verdicts: counts
                .iter()
                .map(|count| wire::VerdictCount {
                    verdict: verdict_to_wire(count.verdict).into(),
                    basis: basis(count.basis).into(),
                    agents: count.agents,
                })
                .collect(),
        }))
    }

    async fn list_agents(
        &self,
        request: Request<wire::ListAgentsRequest>,
    ) -> Result<Response<wire::ListAgentsResponse>, Status> {
        self.admit(&request)?;
        let request = request.get_ref();
        let filter = filter(request)?;
        let size = match usize::try_from(request.page_size) {
            Ok(size @ 1..PAGE) => size,
            _ => PAGE,
        };
        let mut page = wire::ListAgentsResponse::default();
        let mut looked_at = 0;
        self.store().visit(Some(&request.page_token), &mut |record| {
            looked_at += 1;
            if filter.takes(record) {
                page.agents.push(agent(record));
            }
            if page.agents.len() < size && looked_at < LOOKED_AT {
                return ControlFlow::Continue(());
            }
            page.next_page_token = record.hello.server_id.to_string();
            ControlFlow::Break(())
        });
        Ok(Response::new(page))
    }
}

fn filter(request: &wire::ListAgentsRequest) -> Result<Filter, Status> {
    let given = |text: &String| (!text.is_empty()).then(|| text.clone());
    let stock = request.stock.clone().unwrap_or_default();
    let without = stock.no_upgrader.then(String::new);
    Ok(Filter {
        services: stock.services.clone(),
        upgrader: without.or_else(|| given(&stock.upgrader)),
        older_than: version("older-than version", &stock.older_than)?,
        update_group: given(&stock.update_group),
        verdict: verdict_from_wire(request.verdict()),
        reason: given(&request.reason),
        ..Filter::default()
    })
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
        basis: basis(record.basis).into(),
        report: Some(report.to_wire()),
        last_heard: record.last_heard.as_second(),
    }
}

fn basis(basis: Basis) -> wire::Basis {
    match basis {
        Basis::Observed => wire::Basis::Observed,
        Basis::Claimed => wire::Basis::Claimed,
    }
}
