//! `inventory ls`.

use selfcheck_agent::report::ReportError;
use selfcheck_inventory::agent::AuthClient;
use selfcheck_inventory::agent::StockInventory;

use crate::args::LsArgs;
use crate::command::ask::asked;
use crate::command::ask::in_time;
use crate::error::CliError;
use crate::output::Output;

use super::INSTANCES;
use super::listing::Listing;
use super::row::Row;
use super::stock;
use super::wanted::Wanted;

pub(super) async fn run(args: &LsArgs, output: &Output) -> Result<u8, CliError> {
    asked(&args.query.server, INSTANCES, async |client| {
        let mut listing = Listing::new(args.query.format, args.limit);
        match agents(args, client, &mut listing).await {
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

async fn agents(args: &LsArgs, client: &AuthClient, listing: &mut Listing) -> Result<(), ReportError> {
    let wanted = Wanted(args);
    let mut request = wanted.request();
    loop {
        let page = in_time(&args.query.server.auth_server, client.agents(request.clone())).await?;
        let rows = page.agents.iter().filter_map(Row::of_agent).map(|(row, _)| row);
        let mut goes_on = true;
        for row in rows.filter(|row| wanted.takes(row)) {
            goes_on = goes_on && listing.take(row);
        }
        // A page begins where the one before ended; a server that says otherwise would be listened to for ever.
        if page.next_page_token <= request.page_token || !goes_on {
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
    if inventory.is_empty {
        stock::remark_empty(output);
    }
    let version = inventory.version.clone();
    let mut beyond_server = 0;
    let take = |instance| {
        let (row, _) = Row::of_instance(instance);
        beyond_server += usize::from(row.is_beyond_server());
        !wanted.takes(&row) || listing.take(row)
    };
    let read = inventory.read(wanted.stock_filter(), take).await?;
    stock::remark(output, version.as_ref(), read, beyond_server);
    Ok(())
}
