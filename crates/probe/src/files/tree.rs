//! The file tree looked at: the running host's own, or one unpacked in a folder, which no path or link may leave.

use std::fs::File;
use std::fs::Metadata;
use std::fs::OpenOptions;
use std::io;
use std::os::fd::AsFd;
use std::os::fd::AsRawFd;
use std::os::fd::OwnedFd;
use std::os::unix::fs::MetadataExt;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;

use jiff::Timestamp;
use nix::dir::Dir;
use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::fcntl::OpenHow;
use nix::fcntl::ResolveFlag;
use nix::fcntl::openat2;
use nix::fcntl::readlinkat;
use selfcheck_core::Fact;
use selfcheck_core::Text;
use selfcheck_core::Why;

use super::outcome::failed;
use super::outcome::why;
use super::walk;

/// How often the kernel is asked again while something renames folders under a path.
const TRIES: usize = 16;
/// Opened as a mere place in the file system: nothing can be read through it, but its kind and name can be told.
const PLACE: OFlag = OFlag::O_PATH.union(OFlag::O_CLOEXEC);

/// A file tree; the default one is the host's own.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tree(Option<Arc<Root>>);

/// A folder that stands for `/`.
#[derive(Debug)]
struct Root {
    folder: OwnedFd,
    /// Its name in the host's own tree.
    name: PathBuf,
}

/// A file tree, or why it is out of reach.
pub(crate) type Reach = Result<Tree, Why>;

/// What `reach` shows by `look`, or why it cannot be seen.
pub(crate) fn seen<T>(reach: &Reach, look: impl FnOnce(&Tree) -> Fact<T>) -> Fact<T> {
    reach.as_ref().map_or_else(|why| Fact::Unreadable(*why), look)
}

/// Whether two files are the same, wherever their names lie.
pub(crate) fn is_same_file(one: &Metadata, other: &Metadata) -> bool {
    (one.dev(), one.ino()) == (other.dev(), other.ino())
}

impl Tree {
    /// Whether it is the host's own, where whoever looks would find a path.
    pub(crate) const fn is_own(&self) -> bool {
        self.0.is_none()
    }

    /// The tree in `folder`.
    pub(crate) fn within(folder: &Path) -> io::Result<Self> {
        let opened =
            OpenOptions::new().read(true).custom_flags((PLACE | OFlag::O_DIRECTORY).bits()).open(folder)?;
        let root = Root { name: std::fs::canonicalize(folder)?, folder: opened.into() };
        Ok(Self(Some(Arc::new(root))))
    }

    /// Opens `path` with `flags`.
    pub(super) fn open(&self, path: &Path, flags: OFlag) -> io::Result<File> {
        let flags = flags | OFlag::O_CLOEXEC;
        match &self.0 {
            None => OpenOptions::new().read(true).custom_flags(flags.bits()).open(path),
            Some(root) => root.open(path, flags).map(File::from),
        }
    }

    /// Opens `path`, whatever it is, as a mere place.
    pub(crate) fn place(&self, path: &Path) -> io::Result<File> {
        self.open(path, PLACE)
    }

    /// The same without following a link at the end of `path`.
    fn place_of_link(&self, path: &Path) -> io::Result<File> {
        self.open(path, PLACE | OFlag::O_NOFOLLOW)
    }

    /// What is known of what is at `path`, which may be a link.
    pub(crate) fn metadata_of_link(&self, path: &Path) -> io::Result<Metadata> {
        match &self.0 {
            None => std::fs::symlink_metadata(path),
            Some(_) => self.place_of_link(path)?.metadata(),
        }
    }

    /// What the link at `path` says.
    pub(crate) fn target_of_link(&self, path: &Path) -> io::Result<PathBuf> {
        match &self.0 {
            None => std::fs::read_link(path),
            Some(_) => Ok(readlinkat(&self.place_of_link(path)?, "")?.into()),
        }
    }

    /// What is known of the file at `path`.
    pub(crate) fn metadata(&self, path: &Path) -> io::Result<Metadata> {
        match &self.0 {
            None => std::fs::metadata(path),
            Some(_) => self.place(path)?.metadata(),
        }
    }

    /// By what the file at `path` is the same wherever its names lie: its device and inode.
    pub(crate) fn identity(&self, path: &Path) -> Option<(u64, u64)> {
        let metadata = self.metadata(path).ok()?;
        Some((metadata.dev(), metadata.ino()))
    }

    /// Whether something of any kind is at `path`; the value is the path.
    pub(crate) fn exists(&self, path: &str) -> Fact<Text> {
        match self.metadata(Path::new(path)) {
            Ok(_) => Fact::Present(path.into()),
            Err(error) => failed(&error),
        }
    }

