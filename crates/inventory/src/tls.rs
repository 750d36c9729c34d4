//! TLS as Teleport's auth servers speak it: mutual, one name for all, HTTP/2.

use std::sync::Arc;

use tokio_rustls::rustls;
use tokio_rustls::rustls::RootCertStore;
use tokio_rustls::rustls::crypto::CryptoProvider;
use tokio_rustls::rustls::pki_types::CertificateDer;

/// The name that every auth server's certificate has.
#[cfg(any(feature = "agent", feature = "issue"))]
pub(crate) const AUTH_SERVER: &str = "teleport.cluster.local";
/// What is spoken over TLS.
pub(crate) const HTTP2: &[u8] = b"h2";

/// An identity that TLS cannot be spoken with.
#[derive(Debug, thiserror::Error)]
#[error("TLS does not take the identity")]
pub struct TlsError(#[source] pub(crate) rustls::Error);

pub(crate) fn roots(authorities: &[CertificateDer<'static>]) -> Result<RootCertStore, TlsError> {
    let mut roots = RootCertStore::empty();
    for authority in authorities {
        roots.add(authority.clone()).map_err(TlsError)?;
    }
    Ok(roots)
}

pub(crate) fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}
