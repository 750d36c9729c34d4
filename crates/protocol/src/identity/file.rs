//! Identity files, as `tctl auth sign --format=file`, tbot and `auth issue` write them.

use std::collections::BTreeSet;
use std::io;
use std::io::Read;
use std::path::Path;
use std::path::PathBuf;

use jiff::Timestamp;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::PrivateKeyDer;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::pem::SectionKind;
use selfcheck_core::Text;
use selfcheck_core::policy::Serial;

use super::CertificateError;
use super::HostIdentity;
use super::certificate::Issued;
use super::certificate::subject_name;

/// The largest identity file. One of a cluster that trusts a thousand others has the authorities of them all.
const BYTES: u64 = 16 << 20;
/// The most authorities of one cluster; while they are rotated there are two or three.
const AUTHORITIES: usize = 64;
/// The most clusters that an error names.
const NAMED: usize = 3;

/// An identity: a key, its certificate, and the authorities of the cluster that issued it.
#[derive(Debug)]
#[non_exhaustive]
pub struct IdentityFile {
    path: PathBuf,
    key: PrivateKeyDer<'static>,
    certificate: CertificateDer<'static>,
    /// Those of the cluster alone. A file lists the authorities of all clusters that its own one trusts, in any order.
    authorities: Vec<CertificateDer<'static>>,
    /// The cluster that issued it.
    pub cluster: Text,
    /// From when to when it counts.
    valid: (Timestamp, Timestamp),
    serial: Serial,
    /// Which host of the cluster it names, or why it names none, as that of a user.
    pub host: Result<HostIdentity, CertificateError>,
}

/// Why an identity file is of no use.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum IdentityError {
    /// It cannot be read.
    #[error("identity `{}` could not be read", .path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It is no regular file, or larger than any identity.
    #[error("identity `{}` is no file of at most {BYTES} bytes", .0.display())]
    Unusual(
        /// Which.
        PathBuf,
    ),
    /// It lacks a part, or a part cannot be read.
    #[error("identity `{}` has no {part} that can be read", .path.display())]
    Part {
        /// Which.
        path: PathBuf,
        /// What it lacks.
        part: &'static str,
    },
    /// Its certificate cannot be read, or names no host where one is needed.
    #[error("identity `{}` cannot be used: {why}", .path.display())]
    Certificate {
        /// Which.
        path: PathBuf,
        /// Why.
        why: CertificateError,
    },
    /// None of its authorities is one of the cluster that issued it, so that no auth server could be trusted.
    #[error("identity `{}` was issued by cluster `{cluster}` and has no authority of it, only of {}", .path.display(), listed(.others))]
    Authority {
        /// Which.
        path: PathBuf,
        /// The cluster, as the certificate names its issuer.
        cluster: Text,
        /// The clusters that it has authorities of.
        others: Vec<Text>,
    },
    /// Its time is over.
    #[error("identity `{}` expired at {at}", .path.display())]
    Expired {
        /// Which.
        path: PathBuf,
        /// When.
        at: Timestamp,
    },
    /// Its time has not come.
    #[error("identity `{}` is not valid before {from}", .path.display())]
    NotYetValid {
        /// Which.
        path: PathBuf,
        /// From when it is.
        from: Timestamp,
    },
}

fn listed(clusters: &[Text]) -> String {
    let mut named: Vec<_> = clusters.iter().take(NAMED).map(|cluster| format!("`{cluster}`")).collect();
    if clusters.len() > NAMED {
        named.push(format!("{} others", clusters.len() - NAMED));
    }
    named.join(", ")
}

impl IdentityError {
    /// A word for what went wrong, for labels.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Read { .. } => "identity-read",
            Self::Unusual(_) => "identity-file",
            Self::Part { .. } => "identity-part",
            Self::Certificate { .. } => "identity-certificate",
            Self::Authority { .. } => "identity-authority",
            Self::Expired { .. } => "identity-expired",
            Self::NotYetValid { .. } => "identity-early",
        }
    }
}

impl IdentityFile {
    /// Reads an identity file. It blocks as reading a file does.
    ///
    /// # Errors
    ///
    /// Where the file cannot be read or is no identity file; see [`parse`](Self::parse).
    pub fn read(path: &Path) -> Result<Self, IdentityError> {
        let failed = |source| IdentityError::Read { path: path.to_owned(), source };
        // Looked at first: opening a FIFO would wait for its other end.
        let metadata = std::fs::metadata(path).map_err(failed)?;
        if !metadata.is_file() || metadata.len() > BYTES {
            return Err(IdentityError::Unusual(path.to_owned()));
        }
        let mut text = Vec::new();
        std::fs::File::open(path).and_then(|file| file.take(BYTES).read_to_end(&mut text)).map_err(failed)?;
        Self::parse(path, &text)
    }

