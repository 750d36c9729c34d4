//! Teleport's system roles.

use std::fmt;
use std::str::FromStr;

use selfcheck_core::Text;

/// Makes the enum of roles and their names.
macro_rules! roles {
    ($($role:ident),* $(,)?) => {
        /// A built-in role of a Teleport server, by the name its certificate has it.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[expect(missing_docs, reason = "each is Teleport's own word")]
        #[non_exhaustive]
        pub enum Role { $($role),* }

        impl Role {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$role),*];

            /// Its name in certificates and messages.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$role => stringify!($role)),* }
            }
        }
    };
}

roles! {
    Auth, Proxy, Node, Kube, App, Db, WindowsDesktop, Discovery, Okta, MDM, AccessGraphPlugin, Bot, Instance, Nop, Relay,
    Admin,
}

/// A name is that of no role, as far as this version knows them.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no system role")]
pub struct UnknownRole(Text);

impl Role {
    /// The role of a word as people write it for Teleport's own tools: in any case, with blanks around it.
    ///
    /// # Errors
    ///
    /// Where there is no such role.
    pub fn from_word(word: &str) -> Result<Self, UnknownRole> {
        let lower = word.trim().to_lowercase();
        let name = if lower == "windows_desktop" { "windowsdesktop" } else { &lower };
        let known = Self::ALL.iter().copied().find(|role| role.name().eq_ignore_ascii_case(name));
        known.ok_or_else(|| UnknownRole(word.into()))
    }

    /// Whether a server of this role opens an inventory stream.
    pub const fn is_server(self) -> bool {
        !matches!(self, Self::Admin | Self::Nop | Self::Bot)
    }

    /// Whether Teleport's chart for agents in Kubernetes has agents of this role. Those of a host's own have others: SSH, and
    /// what the control plane runs.
    pub(crate) const fn is_of_kube_agent(self) -> bool {
        self.is_server() && !matches!(self, Self::Instance | Self::Auth | Self::Proxy | Self::Node)
    }
}

/// By its name in certificates and messages.
impl FromStr for Role {
    type Err = UnknownRole;

    fn from_str(name: &str) -> Result<Self, UnknownRole> {
        Self::ALL.iter().copied().find(|role| role.name() == name).ok_or_else(|| UnknownRole(name.into()))
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_write_services_as_they_like() {
        for word in ["node", "Node", "NODE", " node "] {
            assert_eq!(Role::from_word(word), Ok(Role::Node), "{word}");
        }
        assert_eq!(Role::from_word("windows_desktop"), Ok(Role::WindowsDesktop));
        assert_eq!(Role::from_word("WindowsDesktop"), Ok(Role::WindowsDesktop));
        for word in ["", "no de", "ssh", "node,kube"] {
            assert_eq!(Role::from_word(word), Err(UnknownRole(word.into())), "{word}");
        }
    }
}