    /// Whether a file with something in it is at `path`; the value is the path.
    pub(crate) fn has_content(&self, path: &str) -> Fact<Text> {
        match self.metadata(Path::new(path)) {
            Ok(metadata) if metadata.is_file() && metadata.len() > 0 => Fact::Present(path.into()),
            Ok(_) => Fact::Absent,
            Err(error) => failed(&error),
        }
    }

    /// When the file at `path` was last written.
    pub(super) fn written(&self, path: &str) -> Option<Timestamp> {
        Timestamp::new(self.metadata(Path::new(path)).ok()?.mtime(), 0).ok()
    }

    /// The name, in this tree and free of links, of an open file.
    pub(crate) fn true_name(&self, file: &File) -> Option<PathBuf> {
        let name = std::fs::read_link(of_descriptor(file)).ok()?;
        match &self.0 {
            None => Some(name),
            Some(root) => Some(Path::new("/").join(name.strip_prefix(&root.name).ok()?)),
        }
    }

    /// The names in a folder, sorted; none where there is no such folder. More than `most` are too many to be told.
    pub(crate) fn names(&self, path: &str, most: usize) -> Result<Vec<String>, Why> {
        let folder = match self.open(Path::new(path), OFlag::O_DIRECTORY) {
            Ok(folder) => folder,
            Err(error) => return failed::<()>(&error).why().map_or_else(|| Ok(Vec::new()), Err),
        };
        let mut folder = Dir::from_fd(folder.into()).map_err(|errno| why(&errno.into()))?;
        let mut names = Vec::new();
        for entry in folder.iter() {
            let entry = entry.map_err(|errno| why(&errno.into()))?;
            let name = entry.file_name().to_string_lossy();
            if !matches!(name.as_ref(), "." | "..") {
                names.push(name.into_owned());
            }
            if names.len() > most {
                // What lies beyond is not known to be absent.
                return Err(Why::TooLarge);
            }
        }
        names.sort_unstable();
        Ok(names)
    }
}

impl Root {
    fn open(&self, path: &Path, flags: OFlag) -> io::Result<OwnedFd> {
        let how = OpenHow::new()
            .flags(flags)
            .resolve(ResolveFlag::RESOLVE_IN_ROOT | ResolveFlag::RESOLVE_NO_MAGICLINKS);
        let mut last = Errno::EAGAIN;
        for _ in 0..TRIES {
            match openat2(self.folder.as_fd(), path, how) {
                Ok(file) => return Ok(file),
                Err(Errno::EAGAIN) => {}
                // The kernel does not know the call, or does not let this process have it; or there is a link on the way that
                // leads elsewhere than it says, as in /proc: what it says counts.
                Err(Errno::ENOSYS | Errno::EPERM | Errno::ELOOP) => {
                    return Ok(walk::open_within(self.folder.as_fd(), path, flags)?);
                }
                Err(errno) => {
                    last = errno;
                    break;
                }
            }
        }
        Err(last.into())
    }
}

/// The name of an open file in /proc, through which the kernel leads to that very file.
fn of_descriptor(file: &File) -> PathBuf {
    PathBuf::from(format!("/proc/self/fd/{}", file.as_raw_fd()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn no_path_or_link_leads_out_of_the_tree() {
        let outside = tempfile::tempdir().expect("folder");
        std::fs::write(outside.path().join("secret"), "outside").expect("write");
        let root = outside.path().join("root");
        std::fs::create_dir_all(root.join("etc")).expect("folder");
        std::fs::write(root.join("etc/file"), "inside").expect("write");
        symlink("/etc/file", root.join("absolute")).expect("link");
        symlink("../../../../../etc/file", root.join("etc/upwards")).expect("link");
        symlink("../../secret", root.join("etc/out")).expect("link");
        symlink(outside.path().join("secret"), root.join("named")).expect("link");
        symlink("/proc/self/root", root.join("magic")).expect("link");
        let tree = Tree::within(&root).expect("tree");
        let read = |path: &str| tree.read(Path::new(path), 32);
        for inside in ["/etc/file", "/absolute", "/etc/upwards", "/../../etc/file"] {
            assert_eq!(read(inside), Fact::Present("inside".to_owned()), "{inside}");
        }
        for gone in ["/etc/out", "/named", "/../secret", "/magic/etc/passwd"] {
            assert_eq!(read(gone), Fact::Absent, "{gone}");
        }
        let place = tree.place(Path::new("/absolute")).expect("place");
        assert_eq!(tree.true_name(&place), Some("/etc/file".into()));
    }
}
