//! Metrics as a file for node_exporter's textfile collector.

use std::fs;
use std::io;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use prometheus::Encoder;
use prometheus::Registry;
use prometheus::TextEncoder;
use tempfile::TempPath;

use crate::Handle;

/// A file that always holds the present metrics, readable by everybody. It goes with the self-check: what is no longer
/// watched must not look as if it were.
#[derive(Debug, Clone)]
pub struct Textfile {
    path: PathBuf,
    registry: Registry,
}

impl Textfile {
    /// The metrics of `registry`, in the file `path`, whose name has to end in `.prom` for node_exporter to read it.
    pub const fn new(path: PathBuf, registry: Registry) -> Self {
        Self { path, registry }
    }

    /// Writes the file after every look of `handle`'s self-check until that ends, and then removes it.
    ///
    /// A failure to write is logged, and tried again after the next look.
    pub async fn follow(self, handle: Handle) {
        let mut looks = handle.looks();
        while looks.changed().await.is_ok() {
            let file = self.clone();
            let written = tokio::task::spawn_blocking(move || file.write()).await;
            if let Ok(Err(error)) = written {
                tracing::warn!(path = %self.path.display(), %error, "metrics could not be written");
            }
        }
        let _ = tokio::task::spawn_blocking(move || fs::remove_file(self.path)).await;
    }

    /// Writes the file once. Whoever reads sees the old or the new one, never half of it. What is there and no regular file is
    /// left alone.
    ///
    /// # Errors
    ///
    /// Where the folder cannot be written or is full, or something is there that is no regular file; what was there stays.
    pub fn write(&self) -> io::Result<()> {
        if fs::symlink_metadata(&self.path).is_ok_and(|there| !there.is_file()) {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "there is something that is no regular file",
            ));
        }
        let mut text = Vec::new();
        TextEncoder::new().encode(&self.registry.gather(), &mut text).map_err(io::Error::other)?;
        // Under a name that node_exporter does not read, until it is whole.
        let beside = self.path.with_extension(format!("{}.tmp", std::process::id()));
        let _ = fs::remove_file(&beside); // left by one that was killed
        let mut file = fs::OpenOptions::new().write(true).create_new(true).open(&beside)?;
        let beside = TempPath::try_from_path(beside)?; // which removes it, unless it is kept
        // Whatever the process gives to files by default: node_exporter is another user.
        file.set_permissions(fs::Permissions::from_mode(0o644))?;
        file.write_all(&text)?;
        file.sync_all()?; // a disk that is full may say so only now
        beside.persist(&self.path).map_err(|error| error.error)
    }
}
