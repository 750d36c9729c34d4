//! Policies: reading one, and `policy check`.

use std::path::Path;

use selfcheck_core::Policy;
use selfcheck_probe::FileError;
use selfcheck_probe::Image;
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

/// The policy of `file`, else that of the image judged, or of this host where none is, else the default.
pub(super) fn effective(file: Option<&Path>, image: Option<&Image>) -> Result<Policy, CliError> {
    let host_policy = Path::new(HOST_POLICY);
    let text = match (file, image) {
        (Some(file), _) => return read(file),
        (None, Some(image)) => image.read_text(host_policy, LIMIT),
        (None, None) => read_text(host_policy, LIMIT),
    };
    match text {
        Ok(text) => parse(host_policy, &text),
        Err(FileError::Missing(_)) => Ok(Policy::default()),
        Err(error) => Err(CliError::ReadPolicy(error)),
    }
}

fn read(file: &Path) -> Result<Policy, CliError> {
    parse(file, &read_text(file, LIMIT).map_err(CliError::ReadPolicy)?)
}

fn parse(file: &Path, text: &str) -> Result<Policy, CliError> {
    let policy: Option<Policy> =
        from_yaml(text).map_err(|source| CliError::ParsePolicy { path: file.to_owned(), source })?;
    let policy = policy.unwrap_or_default();
    policy.check().map_err(|source| CliError::SensePolicy { path: file.to_owned(), source })?;
    Ok(policy)
}
