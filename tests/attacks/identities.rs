//! Identities that are over, denied, or of somebody else.

use std::path::Path;
use std::time::Duration;

use jiff::SignedDuration;
use selfcheck_authority::Authority;
use selfcheck_authority::Validity;
use selfcheck_protocol::IdentityFile;
use selfcheck_protocol::Role;
use selfcheck_reporter::AuthClient;
use selfcheck_tests::NODE;
use selfcheck_tests::wall_clock;
use selfcheck_tests::wire::Raw;
use selfcheck_tests::wire::bare::Bare;
use tokio::io::AsyncReadExt;
use tokio::net::TcpListener;

use crate::Pace;
use crate::arena::Arena;
use crate::witness::join;

/// Within which an open connection ends, generously for a busy machine: the policy is looked at every two seconds.
const SOON: Duration = Duration::from_secs(15);

/// Waits until a stream ends that is open.
async fn ends(mut stream: Raw) -> Result<String, String> {
    match tokio::time::timeout(SOON, stream.closed()).await {
        Ok(_) => Ok("its stream ended".to_owned()),
        Err(_) => Err("its stream stays open".to_owned()),
    }
}

/// It is not let in again.
async fn stays_out(arena: &Arena, identity: &Path, host_id: &str) -> Result<String, String> {
    match join(arena, identity, host_id).await {
        Ok(_) => Err("it was let in again".to_owned()),
        Err(_) => Ok("its stream ended, and it stays out".to_owned()),
    }
}

pub(crate) async fn expired(arena: &Arena, _: Pace) -> Result<String, String> {
    let identity = arena.identity("brief", "brief", &NODE, SignedDuration::from_secs(3));
    let stream = join(arena, &identity, "brief").await.map_err(|status| status.to_string())?;
    ends(stream).await
}

pub(crate) async fn denied_host(arena: &Arena, _: Pace) -> Result<String, String> {
    let identity = arena.agent("stolen");
    let stream = join(arena, &identity, "stolen").await.map_err(|status| status.to_string())?;
    arena.policy("denied: {host_ids: [stolen]}");
    ends(stream).await?;
    stays_out(arena, &identity, "stolen").await
}

pub(crate) async fn denied_certificate(arena: &Arena, _: Pace) -> Result<String, String> {
    let (stolen, new) =
        (arena.agent("host"), arena.identity("new", "host", &NODE, SignedDuration::from_hours(1)));
    let stream = join(arena, &stolen, "host").await.map_err(|status| status.to_string())?;
    let identity = IdentityFile::read(&stolen).expect("an identity");
    let serial = identity.serial();
    arena.policy(&format!("denied: {{serials: ['{serial}']}}"));
    ends(stream).await?;
    join(arena, &new, "host")
        .await
        .map_err(|status| format!("its new certificate is denied, too: {status}"))?;
    stays_out(arena, &stolen, "host").await
}

/// Everybody with a certificate can listen; only those of auth servers are believed.
pub(crate) async fn posing(arena: &Arena, _: Pace) -> Result<String, String> {
    for roles in [&NODE[..], &[Role::Admin], &[Role::Instance, Role::Kube], &[Role::WindowsDesktop]] {
        let identity = arena.identity("posing", "posing", roles, SignedDuration::from_hours(1));
        let identity = IdentityFile::read(&identity).expect("an identity");
        let tcp = TcpListener::bind("127.0.0.1:0").await.expect("listening");
        let listener = selfcheck_server::Listener::new(tcp, &identity, wall_clock).expect("TLS");
        let address = listener.local_addr().expect("an address").to_string();
        let serving = tokio::spawn(async move {
            let mut incoming = Box::pin(listener.incoming(&selfcheck_server::Limits::default()));
            while futures_util::StreamExt::next(&mut incoming).await.is_some() {}
        });
        let admin = IdentityFile::read(&arena.administrator("asking")).expect("an identity");
        let connected = AuthClient::connect(&address, &admin).await;
        serving.abort();
        if connected.is_ok() {
            return Err(format!("{roles:?} is taken for an auth server"));
        }
    }
    Ok("nobody believes it".to_owned())
}

/// Its authority has the same name, or another.
pub(crate) async fn foreign(arena: &Arena, _: Pace) -> Result<String, String> {
    for cluster in ["attacked.example.com", "other.example.com"] {
        let authority = Authority::new(cluster, wall_clock()).expect("an authority");
        let validity = Validity { from: wall_clock(), to: wall_clock() + SignedDuration::from_hours(1) };
        let path = arena.folder().join("foreign.pem");
        authority.issue_to(&path, "foreign", NODE, validity).expect("an identity");
        // It trusts whom it attacks.
        let own = std::fs::read_to_string(&path).expect("an identity");
        let trusted = std::fs::read_to_string(arena.folder().join("ca/ca.pem")).expect("an authority");
        std::fs::write(&path, own + &trusted).expect("an identity");
        // It learns that it is refused when it reads.
        let Ok(stranger) = Bare::to(arena.address, &path).await else { continue };
        let read = tokio::time::timeout(SOON, stranger.into_stream().read(&mut [0; 64])).await;
        if !matches!(read, Ok(Ok(0) | Err(_))) {
            return Err(format!("one of {cluster} is let in"));
        }
    }
    Ok("it is sent away".to_owned())
}
