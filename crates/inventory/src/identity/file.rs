//! Identity files, as `tctl auth sign --format=file`, tbot and `auth issue` write them.

use std::io;
use std::io::Read;
use std::path::Path;
use std::path::PathBuf;

use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::pem::SectionKind;

use super::CertificateError;
use super::HostIdentity;

/// The largest identity file; real ones have a few kilobytes.
const BYTES: u64 = 1 << 20;
/// The most authorities of one.
const AUTHORITIES: usize = 64;

/// An identity: a key, its certificate, and the authorities it trusts.
#[derive(Debug)]
pub struct IdentityFile {
    pub(crate) key: PrivateKeyDer<'static>,
    pub(crate) certificate: CertificateDer<'static>,
    pub(crate) authorities: Vec<CertificateDer<'static>>,
    /// Which host of the cluster it names, or why it names none, as that of a user.
    pub host: Result<HostIdentity, CertificateError>,
}

/// Why an identity file is of no use.
#[derive(Debug, thiserror::Error)]
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
}

impl IdentityError {
    /// A word for what went wrong, for labels.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Read { .. } => "identity-read",
            Self::Unusual(_) => "identity-file",
            Self::Part { .. } => "identity-part",
            Self::Certificate { .. } => "identity-certificate",
        }
    }
}

impl IdentityFile {
    /// Reads an identity file. It blocks as reading a file does.
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
    /// authorities, and all other lines, are passed over.
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
        let mut authorities = Vec::new();
        while let Some((kind, authority)) = next("authority")? {
            if kind != SectionKind::Certificate || authorities.len() == AUTHORITIES {
                return Err(lacks("authority"));
            }
            authorities.push(CertificateDer::from(authority));
        }
        if authorities.is_empty() {
            return Err(lacks("authority"));
        }
        let host = HostIdentity::from_der(&certificate);
        if let Err(why @ CertificateError::Parse) = host {
            return Err(IdentityError::Certificate { path: path.to_owned(), why });
        }
        Ok(Self { key, certificate, authorities, host })
    }

    /// The cluster that the authorities are those of, where they say so.
    #[cfg(feature = "agent")]
    pub(crate) fn cluster(&self) -> Option<String> {
        use x509_cert::der::Decode;
        let authority = x509_cert::Certificate::from_der(self.authorities.first()?).ok()?;
        let names = authority.tbs_certificate().subject().common_name().ok()?;
        names.map(|name| name.value().into_owned())
    }
}
