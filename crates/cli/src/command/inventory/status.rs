//! `inventory status`.

use std::collections::BTreeMap;

use selfcheck_core::Text;
use selfcheck_daemon::report::ReportError;
use selfcheck_protocol::Connected;
use selfcheck_protocol::Count;
use selfcheck_protocol::FieldValue;
use selfcheck_protocol::Filter;
use selfcheck_protocol::FleetSummary;
use selfcheck_protocol::Instance;
use selfcheck_protocol::InventoryCounts;
use selfcheck_protocol::OTHER;
use selfcheck_protocol::ServerFields;
use selfcheck_reporter::AuthClient;
use selfcheck_reporter::ReadCount;
use selfcheck_reporter::StockInventory;
use serde::Serialize;

use crate::args::Format;
use crate::args::NONE;
use crate::args::QueryArgs;
use crate::command::ask::Right;
use crate::command::ask::in_time;
use crate::command::ask::query;
use crate::error::CliError;
use crate::output;
use crate::output::Output;
use crate::text;

use super::stock;

/// The most words of a kind that are told apart.
const WORDS: usize = 4096;

/// What one needs to ask; an old auth server wants more for this than for a list.
const RIGHT: Right = "`instance: list, read` (up to Teleport 14, one with the built-in role `Admin`)";

/// What is shown.
#[derive(Debug, Default, Serialize)]
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
    /// Those that are connected to the auth server asked, which are then the ones counted; null where it counts all itself.
    connected: Option<usize>,
    /// Null where the auth server counts no instances.
    total_instances: Option<u32>,
}

/// What was answered.
enum Answer {
    /// By one of this project's own.
    Own(InventoryCounts, FleetSummary),
    /// By a stock one that counts its instances.
    Counts(InventoryCounts),
    /// By one that does not: those that are connected to it.
    Connected(Connected),
    /// By one that lets who asks list its instances, and not ask for this: they are counted here.
    Instances(Box<Counted>),
}

/// Instances counted here.
#[derive(Default)]
struct Counted {
    summary: Summary,
    read: ReadCount,
    /// What is said where none are kept: why nobody else could be counted.
    instead: Option<String>,
}

pub(super) async fn run(args: &QueryArgs, output: &Output) -> Result<u8, CliError> {
    let answer =
        query(&args.server, RIGHT, async |client| in_time(&args.server.auth_server, ask(client)).await);
    let summary = match answer.await? {
        Answer::Own(stock, own) => {
            Summary { settling: Some(own.settling), ..Summary::of_own(&own).counting(stock) }
        }
        Answer::Counts(stock) => {
            stock::warn(output);
            if stock.instances == 0 {
                stock::warn_empty("", output);
            }
            Summary::default().counting(stock)
        }
        Answer::Connected(connected) => {
            stock::warn(output);
            output.warn(
                "this auth server does not count instances, or has none yet: only agents connected to it are counted, not those of other auth servers",
            );
            stock::warn_unreadable(connected.agents().filter(Option::is_none).count(), output);
            Summary::of_connected(&connected)
        }
        Answer::Instances(counted) => {
            stock::warn(output);
            output.warn("this identity may not read the auth server's counts: the instances that it may list are counted");
            counted.warn(output);
            counted.summary
        }
    };
    let shown = match args.format {
        Format::Json => crate::command::json(&summary)?,
        Format::Text => lines(&summary),
    };
    output::print(&shown)?;
    Ok(0)
}

async fn ask(client: &AuthClient) -> Result<Answer, ReportError> {
    let stock = match client.inventory_status().await {
        Err(denied) if denied.is_denied() => {
            return match instances(client).await {
                Err(error) if error.is_denied() => Err(denied),
                counted => counted.map(Answer::Instances),
            };
        }
        stock => stock?,
    };
    match client.summary().await {
        Ok(own) => return Ok(Answer::Own(stock, own)),
        Err(error) if error.is_unknown_call() => {}
        Err(error) => return Err(error),
    }
    let version = client.server_version().await?;
    let fields = ServerFields::of_version(version.as_ref().map(Text::as_str));
    let counts = fields.count_instances(&stock);
    if counts && stock.instances > 0 {
        return Ok(Answer::Counts(stock));
    }
    // Those that have only just connected are not kept yet.
    match client.connected(fields).await {
        Ok(connected) if !counts || !connected.is_empty() => Ok(Answer::Connected(connected)),
        Err(error) if !counts => Err(error),
        Ok(_) | Err(_) => Ok(Answer::Counts(stock)),
    }
}

