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

    /// Whether a server of this role opens an inventory stream.
    pub const fn is_server(self) -> bool {
        !matches!(self, Self::Admin | Self::Nop | Self::Bot)
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}
