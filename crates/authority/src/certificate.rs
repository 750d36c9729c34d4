//! Certificates of the shapes that Teleport's host authority makes.

use std::net::IpAddr;
use std::net::Ipv4Addr;
use std::net::Ipv6Addr;
use std::time::Duration;

use jiff::Timestamp;
use selfcheck_protocol::AUTH_SERVER;
use selfcheck_protocol::HostIdentity;
use selfcheck_protocol::Role;
use selfcheck_protocol::identity::CLUSTER;
use selfcheck_protocol::identity::ISSUED_HERE;
use selfcheck_protocol::identity::SYSTEM_ROLES;
use x509_cert::attr::AttributeTypeAndValue;
use x509_cert::builder::Builder;
use x509_cert::builder::CertificateBuilder;
use x509_cert::builder::profile::BuilderProfile;
use x509_cert::certificate::TbsCertificate;
use x509_cert::der::Any;
use x509_cert::der::Encode;
use x509_cert::der::asn1::Ia5String;
use x509_cert::der::asn1::Null;
use x509_cert::der::asn1::ObjectIdentifier;
use x509_cert::der::asn1::OctetString;
use x509_cert::der::asn1::SetOfVec;
use x509_cert::der::asn1::UtcTime;
use x509_cert::der::asn1::Utf8StringRef;
use x509_cert::der::flagset::FlagSet;
use x509_cert::ext::Extension;
use x509_cert::ext::ToExtension;
use x509_cert::ext::pkix::BasicConstraints;
use x509_cert::ext::pkix::ExtendedKeyUsage;
use x509_cert::ext::pkix::KeyUsage;
use x509_cert::ext::pkix::KeyUsages;
use x509_cert::ext::pkix::SubjectAltName;
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::name::Name;
use x509_cert::name::RdnSequence;
use x509_cert::name::RelativeDistinguishedName;
use x509_cert::serial_number::SerialNumber;
use x509_cert::spki::SubjectPublicKeyInfoRef;
use x509_cert::time::Time;

use crate::key::Key;
use crate::key::PublicKey;
use crate::key::Signature;

const COMMON_NAME: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.3");
const ORGANIZATION: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.10");
const SERVER_AUTH: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.1");
const CLIENT_AUTH: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.2");

/// From when to when a certificate counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Validity {
    /// From.
    pub from: Timestamp,
    /// To.
    pub to: Timestamp,
}

/// What a certificate is for.
pub(crate) struct Plan {
    issuer: Name,
    subject: Name,
    use_: Use,
}

enum Use {
    Authority,
    /// An auth server, or a proxy, which speaks for one.
    AuthServer,
    /// Any other host, or an administrator.
    Client,
}

pub(crate) type Result<T> = x509_cert::builder::Result<T>;

impl Plan {
    /// The authority of a cluster, by its own word.
    pub(crate) fn authority(cluster: &str) -> Result<Self> {
        let name = authority_name(cluster)?;
        Ok(Self { issuer: name.clone(), subject: name, use_: Use::Authority })
    }

    /// A host of a cluster.
    pub(crate) fn host(identity: &HostIdentity) -> Result<Self> {
        let is_auth_server = identity.holds(Role::Auth) || identity.holds(Role::Proxy);
        let mut subject = RdnSequence::default();
        subject.push(attribute(COMMON_NAME, &format!("{}.{}", identity.host_id, identity.cluster))?);
        let primary = identity.roles.iter().find(|role| **role == Role::Instance);
        let primary = primary.or_else(|| identity.roles.first()).copied().unwrap_or(Role::Nop);
        subject.push(attribute(ORGANIZATION, primary.name())?);
        subject.push(attribute(CLUSTER, identity.cluster.as_str())?);
        for role in identity.roles.iter().filter(|role| **role != primary) {
            subject.push(attribute(SYSTEM_ROLES, role.name())?);
        }
        Ok(Self {
            issuer: authority_name(identity.cluster.as_str())?,
            subject: Name::hazmat_from_rdn_sequence(subject),
            use_: if is_auth_server { Use::AuthServer } else { Use::Client },
        })
    }

