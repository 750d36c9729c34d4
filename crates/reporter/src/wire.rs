//! The clients, as `cargo xtask proto` writes them from the .proto files.
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

/// Teleport's auth service.
pub mod proto {
    include!("generated/proto.rs");
}

/// This project's own service, nested as its package is.
pub mod teleport {
    /// See [`super::teleport`].
    pub mod selfcheck {
        /// This project's own service.
        pub mod v1 {
            include!("generated/teleport.selfcheck.v1.rs");
        }
    }
}
