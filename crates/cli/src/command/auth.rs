//! `auth`: a private authority, its identities, and an auth server to try things out.

use std::future::Future;
use std::net::SocketAddr;
use std::path::Path;

use jiff::SignedDuration;
use selfcheck_core::Policy;
use selfcheck_core::ProxyAddr;
use selfcheck_fleet::AlertKeeper;
use selfcheck_fleet::AlertRules;
use selfcheck_fleet::FaultRules;
use selfcheck_fleet::Fleet;
use selfcheck_fleet::FleetConfig;
use selfcheck_inventory::IdentityFile;
use selfcheck_inventory::Role;
use selfcheck_inventory::auth::AuthServer;
use selfcheck_inventory::auth::Inventory;
use selfcheck_inventory::auth::Limits;
use selfcheck_inventory::auth::Listener;
use selfcheck_inventory::auth::serve;
use selfcheck_inventory::issue::Authority;
use selfcheck_inventory::issue::Validity;
use tokio::net::TcpListener;

use crate::args::AuthCommand;
use crate::args::IssueArgs;
use crate::error::CliError;
use crate::output;
use crate::output::Output;

use super::policy;

/// Clocks of the hosts that an identity is used on may be behind.
const BEHIND: SignedDuration = SignedDuration::from_mins(5);
/// How long the auth server's own identity counts; it is made anew at every start.
const SERVER_LASTS: SignedDuration = SignedDuration::from_hours(365 * 24);
/// What the auth server speaks for: the Teleport version whose messages it has.
pub(super) const VERSION: &str = "18.2.0";
/// The auth server's own host id.
pub(super) const SERVER_ID: &str = "teleport-selfcheck";
/// The host id of an administrator, who is none.
const ADMIN: &str = "admin";

pub(super) fn run(command: &AuthCommand, output: &Output) -> Result<u8, CliError> {
    match command {
        AuthCommand::Init { dir, cluster } => {
            let authority = Authority::init(dir, cluster, now()).map_err(CliError::Issue)?;
            output.remark(&format!("made the authority of `{}` in `{}`", authority.cluster(), dir.display()));
            Ok(0)
        }
        AuthCommand::Issue(args) => issue(args),
        AuthCommand::Serve { dir, listen, public_addr, policy } => {
            let policy = policy::effective(policy.as_deref(), None)?;
            let runtime = tokio::runtime::Builder::new_multi_thread()
                .enable_all()
                .build()
                .map_err(CliError::Runtime)?;
            runtime.block_on(serve_until_told(dir, *listen, &policy, public_addr.clone()))
        }
    }
}

fn issue(args: &IssueArgs) -> Result<u8, CliError> {
    let is_admin = args.roles.contains(&Role::Admin);
    let host_id = match (&args.host_id, is_admin, args.roles.len()) {
        (_, true, 2..) => return Err(CliError::Usage("the role `Admin` goes with no other")),
        (None, true, _) => ADMIN,
        (None, false, _) => {
            return Err(CliError::Usage("`--host-id` is missing: a host's identity names the host"));
        }
        (Some(host_id), ..) => host_id,
    };
    let authority = Authority::load(&args.dir).map_err(CliError::Issue)?;
    let lasts = SignedDuration::try_from(args.ttl.duration()).unwrap_or(SERVER_LASTS);
    let validity = Validity { from: now() - BEHIND, to: now() + lasts };
    authority.issue_to(&args.out, host_id, args.roles.iter().copied(), validity).map_err(CliError::Issue)?;
    Ok(0)
}

async fn serve_until_told(
    dir: &Path,
    listen: SocketAddr,
    policy: &Policy,
    public_addr: Option<ProxyAddr>,
) -> Result<u8, CliError> {
    let end = told_to_end()?;
    let authority = Authority::load(dir).map_err(CliError::Issue)?;
    let validity = Validity { from: now() - BEHIND, to: now() + SERVER_LASTS };
    let identity = authority.issue(SERVER_ID, [Role::Auth], validity).map_err(CliError::Issue)?;
    let identity = IdentityFile::parse(dir, identity.as_bytes()).map_err(CliError::Identity)?;
    let tcp =
        TcpListener::bind(listen).await.map_err(|source| CliError::Listen { address: listen, source })?;
    let listener = Listener::new(tcp, &identity).map_err(CliError::Tls)?;
    let address = listener.local_addr().map_err(|source| CliError::Listen { address: listen, source })?;
    let server = AuthServer { version: VERSION.to_owned(), server_id: SERVER_ID.to_owned() };
    let counting = FleetConfig {
        reports: usize::try_from(policy.limits.agents_in_full).unwrap_or(usize::MAX),
        faults: FaultRules::new(&policy.alerts, VERSION),
        ..FleetConfig::default()
    };
    let inventory = Inventory::new(Fleet::new(counting), server, Limits::default(), now);
    let keeper =
        AlertKeeper::new(AlertRules::new(&policy.alerts, public_addr), policy.alerts.linger.duration());
    let keeping = tokio::spawn(keeper.run(inventory.clone()));
    output::print(&format!("serving cluster `{}` on {address}\n", authority.cluster()))?;
    let serving = serve(inventory, listener, end);
    tokio::select! {
        result = serving => result.map_err(|error| CliError::Serve(error.to_string()))?,
        Ok(Err(error)) = keeping => return Err(CliError::Serve(error.to_string())),
    }
    Ok(0)
}

/// Completes when the process is told to end.
pub(super) fn told_to_end() -> Result<impl Future<Output = ()>, CliError> {
    use tokio::signal::unix::SignalKind;
    use tokio::signal::unix::signal;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(CliError::Signals)?;
    let mut hang_up = signal(SignalKind::hangup()).map_err(CliError::Signals)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(CliError::Signals)?;
    Ok(async move {
        tokio::select! {
            _ = hang_up.recv() => {}
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}

pub(super) fn now() -> jiff::Timestamp {
    selfcheck_probe::now().realtime
}
