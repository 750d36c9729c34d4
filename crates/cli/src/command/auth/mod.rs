//! `auth`: a private authority, its identities, and an auth server to try things out.

mod denials;
mod serve;
mod stock;
mod web;

use std::future::Future;

use jiff::SignedDuration;
use selfcheck_authority::Authority;
use selfcheck_authority::Validity;
use selfcheck_core::TeleportVersion;
use selfcheck_protocol::Role;

use crate::args::AuthCommand;
use crate::args::IssueArgs;
use crate::error::CliError;
use crate::output::Output;

pub(super) use web::Web;

/// Clocks of the hosts that an identity is used on may be behind.
const BEHIND: SignedDuration = SignedDuration::from_mins(5);
/// How long the auth server's own identity counts; it is made anew at every start.
const SERVER_LASTS: SignedDuration = SignedDuration::from_hours(365 * 24);
/// What the auth server speaks for: the Teleport version whose messages it has.
pub(super) const VERSION: TeleportVersion = TeleportVersion::new(18, 2, 0);
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
        AuthCommand::Serve(args) => serve::run(args, output),
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
