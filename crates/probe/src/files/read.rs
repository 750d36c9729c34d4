//! Reading a file that may be anything: it must be a regular file, and only so much of it is read.

use std::fs::File;
use std::fs::Metadata;
use std::io::Read;
use std::path::Path;
use std::path::PathBuf;

use nix::fcntl::OFlag;
use selfcheck_core::Fact;
use selfcheck_core::Why;

use super::outcome::failed;
use super::outcome::why;
use super::tree::Tree;

/// The bytes for which there is room from the start.
const ROOM: usize = 4 << 10;

/// A file that was asked for by name and could not be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FileError {
    /// There is no such file.
    #[error("`{}` does not exist", .0.display())]
    Missing(
        /// The file.
        PathBuf,
    ),
    /// It could not be read.
    #[error("`{}` could not be read: {why}", .path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        why: Why,
    },
}

/// Reads the UTF-8 text of `path`, of at most `limit` bytes.
///
/// # Errors
///
/// Where there is no such file, or it cannot be read: it is no regular file, longer than that, no UTF-8, or not for this user.
pub fn read_text(path: &Path, limit: u64) -> Result<String, FileError> {
    text_of(&Tree::default(), path, limit)
}

/// The same for a file of `tree`.
pub(crate) fn text_of(tree: &Tree, path: &Path, limit: u64) -> Result<String, FileError> {
    match tree.read(path, limit) {
        Fact::Present(text) => Ok(text),
        Fact::Unreadable(why) => Err(FileError::Unreadable { path: path.to_owned(), why }),
        Fact::Absent | Fact::NotApplicable => Err(FileError::Missing(path.to_owned())),
    }
}

impl Tree {
    /// Reads the UTF-8 text of `path`, of at most `limit` bytes.
    pub(crate) fn read(&self, path: &Path, limit: u64) -> Fact<String> {
        self.regular(path)
            .and_read(|file| String::from_utf8(read_bytes(&file, limit)?).map_err(|_| Why::Encoding))
    }

    /// The same with what is known of the file.
    pub(crate) fn read_with_metadata(&self, path: &Path, limit: u64) -> Fact<(String, Metadata)> {
        self.regular(path).and_read(|file| {
            let text = String::from_utf8(read_bytes(&file, limit)?).map_err(|_| Why::Encoding)?;
            Ok((text, file.metadata().map_err(|error| why(&error))?))
        })
    }

    /// The same for a file that may hold other bytes, which are replaced.
    pub(crate) fn read_lossy(&self, path: &Path, limit: u64) -> Fact<String> {
        self.regular(path)
            .and_read(|file| Ok(String::from_utf8_lossy(&read_bytes(&file, limit)?).into_owned()))
    }

    /// Whether the regular file `path` begins with `bytes`.
    pub(crate) fn starts_with(&self, path: &Path, bytes: &[u8]) -> Fact<bool> {
        self.regular(path).and_read(|file| {
            let mut first = Vec::with_capacity(bytes.len());
            file.take(bytes.len() as u64).read_to_end(&mut first).map_err(|error| why(&error))?;
            Ok(first == bytes)
        })
    }

    /// Opens `path` if it is a regular file. Neither a FIFO nor a device is ever waited for.
    pub(super) fn regular(&self, path: &Path) -> Fact<File> {
        let regular = |metadata: Metadata| if metadata.is_file() { Ok(()) } else { Err(Why::NotAFile) };
        let seen = match self.metadata(path) {
            Ok(metadata) => regular(metadata),
            Err(error) => return failed(&error),
        };
        if let Err(why) = seen {
            return Fact::Unreadable(why);
        }
        let file = match self.open(path, OFlag::O_NONBLOCK | OFlag::O_NOCTTY) {
            Ok(file) => file,
            Err(error) => return failed(&error),
        };
        // It may have been replaced in between: what counts is what was opened.
        match file.metadata().map_err(|error| why(&error)).and_then(regular) {
            Ok(()) => Fact::Present(file),
            Err(why) => Fact::Unreadable(why),
        }
    }
}

fn read_bytes(file: &File, limit: u64) -> Result<Vec<u8>, Why> {
    // Room for most files in one call; those of /proc do not say how large they are.
    let mut bytes = Vec::with_capacity(ROOM.min(usize::try_from(limit).unwrap_or(ROOM)));
    file.take(limit.saturating_add(1)).read_to_end(&mut bytes).map_err(|error| why(&error))?;
    if bytes.len() as u64 > limit { Err(Why::TooLarge) } else { Ok(bytes) }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;
    use nix::sys::stat::Mode;

    #[test]
    fn tells_missing_broken_and_readable_files_apart() {
        let dir = tempfile::tempdir().expect("folder");
        let at = |name: &str| dir.path().join(name);
        std::fs::write(at("good"), "text").expect("write");
        std::fs::write(at("latin1"), [0xe9]).expect("write");
        std::fs::write(at("big"), "x".repeat(33)).expect("write");
        std::fs::create_dir(at("folder")).expect("folder");
        symlink(at("loop"), at("loop")).expect("link");
        nix::unistd::mkfifo(&at("fifo"), Mode::S_IRWXU).expect("fifo");
        let read = |path: &Path, limit| Tree::default().read(path, limit);
        assert_eq!(read(&at("good"), 32), Fact::Present("text".to_owned()));
        assert_eq!(read(&at("none"), 32), Fact::Absent);
        assert_eq!(read(&at("good/below"), 32), Fact::Absent);
        assert_eq!(read(&at("latin1"), 32), Fact::Unreadable(Why::Encoding));
        assert_eq!(read(&at("big"), 32), Fact::Unreadable(Why::TooLarge));
        assert_eq!(read(&at("folder"), 32), Fact::Unreadable(Why::NotAFile));
        assert_eq!(read(&at("loop"), 32), Fact::Unreadable(Why::LinkLoop));
        assert_eq!(read(&at("fifo"), 32), Fact::Unreadable(Why::NotAFile));
        assert_eq!(read(Path::new("/dev/zero"), 32), Fact::Unreadable(Why::NotAFile));
    }
}
