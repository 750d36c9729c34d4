//! Teleport's system roles.

use std::fmt;

/// Makes the enum of roles and their names.
macro_rules! roles {
    ($($role:ident),* $(,)?) => {
        /// A built-in role of a Teleport server, by the name its certificate has it.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[expect(missing_docs, reason = "each is Teleport's own word")]
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

impl Role {
    /// The role of a name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|role| role.name() == name)
    }

    /// The role of a word as people write it for Teleport's own tools: in any case, with blanks around it.
    pub fn from_word(word: &str) -> Option<Self> {
        let word = word.trim().to_lowercase();
        let word = if word == "windows_desktop" { "windowsdesktop" } else { &word };
        Self::ALL.iter().copied().find(|role| role.name().eq_ignore_ascii_case(word))
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
            assert_eq!(Role::from_word(word), Some(Role::Node), "{word}");
        }
        assert_eq!(Role::from_word("windows_desktop"), Some(Role::WindowsDesktop));
        assert_eq!(Role::from_word("WindowsDesktop"), Some(Role::WindowsDesktop));
        for word in ["", "no de", "ssh", "node,kube"] {
            assert_eq!(Role::from_word(word), None, "{word}");
        }
    }
}
