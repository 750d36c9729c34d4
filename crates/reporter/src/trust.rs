//! Who is an auth server: by a certificate that only one has.

use std::fmt;
use std::io;
use std::sync::Arc;

use selfcheck_core::Text;
use selfcheck_protocol::CertificateError;
use selfcheck_protocol::HostIdentity;
use selfcheck_protocol::IdentityFile;
use selfcheck_protocol::Role;
use selfcheck_protocol::identity::has_system_roles;
use selfcheck_protocol::identity::is_issued_here;
use tokio_rustls::rustls;
use tokio_rustls::rustls::CertificateError as Invalid;
use tokio_rustls::rustls::DigitallySignedStruct;
use tokio_rustls::rustls::OtherError;
use tokio_rustls::rustls::SignatureScheme;
use tokio_rustls::rustls::client::WebPkiServerVerifier;
use tokio_rustls::rustls::client::danger::HandshakeSignatureValid;
use tokio_rustls::rustls::client::danger::ServerCertVerified;
use tokio_rustls::rustls::client::danger::ServerCertVerifier;
use tokio_rustls::rustls::crypto::CryptoProvider;
use tokio_rustls::rustls::crypto::verify_tls12_signature;
use tokio_rustls::rustls::crypto::verify_tls13_signature;
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::pki_types::UnixTime;

use crate::TlsError;
use crate::roots::provider;
use crate::roots::roots;

/// Takes a certificate for that of an auth server only if its roles say so. Every agent of a cluster has one of the same
/// authority, and those of some roles have the name of an auth server in it.
pub(crate) struct AuthServerVerifier {
    /// By the authorities that `auth issue` works with, and by those of a Teleport cluster.
    verifiers: Vec<(Authorities, Arc<WebPkiServerVerifier>)>,
    cluster: Text,
    provider: Arc<CryptoProvider>,
}

/// By whom certificates are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Authorities {
    /// By `auth issue`.
    Own,
    /// By a Teleport cluster.
    Teleport,
}

/// Why a certificate is not that of an auth server.
#[derive(Debug, thiserror::Error)]
enum NoAuthServer {
    /// It names no host.
    #[error("it is not an auth server's certificate: {0}")]
    Host(CertificateError),
    /// It names one of another cluster.
    #[error("`{0}` belongs to cluster `{1}`, not `{2}`")]
    Cluster(Text, Text, Text),
    /// It names one that is no auth server.
    #[error("`{0}` has the roles {1}, which are not those of an auth server")]
    Roles(Text, String),
}

impl Authorities {
    /// Whether whoever has these roles is an auth server, or a proxy, which speaks for one.
    fn makes_auth_servers_of(self, host: &HostIdentity) -> bool {
        match self {
            Self::Own => host.holds(Role::Auth) || host.holds(Role::Proxy),
            // A real auth server is an `Admin`. An agent has a role of its own beside all others.
            Self::Teleport => {
                host.roles.iter().all(|role| matches!(role, Role::Admin | Role::Auth | Role::Proxy))
            }
        }
    }
}

impl AuthServerVerifier {
    /// The auth servers of the cluster that issued `identity`.
    pub(crate) fn new(identity: &IdentityFile) -> Result<Self, TlsError> {
        let (own, teleport): (Vec<_>, Vec<_>) =
            identity.authorities().iter().cloned().partition(|authority| is_issued_here(authority));
        let mut verifiers = Vec::new();
        for (by, authorities) in [(Authorities::Own, own), (Authorities::Teleport, teleport)] {
            if !authorities.is_empty() {
                let roots = Arc::new(roots(&authorities)?);
                let verifier = WebPkiServerVerifier::builder_with_provider(roots, provider()).build();
                let verifier =
                    verifier.map_err(|error| TlsError(rustls::Error::General(error.to_string())))?;
                verifiers.push((by, verifier));
            }
        }
        Ok(Self { verifiers, cluster: identity.cluster.clone(), provider: provider() })
    }

    fn check(&self, by: Authorities, certificate: &[u8]) -> Result<(), NoAuthServer> {
        let host = HostIdentity::from_der(certificate).map_err(NoAuthServer::Host)?;
        if host.cluster != self.cluster {
            return Err(NoAuthServer::Cluster(host.host_id, host.cluster, self.cluster.clone()));
        }
        // An agent's has them; one that this version does not know is no less a role.
        let is_agents = by == Authorities::Teleport && has_system_roles(certificate);
        if !is_agents && by.makes_auth_servers_of(&host) {
            return Ok(());
        }
        let roles: Vec<_> = host.roles.iter().map(|role| role.name()).collect();
        Err(NoAuthServer::Roles(host.host_id, roles.join(", ")))
    }
}

impl ServerCertVerifier for AuthServerVerifier {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let mut refused = rustls::Error::InvalidCertificate(Invalid::UnknownIssuer);
        for (by, verifier) in &self.verifiers {
            match verifier.verify_server_cert(certificate, others, name, ocsp, now) {
                Ok(verified) => match self.check(*by, certificate) {
                    Ok(()) => return Ok(verified),
                    Err(why) => refused = Invalid::Other(OtherError(Arc::new(why))).into(),
                },
                Err(rustls::Error::InvalidCertificate(Invalid::UnknownIssuer)) => {}
                Err(error) => refused = error,
            }
        }
        Err(refused)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signed, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signed, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

/// An error of TLS, in this module's own words where it is one of its own.
pub(crate) fn in_words(error: io::Error) -> io::Error {
    let tls = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    let words = match tls {
        Some(rustls::Error::InvalidCertificate(Invalid::Other(OtherError(why)))) => why.to_string(),
        _ => return error,
    };
    io::Error::new(error.kind(), words)
}

impl fmt::Debug for AuthServerVerifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuthServerVerifier").field("cluster", &self.cluster).finish_non_exhaustive()
    }
}
