//! The authority: its folder, and what it issues.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::io::Write;
use std::os::unix::fs::DirBuilderExt;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::path::PathBuf;

use jiff::SignedDuration;
use jiff::Timestamp;
use selfcheck_core::Text;
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::pki_types::PrivatePkcs8KeyDer;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use x509_cert::Certificate;
use x509_cert::der::Decode;
use x509_cert::der::pem::LineEnding;

use crate::HostIdentity;
use crate::Role;
use crate::valid;

use super::certificate::Plan;
use super::certificate::Validity;
use super::key::Key;

const CERTIFICATE: &str = "ca.pem";
const KEY: &str = "ca-key.pem";
/// How long the authority counts.
const AUTHORITY_LASTS: SignedDuration = SignedDuration::from_hours(10 * 365 * 24);
/// Clocks of the hosts it is tried out on may be behind.
const BEHIND: SignedDuration = SignedDuration::from_mins(5);

/// A private authority.
#[derive(Debug)]
pub struct Authority {
    cluster: Text,
    key: Key,
    certificate: Vec<u8>,
}

/// Why nothing is issued.
#[derive(Debug, thiserror::Error)]
pub enum IssueError {
    /// There is an authority in the folder already.
    #[error("there is an authority in `{}` already", .0.display())]
    Exists(
        /// The folder.
        PathBuf,
    ),
    /// A file cannot be read.
    #[error("`{}` could not be read", .path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file cannot be written.
    #[error("`{}` could not be written", .path.display())]
    Write {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file is not what it should be.
    #[error("`{}` is not the {what} of an authority", .path.display())]
    Foreign {
        /// Which.
        path: PathBuf,
        /// What it should be.
        what: &'static str,
    },
    /// A name that no certificate can have.
    #[error("`{0}` cannot be the name of a {1}")]
    Name(
        /// The name.
        Text,
        /// Of what.
        &'static str,
    ),
    /// The random numbers or the encoding failed.
    #[error("the certificate could not be made: {0}")]
    Make(
        /// Why.
        String,
    ),
}

impl Authority {
    /// A new authority, kept in memory.
    pub fn new(cluster: &str, now: Timestamp) -> Result<Self, IssueError> {
        let cluster = name(cluster, "cluster")?;
        let key = Key::generate().ok_or_else(no_key)?;
        let validity = Validity { from: now - BEHIND, to: now + AUTHORITY_LASTS };
        let plan = Plan::authority(cluster.as_str()).map_err(made)?;
        let certificate = plan.sign(&serial()?, validity, &key.public(), &key).map_err(made)?;
        Ok(Self { cluster, key, certificate })
    }

    /// A new authority in the folder `dir`, which is made if it is not there.
    pub fn init(dir: &Path, cluster: &str, now: Timestamp) -> Result<Self, IssueError> {
        let (certificate, key) = (dir.join(CERTIFICATE), dir.join(KEY));
        if certificate.exists() || key.exists() {
            return Err(IssueError::Exists(dir.to_owned()));
        }
        let authority = Self::new(cluster, now)?;
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(dir)
            .map_err(|source| IssueError::Write { path: dir.to_owned(), source })?;
        write(&key, &pem("PRIVATE KEY", &authority.key.der)?)?;
        write(&certificate, &authority.certificate_pem()?)?;
        Ok(authority)
    }

    /// The authority in the folder `dir`.
    pub fn load(dir: &Path) -> Result<Self, IssueError> {
        let read = |path: PathBuf| match fs::read(&path) {
            Ok(text) => Ok((path, text)),
            Err(source) => Err(IssueError::Read { path, source }),
        };
        let (key_path, key) = read(dir.join(KEY))?;
        let key = PrivatePkcs8KeyDer::from_pem_slice(&key)
            .ok()
            .and_then(|der| Key::from_der(der.secret_pkcs8_der()))
            .ok_or(IssueError::Foreign { path: key_path, what: "key" })?;
        let (path, certificate) = read(dir.join(CERTIFICATE))?;
        let certificate = CertificateDer::from_pem_slice(&certificate).map(|der| der.to_vec());
        let cluster = certificate.as_ref().ok().and_then(|der| {
            let certificate = Certificate::from_der(der).ok()?;
            let name = certificate.tbs_certificate().subject().common_name().ok()??;
            Some(Text::new(&name.value()))
        });
        match (certificate, cluster) {
            (Ok(certificate), Some(cluster)) => Ok(Self { cluster, key, certificate }),
            _ => Err(IssueError::Foreign { path, what: "certificate" }),
        }
    }

