//! Writing an observation down, without what identifies the host unless that is asked for.

use std::fs;
use std::fs::Permissions;
use std::io;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use selfcheck_core::Fact;
use selfcheck_core::Observation;
use selfcheck_core::ProxyAddr;
use selfcheck_core::Text;
use selfcheck_core::observation::UpdaterV1;
use sha2::Digest;
use sha2::Sha256;

use crate::error::CliError;

/// Writes `observation` to `path`, readable by its owner only.
pub(super) fn save(observation: &Observation, path: &Path) -> Result<(), CliError> {
    let json = super::json(observation)?;
    write(path, &json).map_err(|source| CliError::SaveObservation { path: path.to_owned(), source })
}

/// Writes `text` to a file that only its owner may read: whole, beside it, and then renamed, so that nothing is written to what
/// somebody else put there. What is no regular file is left alone.
fn write(path: &Path, text: &str) -> io::Result<()> {
    match fs::symlink_metadata(path) {
        Ok(there) if !there.is_file() => {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "there is something that is no regular file",
            ));
        }
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut file = tempfile::Builder::new().permissions(Permissions::from_mode(0o600)).tempfile_in(folder)?;
    file.write_all(text.as_bytes())?;
    file.as_file().sync_all()?; // a disk that is full may say so only now
    file.persist(path).map(|_| ()).map_err(|error| error.error)
}

/// The same observation with host id, hostname and proxies hashed. It is judged the same: two spellings of one
/// proxy stay one.
pub(super) fn without_identifiers(mut observation: Observation) -> Observation {
    observation.host.hostname = observation.host.hostname.map(|name| hash(name.as_str()));
    observation.agent.host_id = observation.agent.host_id.map(|id| hash(id.as_str()));
    if let Fact::Present(config) = &mut observation.agent.config {
        config.proxy_server = config.proxy_server.take().map(|proxy| hash_proxy(&proxy));
    }
    if let Fact::Present(config) = &mut observation.v2.config {
        config.spec.proxy = config.spec.proxy.take().map(|proxy| hash_proxy(&proxy));
    }
    observation.v1.endpoint = observation.v1.endpoint.map(|endpoint| hash_endpoint(&endpoint));
    observation
}

/// The version server of all clusters tells nothing about this one, and is a fault by its name.
fn hash_endpoint(endpoint: &Text) -> Text {
    match ProxyAddr::parse(endpoint.as_str()) {
        Some(address) if address.host() == UpdaterV1::GLOBAL_SERVER => endpoint.clone(),
        _ => hash_proxy(endpoint),
    }
}

fn hash(text: &str) -> Text {
    let digest: [u8; 32] = Sha256::digest(text.as_bytes()).into();
    let start = digest.iter().take(8).fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
    Text::new(&format!("sha256-{start:016x}"))
}

fn hash_proxy(proxy: &Text) -> Text {
    match ProxyAddr::parse(proxy.as_str()) {
        Some(address) => {
            let host = Text::new(&format!("{}.invalid", hash(address.host())));
            let port = address.port().map(|port| format!(":{port}")).unwrap_or_default();
            Text::new(&format!("{host}{port}"))
        }
        None if proxy.is_empty() => proxy.clone(),
        // What was no address must not become one.
        None => Text::new(&format!("({})", hash(proxy.as_str()))),
    }
}
