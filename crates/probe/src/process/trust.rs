//! Whom to believe: anybody may call a program of his own `teleport`, and name files of his own in its environment.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use nix::sys::statvfs::FsFlags;
use nix::sys::statvfs::fstatvfs;
use nix::sys::statvfs::statvfs;
use selfcheck_core::observation::Process;

use crate::files::Tree;

use super::LIMIT;
use super::proc;
use super::sight::Sight;

/// Groups below this are the system's own, and people are in none of them but by an administrator's choice.
const FIRST_GROUP_OF_PEOPLE: u32 = 1000;
/// Who else may write, as modes tell.
const OTHERS_WRITE: u32 = 0o002;
const GROUP_WRITES: u32 = 0o020;
/// In such a folder nobody replaces what is another's.
const STICKY: u32 = 0o1000;
/// The number of the first process namespace, which the kernel gives to no other.
const FIRST_NAMESPACE: u64 = 0xEFFF_FFFC;
/// What containers are known by from within, where namespaces may not be seen.
const MARKS: [&str; 2] = ["/.dockerenv", "/run/.containerenv"];

/// Whose process may be an agent that nothing but its name, or a pid file, leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Users {
    /// Anybody's: in a container there is nobody but the agent's own user.
    Any,
    /// On a host root's, and that of whoever wrote its pid file.
    Root,
}

impl Users {
    /// Those where this process runs.
    pub(crate) fn here() -> Self {
        let own = std::fs::metadata("/proc/self/ns/pid").map(|metadata| metadata.ino());
        let is_first = own.is_ok_and(|own| own == FIRST_NAMESPACE);
        let is_beside_first = match Sight::of(1) {
            Sight::Same => true,
            Sight::Another { .. } => false,
            Sight::Hidden(_) => MARKS.iter().all(|mark| !Tree::default().exists(mark).is_present()),
        };
        if is_first && is_beside_first { Self::Root } else { Self::Any }
    }

    /// Whether `pid` may be an agent, by whose process it is; `other` is one more who is believed.
    pub(super) fn include(self, pid: u32, other: Option<u32>) -> bool {
        self == Self::Any || user(pid).is_some_and(|user| user == 0 || Some(user) == other)
    }
}

/// Whose process it is; `None` where that is not shown, or it acts as somebody else.
pub(super) fn user(pid: u32) -> Option<u32> {
    let status = Tree::default().read_lossy(&proc(pid, "status"), LIMIT);
    let users = status.present()?.lines().find_map(|line| line.strip_prefix("Uid:"))?;
    let mut users = users.split_ascii_whitespace().map(|user| user.parse().ok());
    let (real, effective) = (users.next()??, users.next()??);
    (real == effective).then_some(real)
}

/// Whether the program at `path` that the process `pid` executes, and each folder above it, is root's or read-only, as far as
/// that may be seen.
pub(super) fn is_installed(pid: u32, path: &Path, sight: Sight) -> bool {
    let file = proc(pid, "exe");
    let is_read_only = || statvfs(&file).is_ok_and(|found| found.flags().contains(FsFlags::ST_RDONLY));
    if std::fs::metadata(&file).is_ok_and(|metadata| !is_roots(&metadata) && !is_read_only()) {
        return false;
    }
    let Ok(tree) = sight.tree(pid) else { return true };
    // One that is not there any more held a program that was deleted.
    are_roots(&tree, path.ancestors().skip(1))
}

/// The same for the program of a process that was looked at. Where the program may not be seen, nothing speaks against it.
pub(super) fn executes_what_is_installed(process: &Process) -> bool {
    let Some(executable) = process.executable.present() else { return true };
    is_installed(process.pid, Path::new(executable.path.as_str()), Sight::of(process.pid))
}

/// Whether what lies at `path`, and each folder above it, is root's or read-only; of what is not there, the folders.
pub(crate) fn is_roots_place(tree: &Tree, path: &Path) -> bool {
    are_roots(tree, path.ancestors())
}

fn are_roots<'a>(tree: &Tree, mut places: impl Iterator<Item = &'a Path>) -> bool {
    places.all(|place| {
        tree.metadata(place).map_or(true, |metadata| is_roots(&metadata)) || is_read_only_at(tree, place)
    })
}

fn is_read_only_at(tree: &Tree, place: &Path) -> bool {
    let found = tree.place(place).ok().and_then(|place| fstatvfs(place).ok());
    found.is_some_and(|found| found.flags().contains(FsFlags::ST_RDONLY))
}

/// Whether nobody but root, and whom root chose, may change it.
fn is_roots(metadata: &Metadata) -> bool {
    let mode = metadata.mode();
    let is_sticky = metadata.is_dir() && mode & STICKY != 0;
    let by_people =
        mode & OTHERS_WRITE != 0 || mode & GROUP_WRITES != 0 && metadata.gid() >= FIRST_GROUP_OF_PEOPLE;
    metadata.uid() == 0 && (!by_people || is_sticky)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;
    use std::os::unix::fs::chown;

    use super::*;

    #[test]
    fn a_process_is_its_users() {
        assert_eq!(user(std::process::id()), Some(nix::unistd::getuid().as_raw()));
        assert_eq!(user(u32::MAX), None);
        let own = std::process::id();
        assert!(Users::Any.include(own, None));
        assert!(Users::Root.include(own, Some(nix::unistd::getuid().as_raw())));
        assert_eq!(Users::Root.include(own, None), nix::unistd::getuid().is_root());
    }

    #[test]
    fn a_place_is_roots_if_nobody_else_can_change_what_lies_there() {
        if !nix::unistd::getuid().is_root() {
            return; // only root can give files away
        }
        let folder = tempfile::tempdir().expect("folder");
        let tree = Tree::within(folder.path()).expect("tree");
        let (place, file) = (folder.path().join("place"), folder.path().join("place/file"));
        fs::create_dir(&place).expect("folder");
        fs::write(&file, "").expect("file");
        let set = |path: &Path, user, group, mode| {
            chown(path, Some(user), Some(group)).expect("owner");
            fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("mode");
            is_roots_place(&tree, Path::new("/place/file"))
        };
        assert!(set(&place, 0, 0, 0o755) && set(&file, 0, 0, 0o644));
        assert!(set(&place, 0, 50, 0o2775), "a system group");
        assert!(!set(&place, 0, 1000, 0o775), "a group of people");
        assert!(!set(&place, 0, 0, 0o777), "everybody");
        assert!(set(&place, 0, 0, 0o1777), "everybody, who cannot replace what is root's");
        assert!(!set(&place, 1000, 0, 0o755), "a user's folder");
        assert!(set(&place, 0, 0, 0o755));
        assert!(!set(&file, 1000, 0, 0o644), "a user's file");
        assert!(!set(&file, 0, 0, 0o666), "a file of everybody");
        fs::remove_file(&file).expect("removed");
        assert!(is_roots_place(&tree, Path::new("/place/file")), "of what is not there, the folders");
    }
}
