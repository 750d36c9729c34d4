//! Whether a program was installed, and not merely put somewhere by a user.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use nix::sys::statvfs::FsFlags;
use nix::sys::statvfs::fstatvfs;
use nix::sys::statvfs::statvfs;

use crate::files::Tree;

use super::proc;
use super::sight::Sight;

/// Whether the program at `path` that the process `pid` executes, and each folder above it, is root's or read-only, as far as
/// that may be seen. Anybody may call a program of his own `teleport`.
pub(super) fn may_be_installed(pid: u32, path: &Path, sight: Sight) -> bool {
    let file = proc(pid, "exe");
    let is_read_only = || statvfs(&file).is_ok_and(|found| found.flags().contains(FsFlags::ST_RDONLY));
    if std::fs::metadata(&file).is_ok_and(|metadata| !is_roots(&metadata) && !is_read_only()) {
        return false;
    }
    let Ok(tree) = sight.tree(pid) else { return true };
    let mut folders = path.ancestors().skip(1);
    // One that is not there any more held a program that was deleted.
    folders.all(|folder| {
        tree.metadata(folder).map_or(true, |metadata| is_roots(&metadata)) || is_read_only_at(&tree, folder)
    })
}

fn is_read_only_at(tree: &Tree, folder: &Path) -> bool {
    let found = tree.place(folder).ok().and_then(|folder| fstatvfs(folder).ok());
    found.is_some_and(|found| found.flags().contains(FsFlags::ST_RDONLY))
}

fn is_roots(metadata: &Metadata) -> bool {
    metadata.uid() == 0
}