    /// Reads the text of an identity file; `path` is what errors name.
    ///
    /// The first block is the key, the second the certificate, every further one an authority. SSH certificates and
    /// authorities, and all other lines, are passed over. The cluster is the one that issued the certificate, and of the
    /// authorities only those of its name are kept.
    ///
    /// # Errors
    ///
    /// Where there is no key, no certificate, no authority of its cluster, or one of them cannot be read.
    pub fn parse(path: &Path, text: &[u8]) -> Result<Self, IdentityError> {
        let lacks = |part| IdentityError::Part { path: path.to_owned(), part };
        let mut blocks = <(SectionKind, Vec<u8>)>::pem_slice_iter(text);
        let mut next = |part| match blocks.next() {
            Some(Ok(block)) => Ok(Some(block)),
            Some(Err(_)) => Err(lacks(part)),
            None => Ok(None),
        };
        let (kind, key) = next("private key")?.ok_or_else(|| lacks("private key"))?;
        let key = match kind {
            SectionKind::PrivateKey => PrivateKeyDer::Pkcs8(key.into()),
            SectionKind::RsaPrivateKey => PrivateKeyDer::Pkcs1(key.into()),
            SectionKind::EcPrivateKey => PrivateKeyDer::Sec1(key.into()),
            _ => return Err(lacks("private key")),
        };
        let certificate = match next("certificate")? {
            Some((SectionKind::Certificate, certificate)) => CertificateDer::from(certificate),
            _ => return Err(lacks("certificate")),
        };
        let unread = |why| IdentityError::Certificate { path: path.to_owned(), why };
        let Issued { by, from, to, serial } = Issued::from_der(&certificate).map_err(unread)?;
        let host = HostIdentity::from_der(&certificate);
        if let Err(why @ CertificateError::Parse) = host {
            return Err(unread(why));
        }
        let mut authorities = Vec::new();
        let mut others = BTreeSet::new();
        while let Some((kind, authority)) = next("authority")? {
            if kind != SectionKind::Certificate {
                return Err(lacks("authority"));
            }
            match subject_name(&authority) {
                Some(name) if name == by => authorities.push(CertificateDer::from(authority)),
                name => _ = others.insert(Text::new(&name.unwrap_or_default())),
            }
            if authorities.len() > AUTHORITIES {
                return Err(lacks("authority"));
            }
        }
        let cluster = Text::new(&by);
        if authorities.is_empty() {
            if others.is_empty() {
                return Err(lacks("authority"));
            }
            let others = others.into_iter().collect();
            return Err(IdentityError::Authority { path: path.to_owned(), cluster, others });
        }
        let serial = Serial::of(&serial);
        Ok(Self {
            path: path.to_owned(),
            key,
            certificate,
            authorities,
            cluster,
            valid: (from, to),
            serial,
            host,
        })
    }

    /// The serial number of its certificate, by which a policy may deny it.
    pub fn serial(&self) -> &Serial {
        &self.serial
    }

    /// Its private key.
    pub fn key(&self) -> &PrivateKeyDer<'static> {
        &self.key
    }

    /// Its certificate.
    pub fn certificate(&self) -> &CertificateDer<'static> {
        &self.certificate
    }

    /// The authorities of its cluster.
    pub fn authorities(&self) -> &[CertificateDer<'static>] {
        &self.authorities
    }

    /// The host that it names, which is a server of its cluster.
    ///
    /// # Errors
    ///
    /// Where the certificate names a person or a tool: only hosts have a stream.
    pub fn server(&self) -> Result<&HostIdentity, CertificateError> {
        let host = self.host.as_ref().map_err(Clone::clone)?;
        if host.is_server() { Ok(host) } else { Err(CertificateError::Service(host.host_id.clone())) }
    }

    /// That it counts at this time. An auth server refuses one that does not, without saying so.
    ///
    /// # Errors
    ///
    /// Where it has expired or does not count yet; with the times, as clocks may be wrong.
    pub fn check_time(&self, now: Timestamp) -> Result<(), IdentityError> {
        let (from, to) = self.valid;
        if now < from {
            return Err(IdentityError::NotYetValid { path: self.path.clone(), from });
        }
        if now > to {
            return Err(IdentityError::Expired { path: self.path.clone(), at: to });
        }
        Ok(())
    }
}
