//! TLS as an auth server speaks it.

use std::sync::Arc;

use tokio_rustls::rustls;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::server::NoServerSessionStorage;
use tokio_rustls::rustls::server::WebPkiClientVerifier;

use crate::IdentityFile;
use crate::TlsError;
use crate::tls::HTTP2;
use crate::tls::provider;
use crate::tls::roots;

pub(super) fn config(identity: &IdentityFile) -> Result<ServerConfig, TlsError> {
    let clients = Arc::new(roots(&identity.authorities)?);
    let verifier = WebPkiClientVerifier::builder_with_provider(clients, provider())
        .build()
        .map_err(|error| TlsError(rustls::Error::General(error.to_string())))?;
    let mut config = ServerConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(TlsError)?
        .with_client_cert_verifier(verifier)
        .with_single_cert(vec![identity.certificate.clone()], identity.key.clone_key())
        .map_err(TlsError)?;
    config.alpn_protocols = vec![HTTP2.to_vec()];
    // Agents stay; nothing is kept for those who might come back.
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    Ok(config)
}
