//! Reading the subject of a Teleport certificate.

use std::collections::BTreeSet;

use jiff::Timestamp;
use selfcheck_core::Text;
use x509_cert::Certificate;
use x509_cert::attr::AttributeTypeAndValue;
use x509_cert::der::Decode;
use x509_cert::der::asn1::ObjectIdentifier;
use x509_cert::der::asn1::PrintableStringRef;
use x509_cert::der::asn1::Utf8StringRef;
use x509_cert::name::Name;
use x509_cert::time::Time;

use crate::Role;

use super::HostIdentity;

const COMMON_NAME: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.3");
const ORGANIZATION: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.10");
/// The attribute in which a certificate of several roles has those beside `Instance`, one in each.
pub const SYSTEM_ROLES: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.9999.2.11");

/// What the certificates of users have: their logins, groups and the like.
const USER_ATTRIBUTES: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.9999.1");
/// Of these the attribute that hosts have, too: their cluster.
pub const CLUSTER: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.9999.1.7");

/// What the certificate of an authority has that this project made; provisional, beside Teleport's own numbers.
pub const ISSUED_HERE: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.9999.15120.1");

/// Whether an authority is one that this project made: then only its auth servers are named as such.
pub fn is_issued_here(authority: &[u8]) -> bool {
    let Ok(authority) = Certificate::from_der(authority) else { return false };
    let extensions = authority.tbs_certificate().extensions();
    extensions.is_some_and(|extensions| extensions.iter().any(|extension| extension.extn_id == ISSUED_HERE))
}

/// Why a certificate is not one of a host.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CertificateError {
    /// It cannot be read.
    #[error("the certificate cannot be read")]
    Parse,
    /// It names a user, whose roles are not those of a server.
    #[error("`{0}` is a user's identity, not one of a host")]
    User(
        /// The user.
        Text,
    ),
    /// It does not name who issued it, which is the cluster.
    #[error("the certificate does not name the cluster that issued it")]
    Issuer,
    /// It names a host without any service, as an administrator's.
    #[error("`{0}` has no role of a server")]
    Service(
        /// Whom.
        Text,
    ),
    /// Its name is not a host id and a cluster.
    #[error("`{0}` is not a host id and a cluster's name")]
    Name(
        /// The name.
        Text,
    ),
}

/// Whether a certificate has further roles beside its own, known or not.
pub fn has_system_roles(certificate: &[u8]) -> bool {
    let Ok(certificate) = Certificate::from_der(certificate) else { return true };
    certificate.tbs_certificate().subject().iter().any(|attribute| attribute.oid == SYSTEM_ROLES)
}

/// By whom a certificate was issued, and for how long.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Issued {
    /// The common name of its issuer, which is the cluster's.
    pub by: String,
    /// From when it counts.
    pub from: Timestamp,
    /// Until when.
    pub to: Timestamp,
    /// Its serial number.
    pub serial: Vec<u8>,
}

impl Issued {
    /// Reads a certificate.
    ///
    /// # Errors
    ///
    /// Where it is no X.509 certificate.
    pub fn from_der(certificate: &[u8]) -> Result<Self, CertificateError> {
        let certificate = Certificate::from_der(certificate).map_err(|_| CertificateError::Parse)?;
        let signed = certificate.tbs_certificate();
        let time = |time: Time| {
            let seconds = i64::try_from(time.to_unix_duration().as_secs()).ok();
            seconds.and_then(|seconds| Timestamp::from_second(seconds).ok()).ok_or(CertificateError::Parse)
        };
        let by = common_name(signed.issuer()).ok_or(CertificateError::Issuer)?;
        let validity = signed.validity();
        let serial = signed.serial_number().as_bytes().to_owned();
        Ok(Self { by, from: time(validity.not_before)?, to: time(validity.not_after)?, serial })
    }
}

/// The common name that a certificate is for, if it can be read and has one.
pub(super) fn subject_name(certificate: &[u8]) -> Option<String> {
    common_name(Certificate::from_der(certificate).ok()?.tbs_certificate().subject())
}

fn common_name(name: &Name) -> Option<String> {
    let attribute = name.iter().find(|attribute| attribute.oid == COMMON_NAME)?;
    text(attribute).filter(|name| !name.is_empty())
}

impl HostIdentity {
    /// Reads a certificate. Whether it is to be trusted is not judged here.
    ///
    /// # Errors
    ///
    /// Where it cannot be read, or is none that Teleport's authority makes for a host or an administrator.
    pub fn from_der(certificate: &[u8]) -> Result<Self, CertificateError> {
        let certificate = Certificate::from_der(certificate).map_err(|_| CertificateError::Parse)?;
        let subject = certificate.tbs_certificate().subject();
        let mut name = None;
        let mut organizations = Vec::new();
        let mut system_roles = Vec::new();
        let mut is_user = false;
        for attribute in subject.iter() {
            is_user |= attribute.oid.starts_with(USER_ATTRIBUTES) && attribute.oid != CLUSTER;
            if ![COMMON_NAME, ORGANIZATION, SYSTEM_ROLES].contains(&attribute.oid) {
                continue;
            }
            // What decides who somebody is has to be read.
            let value = text(attribute).ok_or(CertificateError::Parse)?;
            match attribute.oid {
                COMMON_NAME if name.is_some() => return Err(CertificateError::Parse),
                COMMON_NAME => name = Some(value),
                ORGANIZATION => organizations.push(value),
                _ => system_roles.push(value),
            }
        }
        let name = name.ok_or(CertificateError::Parse)?;
        // A host has one role of its own; the roles of users are the cluster's own words.
        let primary = match organizations.as_slice() {
            [only] if !is_user => only.parse().ok(),
            _ => None,
        };
        let Some(primary) = primary else { return Err(CertificateError::User(Text::new(&name))) };
        let (host_id, cluster) = name
            .split_once('.')
            .filter(|(id, cluster)| !id.is_empty() && !cluster.is_empty())
            .ok_or_else(|| CertificateError::Name(Text::new(&name)))?;
        let others = system_roles.iter().filter_map(|name| name.parse::<Role>().ok());
        // Administrators are made by their own authority alone.
        let others = others.filter(|role| role.is_server());
        let roles: BTreeSet<_> = std::iter::once(primary).chain(others).collect();
        Ok(Self { host_id: Text::new(host_id), cluster: Text::new(cluster), roles })
    }
}

fn text(attribute: &AttributeTypeAndValue) -> Option<String> {
    let value = &attribute.value;
    let utf8 = value.decode_as::<Utf8StringRef<'_>>().map(|text| text.as_str().to_owned());
    utf8.or_else(|_| value.decode_as::<PrintableStringRef<'_>>().map(|text| text.as_str().to_owned())).ok()
}
