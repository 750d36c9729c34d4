//! `inventory ls`.

use selfcheck_daemon::report::ReportError;
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
    let mut request = wanted.request();
    let mut unread = 0;
    loop {
        let page = in_time(&args.query.server.auth_server, client.agents(request.clone())).await?;
        let mut goes_on = true;
        for agent in &page.agents {
            match Row::of_agent(agent) {
                Some((row, _)) if wanted.matches(&row) == Match::Yes => {
                    goes_on = goes_on && listing.take(row);
                }
                Some(_) => {}
                None => unread += 1,
            }
        }
        // A page begins where the one before ended; a server that says otherwise would be listened to for ever.
        if page.next_page_token <= request.page_token || !goes_on {
            if unread > 0 {
                output.warn(&format!(
                    "{unread} agents are left out: what the auth server tells of them is not valid"
                ));
            }
            return Ok(());
        }
        request.page_token = page.next_page_token;
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
    let read = inventory.read(wanted.stock_filter(), take).await?;
    gaps.warn(read, output);
    Ok(())
}
