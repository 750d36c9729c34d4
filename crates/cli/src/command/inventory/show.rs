//! `inventory show`: all that is known of one agent.

use std::collections::BTreeMap;

use jiff::Timestamp;
use selfcheck_core::DnsLabel;
use selfcheck_core::Remedy;
use selfcheck_core::Severity;
use selfcheck_core::Text;
use selfcheck_daemon::report::ReportError;
use selfcheck_protocol::Filter;
use selfcheck_protocol::Instance;
use selfcheck_protocol::RemedyGroup;
use selfcheck_protocol::Report;
use selfcheck_reporter::AuthClient;
use selfcheck_reporter::StockInventory;
use serde::Serialize;

use crate::args::Format;
use crate::args::ShowArgs;
use crate::command::ask::in_time;
use crate::command::ask::query;
use crate::error::CliError;
use crate::output;
use crate::output::Output;
use crate::text;
use crate::text::AgentView;

use super::INSTANCES;
use super::row::Row;
use super::row::ServerKind;
use super::stock;
use super::stock::Gaps;

/// An agent in JSON: its row, and what its report says beyond that.
#[derive(Debug, Serialize)]
struct Shown<'a> {
    #[serde(flatten)]
    row: &'a Row,
    findings: Vec<Finding>,
    install_suffix: Option<&'a str>,
    last_success: Option<Timestamp>,
    next_run: Option<Timestamp>,
    /// When its host was looked at; `null` where it did not answer or nobody looked.
    observed_at: Option<Timestamp>,
    library_version: Option<&'a Text>,
    /// Where its connections come from, the oldest first.
    peers: &'a [Text],
    /// What the agent says is to be written into the remedy; nobody has looked whether that is so.
    claims: BTreeMap<&'static str, &'a DnsLabel>,
}

/// What was found of an agent.
#[derive(Debug)]
struct Found {
    row: Row,
    report: Report,
    peers: Vec<Text>,
}

#[derive(Debug, Serialize)]
struct Finding {
    reason: &'static str,
    severity: Severity,
    since: Option<Timestamp>,
}

pub(super) async fn run(args: &ShowArgs, output: &Output) -> Result<u8, CliError> {
    let server = &args.query.server;
    let found = query(server, INSTANCES, async |client| {
        match in_time(&server.auth_server, agent(args, client)).await {
            Err(error) if error.is_unknown_call() => {
                stock::warn(output);
                instance(args, client, output).await
            }
            found => found,
        }
    });
    let Found { mut row, report, peers } =
        found.await?.ok_or_else(|| CliError::NoSuchAgent(Text::new(&args.host_id)))?;
    let group = report.remedy_group();
    let remedy = group.as_ref().and_then(|group| group.render(args.proxy.as_ref()));
    let claims = || group.iter().flat_map(RemedyGroup::claims);
    row.remedy = remedy.as_ref().map(|remedy| remedy.shell.clone());
    let shown = match args.query.format {
        Format::Json => crate::command::json(&Shown::of(&row, &report, &peers, claims().collect()))?,
        Format::Text => {
            text::agent(&view(&row, &report, &peers, remedy.as_ref(), &text::claims(claims())), output.style)
        }
    };
    output::print(&shown)?;
    Ok(0)
}

async fn agent(args: &ShowArgs, client: &AuthClient) -> Result<Option<Found>, ReportError> {
    let page = client.agents(&this(args), None).await?;
    // An older auth server knows no such condition, and tells of others.
    let found = page.agents.into_iter().find(|agent| agent.server_id == *args.host_id);
    Ok(found.map(|mut agent| {
        let peers = std::mem::take(&mut agent.peers);
        let (row, report) = Row::of_agent(agent);
        Found { row, report, peers }
    }))
}

/// The agent asked for alone.
fn this(args: &ShowArgs) -> Filter {
    let mut filter = Filter::default();
    filter.server_id = Some(args.host_id.clone());
    filter
}

/// What a stock auth server tells of it.
async fn instance(
    args: &ShowArgs,
    client: &AuthClient,
    output: &Output,
) -> Result<Option<Found>, ReportError> {
    let mut found: Option<Found> = None;
    let take = |instance: Instance| {
        found = (instance.server_id == *args.host_id).then(|| {
            let (row, report) = Row::of_instance(instance);
            Found { row, report, peers: Vec::new() }
        });
        found.is_none()
    };
    let inventory = StockInventory::open(client).await?;
    let mut gaps = Gaps::of(&inventory, output);
    let mut read = inventory.read(&this(args), take).await?;
    match &found {
        Some(Found { row, .. }) => {
            gaps.add(row);
            read.agents = 1;
            gaps.warn(read, output);
        }
        None => gaps.warn_absent(output),
    }
    Ok(found)
}

impl<'a> Shown<'a> {
    fn of(
        row: &'a Row,
        report: &'a Report,
        peers: &'a [Text],
        claims: BTreeMap<&'static str, &'a DnsLabel>,
    ) -> Self {
        let findings = report.findings.iter().map(|finding| Finding {
            reason: finding.code(),
            severity: finding.severity,
            since: finding.since,
        });
        Self {
            row,
            findings: findings.collect(),
            install_suffix: report.namespace.suffix(),
            last_success: report.last_success,
            next_run: report.next_run,
            observed_at: report.observed_at,
            library_version: report.library_version.as_ref(),
            peers,
            claims,
        }
    }
}

fn view<'a>(
    row: &'a Row,
    report: &'a Report,
    peers: &'a [Text],
    remedy: Option<&'a Remedy>,
    claims: &'a str,
) -> AgentView<'a> {
    AgentView {
        host_id: &row.server_id,
        hostname: &row.hostname,
        version: &row.version,
        services: &row.services,
        basis: row.basis,
        report,
        is_updater_known: row.knows(Row::UPGRADER),
        is_stock: row.server_kind == ServerKind::Stock,
        peers,
        remedy,
        claims,
        last_heard: row.last_heard,
        now: selfcheck_probe::now().realtime,
    }
}