/// An old auth server asks for more rights for its counts than for its instances.
async fn instances(client: &AuthClient) -> Result<Box<Counted>, ReportError> {
    let mut counted = Box::new(Counted::default());
    let inventory = StockInventory::open(client).await?;
    if !inventory.has_instances {
        counted.instead = inventory.connected_error.as_ref().map(stock::not_connected);
    }
    let take = |agent: Instance| {
        counted.summary.add(&agent);
        true
    };
    let read = inventory.read(&Filter::default(), take).await?;
    counted.read = read;
    // Of those who are connected and could not be asked for there may be any number.
    let total = u32::try_from(read.agents).unwrap_or(u32::MAX);
    counted.summary.total_instances = counted.instead.is_none().then_some(total);
    Ok(counted)
}

impl Counted {
    fn warn(&self, output: &Output) {
        if let Some(instead) = &self.instead {
            stock::warn_empty(instead, output);
        }
        stock::warn_unreadable(self.read.unreadable, output);
    }
}

impl Summary {
    fn of_own(own: &FleetSummary) -> Self {
        let mut verdicts = BTreeMap::new();
        for Count { of: (verdict, basis), agents } in &own.verdicts {
            *verdicts.entry(format!("{verdict} {basis}")).or_default() += agents;
        }
        let reasons = own.reasons.iter().map(|count| (count.of.to_string(), count.agents));
        Self { verdicts: Some(verdicts), reasons: Some(reasons.collect()), ..Self::default() }
    }

    fn counting(self, stock: InventoryCounts) -> Self {
        Self {
            versions: words(stock.versions),
            upgraders: words(stock.upgraders),
            services: words(stock.services),
            total_instances: Some(stock.instances),
            ..self
        }
    }

    fn of_connected(connected: &Connected) -> Self {
        let mut summary = Self::default();
        let mut agents = 0;
        for agent in connected.agents().flatten() {
            summary.add(&agent);
            agents += 1;
        }
        summary.connected = Some(agents);
        summary
    }

    fn add(&mut self, agent: &Instance) {
        let upgrader = match &agent.updater.kind {
            FieldValue::Set(kind) => kind.as_str(),
            FieldValue::Empty => NONE,
            FieldValue::Unknown => "unknown",
        };
        count(&mut self.versions, agent.version.as_str());
        count(&mut self.upgraders, upgrader);
        for service in &agent.services {
            count(&mut self.services, service.as_str());
        }
    }
}

/// Agents chose the words, and may choose as many as they are.
fn count(counts: &mut BTreeMap<String, u32>, word: &str) {
    let word = if counts.len() < WORDS || counts.contains_key(word) { word } else { OTHER };
    match counts.get_mut(word) {
        Some(count) => *count += 1,
        None => _ = counts.insert(word.to_owned(), 1),
    }
}

fn words(counts: BTreeMap<Text, u32>) -> BTreeMap<String, u32> {
    let name = |word: Text| if word.is_empty() { NONE.to_owned() } else { word.to_string() };
    let mut named = BTreeMap::new();
    for (word, count) in counts {
        // There may be one that is called like none.
        let sum: &mut u32 = named.entry(name(word)).or_default();
        *sum = sum.saturating_add(count);
    }
    named
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
    let total = match (summary.total_instances, summary.connected) {
        (Some(total), _) => format!("Total Instances: {total}"),
        (None, Some(connected)) => format!("Total Instances: unknown, {connected} connected"),
        (None, None) => "Total Instances: unknown".to_owned(),
    };
    format!("{shown}{total}{settling}\n")
}

fn rows(counts: &BTreeMap<String, impl ToString>) -> Vec<[String; 2]> {
    counts.iter().map(|(word, count)| [word.clone(), count.to_string()]).collect()
}
