//! Authorities and identity files of every shape that a Teleport cluster may have, and this project's own authority does not
//! make.

use std::path::Path;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use jiff::SignedDuration;
use rcgen::BasicConstraints;
use rcgen::CertificateParams;
use rcgen::CertifiedIssuer;
use rcgen::DistinguishedName;
use rcgen::DnType;
use rcgen::ExtendedKeyUsagePurpose;
use rcgen::IsCa;
use rcgen::KeyPair;
use rcgen::PKCS_ECDSA_P256_SHA256;
use rcgen::PKCS_ECDSA_P384_SHA384;
use rcgen::PKCS_ED25519;
use selfcheck_protocol::IdentityFile;
use selfcheck_protocol::Role;

use crate::wall_clock;

/// A key that ring cannot make; it is for these tests alone.
const RSA: &str = include_str!("../keys/rsa.pem");
/// The attributes of a subject that name a user's groups, a certificate's cluster, and a host's further role.
const GROUPS: [u64; 5] = [1, 3, 9999, 1, 2];
const CLUSTER: [u64; 5] = [1, 3, 9999, 1, 7];
const SYSTEM_ROLE: [u64; 5] = [1, 3, 9999, 2, 11];
/// The names of an auth server.
const NAMES: [&str; 3] = ["auth.internal", "*.teleport.cluster.local", "teleport.cluster.local"];

/// An authority of a cluster.
#[derive(Debug)]
pub struct ClusterCa {
    cluster: String,
    issuer: CertifiedIssuer<'static, KeyPair>,
}

