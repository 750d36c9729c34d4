//! `auth serve`: the inventory, its alerts and its metrics.

use std::io;
use std::net::SocketAddr;

use nix::sys::resource::Resource;
use nix::sys::resource::getrlimit;
use nix::sys::resource::setrlimit;
use selfcheck_authority::Authority;
use selfcheck_authority::Validity;
use selfcheck_core::Policy;
use selfcheck_core::ProxyAddr;
use selfcheck_fleet::Fleet;
use selfcheck_protocol::IdentityFile;
use selfcheck_protocol::Role;
use selfcheck_server::AuthServer;
use selfcheck_server::Builder;
use selfcheck_server::Inventory;
use selfcheck_server::Listener;
use tokio::net::TcpListener;
use tokio::net::TcpSocket;

use crate::args::ServeArgs;
use crate::command::log;
use crate::command::policy;
use crate::error::CliError;
use crate::output;
use crate::output::Output;

use super::BEHIND;
use super::SERVER_ID;
use super::SERVER_LASTS;
use super::VERSION;
use super::Web;
use super::denials;
use super::now;
use super::stock::StockMetrics;
use super::told_to_end;

pub(super) fn run(args: &ServeArgs, output: &Output) -> Result<u8, CliError> {
    let policy = policy::effective(args.policy.as_deref(), None)?;
    log::to_stderr(output);
    let runtime =
        tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(CliError::Runtime)?;
    runtime.block_on(serve_until_told(args, &policy, output))
}

async fn serve_until_told(args: &ServeArgs, policy: &Policy, output: &Output) -> Result<u8, CliError> {
    let end = told_to_end()?;
    raise_descriptors();
    let authority = Authority::load(&args.dir).map_err(CliError::Issue)?;
    let validity = Validity { from: now() - BEHIND, to: now() + SERVER_LASTS };
    let identity = authority.issue(SERVER_ID, [Role::Auth], validity).map_err(CliError::Issue)?;
    let identity = IdentityFile::parse(&args.dir, identity.as_bytes()).map_err(CliError::Identity)?;
    let listening = |source| CliError::Listen { address: args.listen, flag: Some("--listen"), source };
    let tcp = listen(args.listen).map_err(listening)?;
    let listener = Listener::new(tcp, &identity, now).map_err(CliError::Tls)?;
    let address = listener.local_addr().map_err(listening)?;
    let denying = denials::keep(listener.gate(), args.policy.clone(), policy.denied.clone(), output);

    let who = AuthServer::new(VERSION, SERVER_ID);
    let server = Builder::new(who, policy, now).proxy(args.public_addr.clone()).build();
    let web = web(args, server.inventory(), output).await?;
    for (flag, address) in [("--listen", Some(address)), ("--web", args.web)] {
        if let Some(address) = address.filter(|address| !address.ip().is_loopback()) {
            output.warn(&format!("others than this host may reach `{flag}` {address}"));
        }
    }
    output::print(&format!("serving cluster `{}` on {address}\n", authority.cluster()))?;
    if let Some(web) = web {
        output::print(&format!("serving metrics on {}\n", web.url()))?;
        tokio::spawn(web.serve());
    }
    tokio::select! {
        never = denying => match never {},
        ended = server.serve(listener, end) => ended.map_err(CliError::Serve)?,
    }
    Ok(0)
}

/// How many connections may wait to be taken, as after a restart, when all agents come at once.
const BACKLOG: u32 = 4096;

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// Lets this process have as many descriptors as it may: each agent has one, and the usual number is not meant for servers.
fn raise_descriptors() {
    if let Ok((_, most)) = getrlimit(Resource::RLIMIT_NOFILE) {
        let _ = setrlimit(Resource::RLIMIT_NOFILE, most, most); // it serves with fewer, too
    }
}

/// The web address. Where none was asked for, one that is taken is no reason to serve nothing.
async fn web(
    args: &ServeArgs,
    inventory: &Inventory<Fleet>,
    output: &Output,
) -> Result<Option<Web>, CliError> {
    let web = match (args.web, Web::bind(args.web.unwrap_or(Web::USUAL), inventory).await) {
        (_, Ok(web)) => web,
        (Some(_), Err(error)) => return Err(error),
        (None, Err(error)) => {
            output.warn(&format!("no metrics are served: {error}"));
            return Ok(None);
        }
    };
    let stock = StockMetrics::new(inventory.clone()).map_err(CliError::Metrics)?;
    let name = args.public_addr.as_ref().map(ProxyAddr::host);
    Ok(Some(web.called(name).with(stock)?))
}
