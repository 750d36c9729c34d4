//! Reading policies.

use std::path::Path;
use std::path::PathBuf;

use selfcheck_core::Policy;
use selfcheck_core::policy::InvalidPolicy;

use crate::FileError;
use crate::Image;
use crate::YamlError;
use crate::from_yaml;
use crate::read_text;

/// The policy of a host, where there is one.
const HOST_POLICY: &str = "/etc/teleport-selfcheck/policy.yaml";
/// A policy is a short file.
const LIMIT: u64 = 1 << 20;

/// Why a policy does not count.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PolicyError {
    /// Its file could not be read.
    #[error("policy {0}")]
    Read(FileError),
    /// It is no YAML, or has a key or a value that a policy has not. docs/policy.md lists every one.
    #[error("policy `{}` is not valid: {source}", .path.display())]
    Parse {
        /// Its file.
        path: PathBuf,
        /// What is wrong.
        source: YamlError,
    },
    /// It reads well and makes no sense.
    #[error("policy `{}` is not valid: {source}", .path.display())]
    Check {
        /// Its file.
        path: PathBuf,
        /// What is wrong.
        source: InvalidPolicy,
    },
}

impl PolicyError {
    /// A word for what went wrong, for labels.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Read(FileError::Missing(_)) => "missing",
            Self::Read(FileError::Unreadable { .. }) => "unreadable",
            Self::Parse { .. } => "yaml",
            Self::Check { .. } => "invalid",
        }
    }
}

/// Reads the policy in `file`, of at most 1 MiB.
///
/// # Errors
///
/// Where the file is not there, cannot be read, or is no policy.
pub fn read_policy(file: &Path) -> Result<Policy, PolicyError> {
    parse_policy(file, &read_text(file, LIMIT).map_err(PolicyError::Read)?)
}

/// Reads `/etc/teleport-selfcheck/policy.yaml` of this host; where there is none, the default counts.
///
/// # Errors
///
/// Where the file is there and cannot be read, or is no policy.
pub fn host_policy() -> Result<Policy, PolicyError> {
    or_default(read_text(Path::new(HOST_POLICY), LIMIT))
}

/// Reads the text of a policy. `name` is what errors call it.
///
/// # Errors
///
/// Where it is no policy.
pub fn parse_policy(name: &Path, text: &str) -> Result<Policy, PolicyError> {
    let policy: Option<Policy> =
        from_yaml(text).map_err(|source| PolicyError::Parse { path: name.to_owned(), source })?;
    let policy = policy.unwrap_or_default();
    policy.check().map_err(|source| PolicyError::Check { path: name.to_owned(), source })?;
    Ok(policy)
}

impl Image {
    /// Reads `/etc/teleport-selfcheck/policy.yaml` of the image; where there is none, the default counts.
    ///
    /// # Errors
    ///
    /// Where the file is there and cannot be read, or is no policy.
    pub fn policy(&self) -> Result<Policy, PolicyError> {
        or_default(self.read_text(Path::new(HOST_POLICY), LIMIT))
    }
}

fn or_default(text: Result<String, FileError>) -> Result<Policy, PolicyError> {
    match text {
        Ok(text) => parse_policy(Path::new(HOST_POLICY), &text),
        Err(FileError::Missing(_)) => Ok(Policy::default()),
        Err(error) => Err(PolicyError::Read(error)),
    }
}
