//! Who is at the other end of a connection, as its certificate says.

use std::net::SocketAddr;
use std::sync::Arc;

use jiff::Timestamp;
use selfcheck_core::Text;
use selfcheck_core::policy::Serial;
use selfcheck_protocol::CertificateError;
use selfcheck_protocol::HostIdentity;
use selfcheck_protocol::identity::Issued;
use tokio_rustls::rustls::pki_types::CertificateDer;

use crate::Caller;
use crate::accounts::Account;
use crate::accounts::Accounts;
use crate::caller::Signer;
use crate::tls::Trust;

/// Who is at the other end of a connection.
#[derive(Debug)]
pub(crate) struct Peer {
    identity: Result<HostIdentity, CertificateError>,
    signer: Signer,
    serial: Serial,
    /// Until when its certificate counts.
    pub(crate) expires: Timestamp,
    key: Text,
}

/// Reads the certificates that TLS has verified, that of the other end first.
pub(crate) fn read(certificates: &[CertificateDer<'_>], trust: &Trust) -> Result<Peer, CertificateError> {
    let (own, others) = certificates.split_first().ok_or(CertificateError::Parse)?;
    let Issued { to, serial, .. } = Issued::from_der(own)?;
    let signer = trust.signer(own, others);
    let identity = HostIdentity::from_der(own);
    let identity = match signer {
        Signer::Hosts => identity,
        // Users' authorities sign no hosts, whatever a certificate of theirs says.
        Signer::Users => Err(match identity {
            Ok(host) => CertificateError::User(host.host_id),
            Err(why) => why,
        }),
    };
    // Administrators are none of the hosts, and share a name.
    let host = identity.as_ref().ok().filter(|host| host.is_server()).map(|host| &host.host_id);
    let key = Accounts::key(host, own);
    Ok(Peer { identity, signer, serial: Serial::of(&serial), expires: to, key })
}

impl Peer {
    /// Whose account its connections are on.
    pub(crate) fn key(&self) -> Text {
        self.key.clone()
    }

    /// Whether it is a host of another cluster than this one.
    pub(crate) fn is_of_another_cluster(&self, cluster: &Text) -> bool {
        self.identity.as_ref().is_ok_and(|host| host.cluster != *cluster)
    }

    /// It as who makes requests, connected from `address`.
    pub(crate) fn caller(self, address: SocketAddr, account: Arc<Account>) -> Caller {
        Caller::connected(self.identity, self.signer, Some(self.serial), Some(address), account)
    }
}
