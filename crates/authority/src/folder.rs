//! The folder of an authority: read within bounds, written whole, and nobody else's.

use std::fs;
use std::fs::File;
use std::fs::Metadata;
use std::fs::Permissions;
use std::fs::TryLockError;
use std::io;
use std::io::Read;
use std::io::Write;
use std::os::unix::fs::DirBuilderExt;
use std::os::unix::fs::MetadataExt;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::path::PathBuf;

use tempfile::NamedTempFile;

use crate::IssueError;

/// The files of an authority.
pub(crate) const CERTIFICATE: &str = "ca.pem";
pub(crate) const KEY: &str = "ca-key.pem";
/// Held by whoever makes one.
const LOCK: &str = ".lock";
/// The largest of its files, in bytes; a real one has a thousand.
const BYTES: u64 = 64 << 10;

/// Who else may do something, as modes tell.
const OTHERS_WRITE: u32 = 0o022;
const OTHERS_ACCESS: u32 = 0o077;

/// Makes the folder if it is not there, and nobody else's turn until what is returned is dropped.
pub(crate) fn begin(dir: &Path) -> Result<File, IssueError> {
    let failed = |source| IssueError::Write { path: dir.to_owned(), source };
    fs::DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(failed)?;
    check(dir)?;
    let path = dir.join(LOCK);
    let failed = |source| IssueError::Write { path: path.clone(), source };
    if fs::symlink_metadata(&path).is_ok_and(|lock| !lock.is_file()) {
        return Err(IssueError::Foreign { path, what: "lock" });
    }
    let lock = File::options().create(true).truncate(false).write(true).open(&path).map_err(failed)?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(TryLockError::WouldBlock) => Err(IssueError::Busy(dir.to_owned())),
        Err(TryLockError::Error(source)) => Err(failed(source)),
    }
}

/// Checks that nobody else can change what is in the folder.
pub(crate) fn check(dir: &Path) -> Result<(), IssueError> {
    let metadata = look(dir)?;
    let is_own = is_own(&metadata) && metadata.mode() & OTHERS_WRITE == 0;
    if is_own { Ok(()) } else { Err(IssueError::Exposed { path: dir.to_owned(), to: "change" }) }
}

/// Reads a key, which nobody else may read.
pub(crate) fn read_key(path: &Path) -> Result<Vec<u8>, IssueError> {
    let metadata = look(path)?;
    if !is_own(&metadata) || metadata.mode() & OTHERS_ACCESS != 0 {
        return Err(IssueError::Exposed { path: path.to_owned(), to: "read or change" });
    }
    read(path, "key")
}

/// Reads a small file. Neither a FIFO nor a device is waited for.
pub(crate) fn read(path: &Path, what: &'static str) -> Result<Vec<u8>, IssueError> {
    let metadata = look(path)?;
    if !metadata.is_file() || metadata.len() > BYTES {
        return Err(IssueError::Foreign { path: path.to_owned(), what });
    }
    let mut text = Vec::new();
    File::open(path)
        .and_then(|file| file.take(BYTES).read_to_end(&mut text))
        .map_err(|source| IssueError::Read { path: path.to_owned(), source })?;
    Ok(text)
}

/// A file beside `path`, which only its owner may read, to be put in its place. It goes if that does not happen.
pub(crate) fn prepare(path: &Path, text: &str) -> Result<NamedTempFile, IssueError> {
    let failed = |source| IssueError::Write { path: path.to_owned(), source };
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let private = Permissions::from_mode(0o600);
    let mut file = tempfile::Builder::new().permissions(private).tempfile_in(folder).map_err(failed)?;
    file.write_all(text.as_bytes()).and_then(|()| file.as_file().sync_all()).map_err(failed)?;
    Ok(file)
}

/// Puts what was prepared in its place. What was there before is replaced, and never written to.
pub(crate) fn replace(file: NamedTempFile, path: &Path) -> Result<(), IssueError> {
    let replaced = file.persist(path);
    replaced.map(|_| ()).map_err(|error| IssueError::Write { path: path.to_owned(), source: error.error })
}

/// The same where nothing may be replaced.
pub(crate) fn place(file: NamedTempFile, path: &Path) -> Result<(), IssueError> {
    file.persist_noclobber(path).map(|_| ()).map_err(|error| match error.error.kind() {
        io::ErrorKind::AlreadyExists => IssueError::Exists(path.to_owned()),
        _ => IssueError::Write { path: path.to_owned(), source: error.error },
    })
}

/// Whether `path` names one of the files of the authority in `dir`.
pub(crate) fn is_one_of(dir: &Path, path: &Path) -> bool {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let is_there = fs::canonicalize(folder).ok().zip(fs::canonicalize(dir).ok());
    let is_in_it = is_there.is_some_and(|(folder, dir)| folder == dir);
    is_in_it && path.file_name().is_some_and(|name| [CERTIFICATE, KEY, LOCK].iter().any(|own| name == *own))
}

fn look(path: &Path) -> Result<Metadata, IssueError> {
    fs::metadata(path).map_err(|source| IssueError::Read { path: PathBuf::from(path), source })
}

/// Whether it is this user's, or root's.
fn is_own(metadata: &Metadata) -> bool {
    let user = fs::metadata("/proc/self").map_or(0, |own| own.uid());
    metadata.uid() == user || metadata.uid() == 0
}
