//! Policies: reading one, and `policy check`.

use std::path::Path;

use selfcheck_core::Policy;
use selfcheck_probe::FileError;
use selfcheck_probe::from_yaml;
use selfcheck_probe::read_text;

use crate::args::Format;
use crate::error::CliError;
use crate::output;

/// The policy of a host, where there is one.
const HOST_POLICY: &str = "/etc/teleport-selfcheck/policy.yaml";
/// A policy is a short file.
const LIMIT: u64 = 1 << 20;

pub(super) fn check(file: &Path, format: Format) -> Result<u8, CliError> {
    let policy = read(file)?;
    let data = match format {
        Format::Text => format!("`{}` is a valid policy\n", file.display()),
        Format::Json => super::json(&policy)?,
    };
    output::print(&data)?;
    Ok(0)
}

/// The policy of `file`, else that of the host, else the default.
pub(super) fn effective(file: Option<&Path>) -> Result<Policy, CliError> {
    if let Some(file) = file {
        return read(file);
    }
    match read(Path::new(HOST_POLICY)) {
        Err(CliError::ReadPolicy(FileError::Missing(_))) => Ok(Policy::default()),
        policy => policy,
    }
}

fn read(file: &Path) -> Result<Policy, CliError> {
    let text = read_text(file, LIMIT).map_err(CliError::ReadPolicy)?;
    let policy: Option<Policy> =
        from_yaml(&text).map_err(|source| CliError::ParsePolicy { path: file.to_owned(), source })?;
    let policy = policy.unwrap_or_default();
    policy.check().map_err(|source| CliError::SensePolicy { path: file.to_owned(), source })?;
    Ok(policy)
}
