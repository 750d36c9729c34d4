//! `inventory ls`.

use selfcheck_agent::report::ReportError;
use selfcheck_inventory::agent::AuthClient;
use selfcheck_inventory::verdict_to_wire;
use selfcheck_inventory::wire::teleport::selfcheck::v1::AgentFilter;
use selfcheck_inventory::wire::teleport::selfcheck::v1::ListAgentsRequest;
use selfcheck_inventory::wire::types::InstanceFilter;

use crate::args::Format;
use crate::args::LsArgs;
use crate::command::ask::client;
use crate::command::ask::in_time;
use crate::error::CliError;
use crate::output;
use crate::output::Output;
use crate::text;

use super::STOCK;
use super::row::Row;

/// The word for an agent without an updater.
const NONE: &str = "none";

pub(super) async fn run(args: &LsArgs, output: &Output) -> Result<u8, CliError> {
    let client = client(&args.server.auth_server, &args.server.identity).await?;
    let rows = match in_time(&args.server.auth_server, agents(args, &client)).await {
        Err(error) if error.is_unknown_call() => {
            output.warn(STOCK);
            in_time(&args.server.auth_server, instances(args, &client)).await
        }
        rows => rows,
    };
    let rows = rows.map_err(CliError::AskAuth)?;
    let shown = match args.server.format {
        Format::Json => crate::command::json(&rows)?,
        Format::Text => text::table(Row::HEADINGS, &rows.iter().map(Row::cells).collect::<Vec<_>>()),
    };
    output::print(&shown)?;
    Ok(0)
}

async fn agents(args: &LsArgs, client: &AuthClient) -> Result<Vec<Row>, ReportError> {
    let (upgrader, no_upgrader) = upgrader(args);
    let mut request = ListAgentsRequest {
        verdict: args.verdict.map_or(0, |verdict| verdict_to_wire(verdict).into()),
        reason: args.reason.map(|reason| reason.code().to_owned()).unwrap_or_default(),
        stock: Some(AgentFilter {
            services: args.services.clone(),
            upgrader,
            no_upgrader,
            older_than: args.older_than.clone().unwrap_or_default(),
            update_group: args.update_group.clone().unwrap_or_default(),
        }),
        ..ListAgentsRequest::default()
    };
    let mut rows = Vec::new();
    loop {
        let page = client.agents(request.clone()).await?;
        rows.extend(page.agents.iter().filter_map(Row::of_agent).map(|(row, _)| row));
        // A page begins where the one before ended; a server that says otherwise would be listened to for ever.
        if page.next_page_token <= request.page_token || is_full(args, &mut rows) {
            return Ok(rows);
        }
        request.page_token = page.next_page_token;
    }
}

/// What stock Teleport knows; verdict and reason are judged and picked here.
async fn instances(args: &LsArgs, client: &AuthClient) -> Result<Vec<Row>, ReportError> {
    let (external_upgrader, no_ext_upgrader) = upgrader(args);
    let filter = InstanceFilter {
        services: args.services.clone(),
        external_upgrader,
        no_ext_upgrader,
        older_than_version: args.older_than.clone().unwrap_or_default(),
        update_group: args.update_group.clone().unwrap_or_default(),
        ..InstanceFilter::default()
    };
    let mut rows = Vec::new();
    let take = |instance| {
        let row = Row::of_instance(instance).map(|(row, _)| row).filter(|row| {
            args.verdict.is_none_or(|verdict| verdict == row.verdict)
                && args.reason.is_none_or(|reason| row.reasons.contains(&reason.code()))
        });
        rows.extend(row);
        !is_full(args, &mut rows)
    };
    client.instances(filter, take).await?;
    Ok(rows)
}

fn is_full(args: &LsArgs, rows: &mut Vec<Row>) -> bool {
    let Some(limit) = args.limit else { return false };
    rows.truncate(limit);
    rows.len() == limit
}

fn upgrader(args: &LsArgs) -> (String, bool) {
    match args.upgrader.as_deref() {
        Some(NONE) => (String::new(), true),
        named => (named.unwrap_or_default().to_owned(), false),
    }
}