    /// The cluster.
    pub fn cluster(&self) -> &str {
        self.cluster.as_str()
    }

    /// The identity of a host with these roles, as the text of an identity file.
    pub fn issue(
        &self,
        host_id: &str,
        roles: impl IntoIterator<Item = Role>,
        validity: Validity,
    ) -> Result<String, IssueError> {
        let host_id = name(host_id, "host").and_then(|id| {
            // The name of a certificate is split at the first dot.
            if id.as_str().contains('.') { Err(IssueError::Name(id, "host")) } else { Ok(id) }
        })?;
        let identity = HostIdentity {
            host_id,
            cluster: self.cluster.clone(),
            roles: roles.into_iter().collect::<BTreeSet<_>>(),
        };
        let key = Key::generate().ok_or_else(no_key)?;
        let plan = Plan::host(&identity).map_err(made)?;
        let certificate = plan.sign(&serial()?, validity, &key.public(), &self.key).map_err(made)?;
        let parts =
            [pem("PRIVATE KEY", &key.der)?, pem("CERTIFICATE", &certificate)?, self.certificate_pem()?];
        Ok(parts.concat())
    }

    /// Issues as [`issue`](Self::issue) does, into the file `out`, which only its owner can read.
    pub fn issue_to(
        &self,
        out: &Path,
        host_id: &str,
        roles: impl IntoIterator<Item = Role>,
        validity: Validity,
    ) -> Result<(), IssueError> {
        write(out, &self.issue(host_id, roles, validity)?)
    }

    fn certificate_pem(&self) -> Result<String, IssueError> {
        pem("CERTIFICATE", &self.certificate)
    }
}

fn name(raw: &str, of: &'static str) -> Result<Text, IssueError> {
    let named = valid::name(raw).filter(|name| *name == Text::words(raw));
    named.ok_or_else(|| IssueError::Name(Text::new(raw), of))
}

fn serial() -> Result<[u8; 16], IssueError> {
    let mut serial =
        ring::rand::generate::<[u8; 16]>(&ring::rand::SystemRandom::new()).map_err(|_| no_key())?.expose();
    serial[0] = serial[0] & 0x7f | 0x40; // positive, and of one length
    Ok(serial)
}

fn pem(label: &'static str, der: &[u8]) -> Result<String, IssueError> {
    x509_cert::der::pem::encode_string(label, LineEnding::LF, der)
        .map_err(|error| IssueError::Make(error.to_string()))
}

/// Writes a file that only its owner can read, in one step: whoever reads it sees the old or the new one. What lies in the way of the
/// new one is taken away and never written to.
fn write(path: &Path, text: &str) -> Result<(), IssueError> {
    let mut aside = path.as_os_str().to_owned();
    aside.push(".new");
    let aside = PathBuf::from(aside);
    let _ = fs::remove_file(&aside); // usually there is none
    let written = fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&aside)
        .and_then(|mut file| {
            file.write_all(text.as_bytes())?;
            file.sync_all()
        })
        .and_then(|()| fs::rename(&aside, path));
    written.map_err(|source| IssueError::Write { path: path.to_owned(), source })
}

fn no_key() -> IssueError {
    IssueError::Make("the system has no random numbers".to_owned())
}

#[expect(clippy::needless_pass_by_value, reason = "it converts an error")]
fn made(error: x509_cert::builder::Error) -> IssueError {
    IssueError::Make(error.to_string())
}
