//! The authority: its folder, and what it issues.

use std::fs;
use std::path::Path;
use std::path::PathBuf;

use jiff::SignedDuration;
use jiff::Timestamp;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::PrivatePkcs8KeyDer;
use rustls_pki_types::pem::PemObject;
use selfcheck_core::Text;
use selfcheck_protocol::HostIdentity;
use selfcheck_protocol::Role;
use selfcheck_protocol::valid;
use x509_cert::Certificate;
use x509_cert::der::Decode;
use x509_cert::der::pem::LineEnding;

use crate::IssueError;
use crate::certificate::Plan;
use crate::certificate::Validity;
use crate::folder;
use crate::folder::CERTIFICATE;
use crate::folder::KEY;
use crate::key::Key;

/// How long the authority counts.
const AUTHORITY_LASTS: SignedDuration = SignedDuration::from_hours(10 * 365 * 24);
/// Clocks of the hosts it is tried out on may be behind.
const BEHIND: SignedDuration = SignedDuration::from_mins(5);

/// A private authority.
#[derive(Debug)]
pub struct Authority {
    /// Its folder, if it has one.
    dir: Option<PathBuf>,
    cluster: Text,
    key: Key,
    certificate: Vec<u8>,
}

impl Authority {
    /// A new authority, kept in memory.
    ///
    /// # Errors
    ///
    /// Where the cluster's name is none, or the system gives no random key.
    pub fn new(cluster: &str, now: Timestamp) -> Result<Self, IssueError> {
        let cluster = name(cluster, "cluster")?;
        let key = Key::generate().ok_or_else(no_key)?;
        let validity = Validity { from: now - BEHIND, to: now + AUTHORITY_LASTS };
        let plan = Plan::authority(cluster.as_str()).map_err(made)?;
        let certificate = plan.sign(&serial()?, validity, &key.public(), &key).map_err(made)?;
        Ok(Self { dir: None, cluster, key, certificate })
    }

    /// A new authority in the folder `dir`, which is made if it is not there.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new), and where the folder has an authority already or cannot be written.
    pub fn init(dir: &Path, cluster: &str, now: Timestamp) -> Result<Self, IssueError> {
        let _turn = folder::begin(dir)?;
        let (certificate, key) = (dir.join(CERTIFICATE), dir.join(KEY));
        // With its key an authority is there. A certificate alone is what was left of a beginning, and of no use to anybody.
        if fs::symlink_metadata(&key).is_ok() {
            return Err(IssueError::Exists(dir.to_owned()));
        }
        let authority = Self { dir: Some(dir.to_owned()), ..Self::new(cluster, now)? };
        let new_key = folder::prepare(&key, &pem("PRIVATE KEY", &authority.key.der)?)?;
        let new_certificate = folder::prepare(&certificate, &authority.certificate_pem()?)?;
        folder::replace(new_certificate, &certificate)?;
        folder::place(new_key, &key)?;
        Ok(authority)
    }

    /// The authority in the folder `dir`.
    ///
    /// # Errors
    ///
    /// Where the folder has no authority, or one that cannot be read.
    pub fn load(dir: &Path) -> Result<Self, IssueError> {
        let (key_path, path) = (dir.join(KEY), dir.join(CERTIFICATE));
        let key = folder::read_key(&key_path)?;
        folder::check(dir)?;
        let key = PrivatePkcs8KeyDer::from_pem_slice(&key)
            .ok()
            .and_then(|der| Key::from_der(der.secret_pkcs8_der()))
            .ok_or(IssueError::Foreign { path: key_path, what: "key" })?;
        let certificate = folder::read(&path, "certificate")?;
        let certificate = CertificateDer::from_pem_slice(&certificate).map(|der| der.to_vec());
        let cluster = certificate.as_ref().ok().and_then(|der| {
            let certificate = Certificate::from_der(der).ok()?;
            let signed = certificate.tbs_certificate();
            let name = signed.subject().common_name().ok()??;
            let is_of_key = key.public().info().is_ok_and(|own| own == *signed.subject_public_key_info());
            Some((Text::new(&name.value()), is_of_key))
        });
        match (certificate, cluster) {
            (Ok(certificate), Some((cluster, true))) => {
                Ok(Self { dir: Some(dir.to_owned()), cluster, key, certificate })
            }
            (Ok(_), Some((_, false))) => Err(IssueError::Mixed(dir.to_owned())),
            _ => Err(IssueError::Foreign { path, what: "certificate" }),
        }
    }

    /// The cluster.
    pub fn cluster(&self) -> &str {
        self.cluster.as_str()
    }

    /// The identity of a host with these roles, as the text of an identity file.
    ///
    /// # Errors
    ///
    /// Where the host id is none that a certificate can hold, or the system gives no random key.
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
        let identity = HostIdentity::new(host_id, self.cluster.clone(), roles);
        let key = Key::generate().ok_or_else(no_key)?;
        let plan = Plan::host(&identity).map_err(made)?;
        let certificate = plan.sign(&serial()?, validity, &key.public(), &self.key).map_err(made)?;
        let parts =
            [pem("PRIVATE KEY", &key.der)?, pem("CERTIFICATE", &certificate)?, self.certificate_pem()?];
        Ok(parts.concat())
    }

    /// Issues as [`issue`](Self::issue) does, into the file `out`, which only its owner can read.
    ///
    /// # Errors
    ///
    /// As [`issue`](Self::issue), and where `out` is one of the authority's own files or cannot be written.
    pub fn issue_to(
        &self,
        out: &Path,
        host_id: &str,
        roles: impl IntoIterator<Item = Role>,
        validity: Validity,
    ) -> Result<(), IssueError> {
        if self.dir.as_ref().is_some_and(|dir| folder::is_one_of(dir, out)) {
            return Err(IssueError::Own(out.to_owned()));
        }
        folder::replace(folder::prepare(out, &self.issue(host_id, roles, validity)?)?, out)
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

fn no_key() -> IssueError {
    IssueError::Make("the system has no random numbers".to_owned())
}

#[expect(clippy::needless_pass_by_value, reason = "it converts an error")]
fn made(error: x509_cert::builder::Error) -> IssueError {
    IssueError::Make(error.to_string())
}