    /// The certificate in DER, for `key`, signed by `signer`.
    pub(crate) fn sign(
        self,
        serial: &[u8],
        validity: Validity,
        key: &PublicKey,
        signer: &Key,
    ) -> Result<Vec<u8>> {
        let time = |at: Timestamp| -> Result<Time> {
            let since = Duration::from_secs(u64::try_from(at.as_second()).unwrap_or(0));
            Ok(Time::UtcTime(UtcTime::from_unix_duration(since)?))
        };
        let validity = x509_cert::time::Validity::new(time(validity.from)?, time(validity.to)?);
        let builder = CertificateBuilder::new(self, SerialNumber::new(serial)?, validity, key.info()?)?;
        Ok(builder.build::<_, Signature>(signer)?.to_der()?)
    }
}

fn authority_name(cluster: &str) -> Result<Name> {
    let mut name = RdnSequence::default();
    name.push(attribute(COMMON_NAME, cluster)?);
    name.push(attribute(ORGANIZATION, cluster)?);
    Ok(Name::hazmat_from_rdn_sequence(name))
}

fn attribute(oid: ObjectIdentifier, value: &str) -> Result<RelativeDistinguishedName> {
    let value = Any::encode_from(&Utf8StringRef::new(value)?)?;
    let set = SetOfVec::try_from(vec![AttributeTypeAndValue { oid, value }])?;
    Ok(RelativeDistinguishedName::from(set))
}

impl BuilderProfile for Plan {
    fn get_issuer(&self, _subject: &Name) -> Name {
        self.issuer.clone()
    }

    fn get_subject(&self) -> Name {
        self.subject.clone()
    }

    fn build_extensions(
        &self,
        _key: SubjectPublicKeyInfoRef<'_>,
        _issuer_key: SubjectPublicKeyInfoRef<'_>,
        _tbs: &TbsCertificate,
    ) -> Result<Vec<Extension>> {
        let mut extensions = Vec::new();
        let subject = &self.subject;
        let is_authority = matches!(self.use_, Use::Authority);
        add(&mut extensions, &BasicConstraints { ca: is_authority, path_len_constraint: None }, subject)?;
        let signs = match self.use_ {
            Use::Authority => KeyUsages::KeyCertSign | KeyUsages::CRLSign,
            Use::AuthServer | Use::Client => FlagSet::from(KeyUsages::DigitalSignature),
        };
        add(&mut extensions, &KeyUsage(signs), subject)?;
        match self.use_ {
            Use::Authority => extensions.push(Extension {
                extn_id: ISSUED_HERE,
                critical: false,
                extn_value: OctetString::new(Null.to_der()?)?,
            }),
            // Only of these is the name of an auth server believed.
            Use::AuthServer => {
                add(&mut extensions, &ExtendedKeyUsage(vec![SERVER_AUTH, CLIENT_AUTH]), subject)?;
                add(&mut extensions, &SubjectAltName(names()?), subject)?;
            }
            Use::Client => add(&mut extensions, &ExtendedKeyUsage(vec![CLIENT_AUTH]), subject)?,
        }
        Ok(extensions)
    }
}

fn add<E: ToExtension>(extensions: &mut Vec<Extension>, extension: E, subject: &Name) -> Result<()>
where
    x509_cert::builder::Error: From<E::Error>,
{
    let made = extension.to_extension(subject, extensions)?;
    extensions.push(made);
    Ok(())
}

/// Every name by which an auth server is looked for: the one all have, that with the cluster's in it, and loopback.
fn names() -> Result<Vec<GeneralName>> {
    let mut names = Vec::new();
    for name in [AUTH_SERVER.to_owned(), format!("*.{AUTH_SERVER}"), "localhost".to_owned()] {
        names.push(GeneralName::DnsName(Ia5String::new(&name)?));
    }
    for address in [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)] {
        let octets = match address {
            IpAddr::V4(address) => address.octets().to_vec(),
            IpAddr::V6(address) => address.octets().to_vec(),
        };
        names.push(GeneralName::IpAddress(OctetString::new(octets)?));
    }
    Ok(names)
}
