//! The messages, as `cargo xtask proto` writes them from the .proto files.
#![allow(
    clippy::allow_attributes,
    clippy::allow_attributes_without_reason,
    clippy::all,
    clippy::pedantic,
    clippy::use_self,
    missing_docs,
    missing_debug_implementations,
    unused_qualifications,
    reason = "written by a program"
)]

/// The messages of Teleport's auth service: the inventory stream and what is asked about it.
pub mod proto {
    include!("generated/proto.rs");
}

/// Teleport's resources.
pub mod types {
    include!("generated/types.rs");
}

/// This project's own messages, nested as their package is.
pub mod teleport {
    /// See [`super::teleport`].
    pub mod selfcheck {
        /// This project's own messages.
        pub mod v1 {
            include!("generated/teleport.selfcheck.v1.rs");
        }
    }
}
