//! Who somebody is to a cluster: a certificate, its key, and whom it trusts.

mod certificate;
mod file;

use std::collections::BTreeSet;

use selfcheck_core::Status;
use selfcheck_core::Text;

use crate::Role;

pub use certificate::CLUSTER;
pub use certificate::CertificateError;
pub use certificate::ISSUED_HERE;
pub use certificate::Issued;
pub use certificate::SYSTEM_ROLES;
pub use certificate::has_system_roles;
pub use certificate::is_issued_here;
pub use file::IdentityError;
pub use file::IdentityFile;

/// The name that every auth server's certificate has.
pub const AUTH_SERVER: &str = "teleport.cluster.local";

/// Who a certificate of a cluster's host authority names.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct HostIdentity {
    /// The host id.
    pub host_id: Text,
    /// The cluster.
    pub cluster: Text,
    /// The system roles.
    pub roles: BTreeSet<Role>,
}

impl HostIdentity {
    /// That of a host of a cluster, which has these system roles.
    pub fn new(host_id: Text, cluster: Text, roles: impl IntoIterator<Item = Role>) -> Self {
        Self { host_id, cluster, roles: roles.into_iter().collect() }
    }

    /// The role that a person or a tool has which manages the cluster.
    pub fn is_admin(&self) -> bool {
        self.roles.contains(&Role::Admin)
    }

    /// Whether it is a server of the cluster, which may open an inventory stream.
    pub fn is_server(&self) -> bool {
        self.roles.iter().any(|role| role.is_server())
    }

    /// Which services an agent that is as `status` says announces: of those that its certificate has, the ones it runs; all of
    /// them where nobody could see what it runs.
    pub fn services(&self, status: &Status) -> Vec<Text> {
        let run = &status.agent.services;
        let held = self.roles.iter().filter(|role| role.is_server() && **role != Role::Instance);
        let names = held.map(|role| role.name());
        names.filter(|name| run.is_empty() || run.iter().any(|run| run == *name)).map(Text::from).collect()
    }

    /// Whether it may say that it runs this service.
    pub fn holds(&self, role: Role) -> bool {
        self.roles.contains(&role)
    }
}