/// Whom an identity is of.
#[derive(Debug, Clone, Copy)]
pub enum Who<'a> {
    /// A host with a role, beside which it may be an `Instance`.
    Host(&'a str, Role),
    /// The built-in administrator: the auth server itself.
    Admin,
    /// A host with this one role.
    Only(&'a str, Role),
    /// A host with this one role, and another that this version does not know.
    Newer(&'a str, Role),
    /// A host whose role is written as only old certificates have it.
    Teletex(&'a str, Role),
    /// A host that says it is of this cluster, whoever signed that.
    Of(&'a str, Role, &'a str),
    /// A person, or a bot, with a role of the cluster's own.
    User(&'a str, &'a str),
}

/// The kind of a key, and how it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyKind {
    /// ECDSA on P-256, as PKCS#8.
    P256,
    /// ECDSA on P-256, as SEC 1.
    Sec1,
    /// ECDSA on P-384.
    P384,
    /// Ed25519.
    Ed25519,
    /// RSA, as PKCS#8.
    Rsa,
    /// RSA, as PKCS#1, in which Teleport wrote its keys for long.
    Pkcs1,
}

impl KeyKind {
    /// All of them.
    pub const ALL: [Self; 6] = [Self::P256, Self::Sec1, Self::P384, Self::Ed25519, Self::Rsa, Self::Pkcs1];

    fn make(self) -> KeyPair {
        let made = match self {
            Self::P256 | Self::Sec1 => KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256),
            Self::P384 => KeyPair::generate_for(&PKCS_ECDSA_P384_SHA384),
            Self::Ed25519 => KeyPair::generate_for(&PKCS_ED25519),
            Self::Rsa | Self::Pkcs1 => KeyPair::from_pem(RSA),
        };
        made.expect("a key")
    }

    fn pem(self, key: &KeyPair) -> String {
        let (label, der) = match self {
            Self::Sec1 => ("EC PRIVATE KEY", inner(key.serialized_der())),
            Self::Pkcs1 => ("RSA PRIVATE KEY", inner(key.serialized_der())),
            _ => ("PRIVATE KEY", key.serialized_der()),
        };
        let text = BASE64_STANDARD.encode(der);
        let lines: Vec<_> = text.as_bytes().chunks(64).map(String::from_utf8_lossy).collect();
        format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
    }
}

/// The key within PKCS#8: behind the version and the algorithm.
fn inner(der: &[u8]) -> &[u8] {
    let behind = |der: &[u8]| -> (usize, usize) {
        match der[1] {
            length @ ..=0x7f => (2, usize::from(length)),
            0x81 => (3, usize::from(der[2])),
            _ => (4, usize::from(der[2]) << 8 | usize::from(der[3])),
        }
    };
    let (head, _) = behind(der);
    let mut rest = &der[head..];
    for _ in 0..2 {
        let (head, length) = behind(rest);
        rest = &rest[head + length..];
    }
    let (head, length) = behind(rest);
    &rest[head..head + length]
}

impl ClusterCa {
    /// A new authority of this cluster; a cluster has another one after a rotation.
    pub fn new(cluster: &str) -> Self {
        let key = KeyPair::generate().expect("a key");
        let issuer = CertifiedIssuer::self_signed(authority(cluster), key).expect("an authority");
        Self { cluster: cluster.to_owned(), issuer }
    }

    /// One that this one made, and that issues in its place.
    #[must_use]
    pub fn intermediate(&self) -> Self {
        let key = KeyPair::generate().expect("a key");
        let issuer =
            CertifiedIssuer::signed_by(authority(&self.cluster), key, &self.issuer).expect("an authority");
        Self { cluster: self.cluster.clone(), issuer }
    }

    /// Its certificate.
    pub fn pem(&self) -> String {
        self.issuer.pem()
    }

    /// A key and its certificate, as an identity file begins; it counts for an hour.
    pub fn issue(&self, who: Who<'_>, kind: KeyKind) -> String {
        self.issue_between(who, kind, (-60, 60))
    }

    /// One that counts between these minutes from now.
    pub fn issue_between(&self, who: Who<'_>, kind: KeyKind, (from, to): (i64, i64)) -> String {
        let key = kind.make();
        let at = |minutes| {
            let at = wall_clock() + SignedDuration::from_mins(minutes);
            rcgen::date_time_ymd(1970, 1, 1) + std::time::Duration::from_secs(at.as_second().unsigned_abs())
        };
        let mut params = CertificateParams::new(NAMES.map(str::to_owned)).expect("names");
        params.distinguished_name = self.subject(who);
        params.extended_key_usages =
            vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        (params.not_before, params.not_after) = (at(from), at(to));
        let certificate = params.signed_by(&key, &self.issuer).expect("a certificate");
        format!("{}{}", kind.pem(&key), certificate.pem())
    }

    /// What an auth server of the cluster is, as Teleport's: its administrator.
    pub fn auth_server(&self) -> IdentityFile {
        self.identity(Who::Admin)
    }

    /// An identity that trusts this authority.
    pub fn identity(&self, who: Who<'_>) -> IdentityFile {
        IdentityFile::parse(Path::new("identity.pem"), self.file(who).as_bytes()).expect("an identity")
    }

    /// The text of its file.
    pub fn file(&self, who: Who<'_>) -> String {
        format!("{}{}", self.issue(who, KeyKind::P256), self.pem())
    }

    fn subject(&self, who: Who<'_>) -> DistinguishedName {
        let mut name = DistinguishedName::new();
        let mut push = |of: DnType, text: &str| name.push(of, text);
        let host = |id: &str| format!("{id}.{}", self.cluster);
        match who {
            Who::Host(id, role) => {
                push(DnType::CommonName, &host(id));
                push(DnType::OrganizationName, Role::Instance.name());
                push(DnType::CustomDnType(SYSTEM_ROLE.into()), role.name());
                push(DnType::CustomDnType(CLUSTER.into()), &self.cluster);
            }
            Who::Admin => {
                push(DnType::CommonName, &host("00000000-0000-4000-8000-00000000000a"));
                push(DnType::OrganizationName, Role::Admin.name());
            }
            Who::Only(id, role) => {
                push(DnType::CommonName, &host(id));
                push(DnType::OrganizationName, role.name());
            }
            Who::Newer(id, role) => {
                push(DnType::CommonName, &host(id));
                push(DnType::OrganizationName, role.name());
                push(DnType::CustomDnType(SYSTEM_ROLE.into()), "FutureRole");
            }
            Who::Teletex(id, role) => {
                push(DnType::CommonName, &host(id));
                let text = rcgen::string::TeletexString::try_from(role.name()).expect("plain");
                name.push(DnType::OrganizationName, rcgen::DnValue::TeletexString(text));
            }
            Who::Of(id, role, cluster) => {
                push(DnType::CommonName, &format!("{id}.{cluster}"));
                push(DnType::OrganizationName, role.name());
            }
            Who::User(user, role) => {
                push(DnType::CommonName, user);
                push(DnType::OrganizationName, role);
                push(DnType::CustomDnType(GROUPS.into()), "people");
                push(DnType::CustomDnType(CLUSTER.into()), &self.cluster);
            }
        }
        name
    }
}

fn authority(cluster: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    let mut name = DistinguishedName::new();
    name.push(DnType::CommonName, cluster);
    name.push(DnType::OrganizationName, cluster);
    params.distinguished_name = name;
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params
}
