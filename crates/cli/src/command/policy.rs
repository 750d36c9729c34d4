//! Which policy counts, and `policy check`.

use std::path::Path;

use selfcheck_core::Policy;
use selfcheck_probe::Image;
use selfcheck_probe::host_policy;
use selfcheck_probe::read_policy;

use crate::args::Format;
use crate::error::CliError;
use crate::output;

pub(super) fn check(file: &Path, format: Format) -> Result<u8, CliError> {
    let policy = read_policy(file).map_err(CliError::Policy)?;
    let data = match format {
        Format::Text => format!("`{}` is a valid policy\n", file.display()),
        Format::Json => super::json(&policy)?,
    };
    output::print(&data)?;
    Ok(0)
}

/// The policy of `file`, else that of the image judged, or of this host where none is, else the default.
pub(super) fn effective(file: Option<&Path>, image: Option<&Image>) -> Result<Policy, CliError> {
    let policy = match (file, image) {
        (Some(file), _) => read_policy(file),
        (None, Some(image)) => image.policy(),
        (None, None) => host_policy(),
    };
    policy.map_err(CliError::Policy)
}
