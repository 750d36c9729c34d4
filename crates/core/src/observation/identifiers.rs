//! What identifies a host and its cluster in an observation.

use sha2::Digest;
use sha2::Sha256;

use crate::Fact;
use crate::ProxyAddr;
use crate::Text;

use super::Observation;
use super::UpdaterV1;

impl Observation {
    /// The same with host id, host name and proxies hashed, as it may be shown to others. It is judged the same: two spellings of
    /// one proxy stay one. The hashes are not salted: who has a name can tell whether it is that one.
    #[must_use]
    pub fn without_identifiers(self) -> Self {
        hashed(self)
    }
}

fn hashed(mut observation: Observation) -> Observation {
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
    match endpoint.as_str().parse::<ProxyAddr>() {
        Ok(address) if address.host() == UpdaterV1::GLOBAL_SERVER => endpoint.clone(),
        _ => hash_proxy(endpoint),
    }
}

fn hash(text: &str) -> Text {
    let digest: [u8; 32] = Sha256::digest(text.as_bytes()).into();
    let start = digest.iter().take(8).fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
    Text::new(&format!("sha256-{start:016x}"))
}

fn hash_proxy(proxy: &Text) -> Text {
    match proxy.as_str().parse::<ProxyAddr>() {
        Ok(address) => {
            let host = Text::new(&format!("{}.invalid", hash(address.host())));
            let port = address.port().map(|port| format!(":{port}")).unwrap_or_default();
            Text::new(&format!("{host}{port}"))
        }
        Err(_) if proxy.is_empty() => proxy.clone(),
        // What was no address must not become one.
        Err(_) => Text::new(&format!("({})", hash(proxy.as_str()))),
    }
}
