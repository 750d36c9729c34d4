//! Whether a process sees the same files as whoever looks, and where its own are seen.

use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::path::PathBuf;

use selfcheck_core::Why;

use crate::files;
use crate::files::Tree;
use crate::files::is_same_file;

use super::proc;

/// What a process sees of the file system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sight {
    /// The same as whoever looks.
    Same,
    /// Other mounts, or another root.
    Another {
        /// Its mount namespace.
        mounts: u64,
    },
    /// That may not be seen.
    Hidden(Why),
}

impl Sight {
    /// What the process `pid` sees.
    pub(crate) fn of(pid: u32) -> Self {
        match of(pid) {
            Ok(sight) => sight,
            Err(error) if files::failed::<()>(&error).is_absent() => Self::Hidden(Why::Gone),
            Err(error) => Self::Hidden(files::why(&error)),
        }
    }

    /// The files that the process `pid`, which has this sight, sees.
    pub(crate) fn tree(self, pid: u32) -> Result<Tree, Why> {
        match self {
            Self::Same => Ok(Tree::default()),
            Self::Another { .. } => Tree::within(&root(pid)).map_err(|error| files::why(&error)),
            Self::Hidden(why) => Err(why),
        }
    }
}

/// A path below the root of a process, taken apart: that root, and the path as the process names it.
pub(crate) fn below_root(path: &Path) -> Option<(PathBuf, PathBuf)> {
    let (pid, rest) = path.to_str()?.strip_prefix("/proc/")?.split_once("/root")?;
    let root = root(pid.parse().ok()?);
    (rest.is_empty() || rest.starts_with('/')).then(|| (root, Path::new("/").join(rest)))
}

/// The folder under which everything that the process `pid` sees lies.
pub(crate) fn root(pid: u32) -> PathBuf {
    proc(pid, "root")
}

fn of(pid: u32) -> io::Result<Sight> {
    let at = |path: PathBuf| std::fs::metadata(path);
    let mounts = at(proc(pid, "ns/mnt"))?;
    let is_same = is_same_file(&at(PathBuf::from("/proc/self/ns/mnt"))?, &mounts)
        && is_same_file(&at(PathBuf::from("/proc/self/root"))?, &at(root(pid))?);
    Ok(if is_same { Sight::Same } else { Sight::Another { mounts: mounts.ino() } })
}
