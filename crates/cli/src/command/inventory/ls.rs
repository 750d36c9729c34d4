//! `inventory ls`.

use selfcheck_daemon::report::ReportError;
use selfcheck_protocol::AgentPage;
use selfcheck_reporter::AuthClient;
use selfcheck_reporter::StockInventory;

use crate::args::LsArgs;
use crate::command::ask::in_time;
use crate::command::ask::query;
use crate::error::CliError;
use crate::output::Output;

use super::INSTANCES;
use super::listing::Listing;
use super::row::Row;
use super::stock;
use super::stock::Gaps;
use super::wanted::Match;
use super::wanted::Wanted;

pub(super) async fn run(args: &LsArgs, output: &Output) -> Result<u8, CliError> {
    query(&args.query.server, INSTANCES, async |client| {
        let mut listing = Listing::new(args.query.format, args.limit);
        match agents(args, client, &mut listing, output).await {
            Err(error) if error.is_unknown_call() => {
                stock::warn(output);
                instances(args, client, &mut listing, output).await?;
            }
            listed => listed?,
        }
        Ok(listing)
    })
    .await?
    .end()?;
    Ok(0)
}

async fn agents(
    args: &LsArgs,
    client: &AuthClient,
    listing: &mut Listing,
    output: &Output,
) -> Result<(), ReportError> {
    let wanted = Wanted(args);
    let filter = wanted.filter();
    let mut from = None;
    let mut unread = 0;
    loop {
        let asking = client.agents(&filter, from.as_deref());
        let AgentPage { agents, unreadable, next, .. } =
            in_time(&args.query.server.auth_server, asking).await?;
        unread += unreadable;
        let mut goes_on = true;
        for agent in agents {
            let (row, _) = Row::of_agent(agent);
            if wanted.matches(&row) == Match::Yes {
                goes_on = goes_on && listing.take(row);
            }
        }
        if next.is_none() || !goes_on {
            if unread > 0 {
                output.warn(&format!(
                    "{unread} agents are left out: what the auth server tells of them is not valid"
                ));
            }
            return Ok(());
        }
        from = next;
    }
}

/// What stock Teleport knows; verdict and reason are judged here.
async fn instances(
    args: &LsArgs,
    client: &AuthClient,
    listing: &mut Listing,
    output: &Output,
) -> Result<(), ReportError> {
    let wanted = Wanted(args);
    let inventory = StockInventory::open(client).await?;
    let mut gaps = Gaps::of(&inventory, output);
    let take = |instance| {
        let (row, _) = Row::of_instance(instance);
        gaps.add(&row);
        match wanted.matches(&row) {
            Match::Yes => return listing.take(row),
            Match::Unknown => gaps.leave_out(),
            Match::No => {}
        }
        true
    };
    let read = inventory.read(&wanted.filter(), take).await?;
    gaps.warn(read, output);
    Ok(())
}
