//! Writing an observation down.

use std::fs;
use std::fs::Permissions;
use std::io;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use selfcheck_core::Observation;

use crate::error::CliError;

/// Writes `observation` to `path`, readable by its owner only.
pub(super) fn save(observation: &Observation, path: &Path) -> Result<(), CliError> {
    let json = super::json(observation)?;
    write(path, &json).map_err(|source| CliError::SaveObservation { path: path.to_owned(), source })
}

/// Writes `text` to a file that only its owner may read: whole, beside it, and then renamed, so that nothing is written to what
/// somebody else put there. What is no regular file is left alone.
fn write(path: &Path, text: &str) -> io::Result<()> {
    match fs::symlink_metadata(path) {
        Ok(there) if !there.is_file() => {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "there is something that is no regular file",
            ));
        }
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut file = tempfile::Builder::new().permissions(Permissions::from_mode(0o600)).tempfile_in(folder)?;
    file.write_all(text.as_bytes())?;
    file.as_file().sync_all()?; // a disk that is full may say so only now
    file.persist(path).map(|_| ()).map_err(|error| error.error)
}
