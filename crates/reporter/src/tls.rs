//! TLS as an agent speaks it.

use std::fmt::Write;
use std::sync::Arc;

use selfcheck_protocol::AUTH_SERVER;
use selfcheck_protocol::IdentityFile;
use tokio_rustls::rustls::ClientConfig;
use tokio_rustls::rustls::client::Resumption;

use crate::roots::TlsError;
use crate::roots::provider;
use crate::trust::AuthServerVerifier;

/// What is spoken over TLS.
const HTTP2: &[u8] = b"h2";

/// The longest name of a protocol that TLS can offer.
const PROTOCOL: usize = 255;

pub(crate) fn config(identity: &IdentityFile) -> Result<ClientConfig, TlsError> {
    let mut config = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(TlsError)?
        .dangerous() // no less is verified than without it, and the roles besides
        .with_custom_certificate_verifier(Arc::new(AuthServerVerifier::new(identity)?))
        // The certificate alone: stock auth servers refuse a chain.
        .with_client_auth_cert(vec![identity.certificate().clone()], identity.key().clone_key())
        .map_err(TlsError)?;
    // Each connection is meant to last.
    config.resumption = Resumption::disabled();
    config.alpn_protocols = protocols(identity.cluster.as_str());
    Ok(config)
}

/// What is offered: a proxy forwards the first to its auth server, which itself takes the second.
fn protocols(cluster: &str) -> Vec<Vec<u8>> {
    let mut through_proxy = "teleport-auth@".to_owned();
    for byte in cluster.bytes() {
        let _ = write!(through_proxy, "{byte:02x}"); // a string takes everything
    }
    let through_proxy = format!("{through_proxy}.{AUTH_SERVER}").into_bytes();
    let fits = Some(through_proxy).filter(|protocol| protocol.len() <= PROTOCOL);
    fits.into_iter().chain([HTTP2.to_vec()]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proxy_is_told_whose_auth_server_is_meant() {
        let offered = protocols("example.com");
        assert_eq!(offered[0], b"teleport-auth@6578616d706c652e636f6d.teleport.cluster.local");
        assert_eq!(offered[1], HTTP2);
        assert_eq!(protocols(&"x".repeat(200)), [HTTP2]);
    }
}
