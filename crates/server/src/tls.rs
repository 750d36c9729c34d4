//! TLS as an auth server speaks it.

use std::fmt;
use std::sync::Arc;

use selfcheck_protocol::IdentityFile;
use tokio_rustls::rustls;
use tokio_rustls::rustls::RootCertStore;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::CryptoProvider;
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::pki_types::UnixTime;
use tokio_rustls::rustls::server::NoServerSessionStorage;
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::server::danger::ClientCertVerifier;

use crate::Signer;

/// What is spoken over TLS.
const HTTP2: &[u8] = b"h2";

/// An identity that TLS cannot be spoken with.
#[derive(Debug, thiserror::Error)]
#[error("TLS does not take the identity")]
pub struct TlsError(#[source] pub(crate) rustls::Error);

fn roots(authorities: &[CertificateDer<'static>]) -> Result<RootCertStore, TlsError> {
    let mut roots = RootCertStore::empty();
    for authority in authorities {
        roots.add(authority.clone()).map_err(TlsError)?;
    }
    Ok(roots)
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

/// Whom an auth server trusts.
pub(crate) struct Trust {
    pub(crate) config: Arc<ServerConfig>,
    /// Who are hosts, where it trusts others, too.
    hosts: Option<Arc<dyn ClientCertVerifier>>,
}

impl fmt::Debug for Trust {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Trust").finish_non_exhaustive()
    }
}

impl Trust {
    /// Trusts the authorities of `identity`, which are of hosts, and those of `users`.
    pub(crate) fn new(identity: &IdentityFile, users: &[CertificateDer<'static>]) -> Result<Self, TlsError> {
        let hosts = verifier(identity.authorities())?;
        let all = if users.is_empty() {
            Arc::clone(&hosts)
        } else {
            verifier(&[identity.authorities(), users].concat())?
        };
        let mut config = ServerConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .map_err(TlsError)?
            .with_client_cert_verifier(all)
            .with_single_cert(vec![identity.certificate().clone()], identity.key().clone_key())
            .map_err(TlsError)?;
        config.alpn_protocols = vec![HTTP2.to_vec()];
        // Agents stay; nothing is kept for those who might come back.
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
        Ok(Self { config: Arc::new(config), hosts: (!users.is_empty()).then_some(hosts) })
    }

    /// Which authority signed a certificate that has been verified.
    pub(crate) fn signer(&self, certificate: &CertificateDer<'_>, others: &[CertificateDer<'_>]) -> Signer {
        let is_host = self
            .hosts
            .as_ref()
            .is_none_or(|hosts| hosts.verify_client_cert(certificate, others, UnixTime::now()).is_ok());
        if is_host { Signer::Hosts } else { Signer::Users }
    }
}

fn verifier(authorities: &[CertificateDer<'static>]) -> Result<Arc<dyn ClientCertVerifier>, TlsError> {
    WebPkiClientVerifier::builder_with_provider(Arc::new(roots(authorities)?), provider())
        .build()
        .map_err(|error| TlsError(rustls::Error::General(error.to_string())))
}
