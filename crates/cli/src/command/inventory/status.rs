//! `inventory status`.

use std::collections::BTreeMap;

use selfcheck_agent::report::ReportError;
use selfcheck_core::Text;
use selfcheck_inventory::agent::AuthClient;
use selfcheck_inventory::basis_from_wire;
use selfcheck_inventory::verdict_from_wire;
use selfcheck_inventory::wire::proto::InventoryStatusSummary;
use selfcheck_inventory::wire::teleport::selfcheck::v1::GetSummaryResponse;
use serde::Serialize;

use crate::args::Format;
use crate::args::ServerArgs;
use crate::command::ask::client;
use crate::command::ask::in_time;
use crate::error::CliError;
use crate::output;
use crate::output::Output;
use crate::text;

use super::STOCK;

/// What is shown.
#[derive(Debug, Serialize)]
struct Summary {
    /// By verdict and basis; null where the auth server is a stock one.
    verdicts: Option<BTreeMap<String, u64>>,
    /// By each of their findings; null as above.
    reasons: Option<BTreeMap<String, u64>>,
    /// Those that have only just come and are not counted yet; null as above.
    settling: Option<u64>,
    versions: BTreeMap<String, u32>,
    upgraders: BTreeMap<String, u32>,
    services: BTreeMap<String, u32>,
    total_instances: u32,
}

pub(super) async fn run(args: &ServerArgs, output: &Output) -> Result<u8, CliError> {
    let client = client(&args.auth_server, &args.identity).await?;
    let (stock, own) = in_time(&args.auth_server, ask(&client)).await.map_err(CliError::AskAuth)?;
    if own.is_none() {
        output.warn(STOCK);
    }
    let summary = summary(stock, own.as_ref());
    let shown = match args.format {
        Format::Json => crate::command::json(&summary)?,
        Format::Text => lines(&summary),
    };
    output::print(&shown)?;
    Ok(0)
}

async fn ask(
    client: &AuthClient,
) -> Result<(InventoryStatusSummary, Option<GetSummaryResponse>), ReportError> {
    let stock = client.inventory_status().await?;
    match client.summary().await {
        Ok(own) => Ok((stock, Some(own))),
        Err(error) if error.is_unknown_call() => Ok((stock, None)),
        Err(error) => Err(error),
    }
}

fn summary(stock: InventoryStatusSummary, own: Option<&GetSummaryResponse>) -> Summary {
    let verdicts = own.map(|own| {
        let named = own.verdicts.iter().filter_map(|count| {
            let verdict = verdict_from_wire(count.verdict())?;
            Some((format!("{verdict} {}", basis_from_wire(count.basis())), count.agents))
        });
        named.collect()
    });
    let reasons = own.map(|own| {
        let reasons = own.reasons.iter();
        reasons.map(|count| (Text::new(&count.name).to_string(), count.agents)).collect()
    });
    Summary {
        verdicts,
        reasons,
        settling: own.map(|own| own.settling),
        versions: printable(stock.version_counts),
        upgraders: printable(stock.upgrader_counts),
        services: printable(stock.service_counts),
        total_instances: stock.instance_count,
    }
}

/// Agents chose these words.
fn printable(counts: BTreeMap<String, u32>) -> BTreeMap<String, u32> {
    let mut clean = BTreeMap::new();
    for (word, count) in counts {
        let word = if word.is_empty() { "none".to_owned() } else { Text::new(&word).to_string() };
        // Two words may be one when cleaned.
        let sum: &mut u32 = clean.entry(word).or_default();
        *sum = sum.saturating_add(count);
    }
    clean
}

fn lines(summary: &Summary) -> String {
    let mut sections = Vec::new();
    if let Some(verdicts) = &summary.verdicts {
        sections.push(("Verdicts", rows(verdicts)));
    }
    if let Some(reasons) = summary.reasons.as_ref().filter(|reasons| !reasons.is_empty()) {
        sections.push(("Reasons", rows(reasons)));
    }
    sections.push(("Versions", rows(&summary.versions)));
    sections.push(("Upgraders", rows(&summary.upgraders)));
    sections.push(("Services", rows(&summary.services)));
    let mut shown = String::new();
    for (title, rows) in sections {
        shown.push_str(&text::table([title, "Agents"], &rows));
        shown.push('\n');
    }
    let settling = match summary.settling {
        Some(agents @ 1..) => format!(" (and {agents} that have only just come)"),
        _ => String::new(),
    };
    format!("{shown}Total Instances: {}{settling}\n", summary.total_instances)
}

fn rows(counts: &BTreeMap<String, impl ToString>) -> Vec<[String; 2]> {
    counts.iter().map(|(word, count)| [word.clone(), count.to_string()]).collect()
}
