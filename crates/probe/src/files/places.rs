//! Folders that something is written to, and programs that an agent would be.

use std::path::Path;

use nix::sys::statvfs::FsFlags;
use nix::sys::statvfs::statvfs;
use selfcheck_core::Fact;
use selfcheck_core::Namespace;
use selfcheck_core::Text;
use selfcheck_core::layout;

use super::tree::Tree;

/// A host with thousands of containers has a mount for each.
const MOUNTS_LIMIT: u64 = 16 << 20;
/// The most mounts over each other in one place.
const MOST_STACKED: usize = 64;

/// Of the folders that the updater of `namespace` and administrators write to, those on a read-only file system of this
/// host. One that is not there would be made in the nearest that is.
pub(crate) fn read_only(namespace: &Namespace) -> Vec<Text> {
    let folders = [layout::UNITS.to_owned(), namespace.base_dir()];
    folders.into_iter().filter(|folder| is_read_only(folder)).map(|folder| Text::new(&folder)).collect()
}

/// Whoever looks may itself be kept from writing, so the first process has to see it the same.
fn is_read_only(folder: &str) -> bool {
    let there = Path::new(folder).ancestors().find_map(|path| Some((path, statvfs(path).ok()?)));
    let Some((nearest, file_system)) = there else { return false };
    if !file_system.flags().contains(FsFlags::ST_RDONLY) {
        return false;
    }
    let nearest = std::fs::canonicalize(nearest);
    let mounts = Tree::default().read_lossy(Path::new("/proc/1/mountinfo"), MOUNTS_LIMIT);
    nearest.ok().zip(mounts.present()).is_some_and(|(nearest, mounts)| is_mounted_read_only(mounts, &nearest))
}

/// A line of a list of mounts as in /proc.
struct Mount<'a> {
    id: &'a str,
    parent: &'a str,
    at: &'a Path,
    is_read_only: bool,
}

/// Whether the mount that `path` lies on is read-only, by a list of mounts as in /proc.
fn is_mounted_read_only(mounts: &str, path: &Path) -> bool {
    let mounts: Vec<_> = mounts.lines().filter_map(mount).collect();
    let is_root = |mount: &&Mount<'_>| mounts.iter().all(|other| other.id != mount.parent);
    let Some(mut current) = mounts.iter().find(is_root) else { return false };
    let mut ancestors: Vec<_> = path.ancestors().collect();
    ancestors.reverse();
    // As the kernel goes: on every mount at a part of the path, and on what is mounted over that.
    for part in ancestors {
        let over = |below: &Mount<'_>| {
            mounts
                .iter()
                .rev()
                .find(|mount| mount.parent == below.id && mount.at == part && mount.id != below.id)
        };
        for _ in 0..MOST_STACKED {
            match over(current) {
                Some(mount) => current = mount,
                None => break,
            }
        }
    }
    current.is_read_only
}

fn mount(line: &str) -> Option<Mount<'_>> {
    let has_ro = |options: &str| options.split(',').any(|option| option == "ro");
    let mut fields = line.split(' ');
    let (id, parent) = (fields.next()?, fields.next()?);
    let (at, options) = (fields.nth(2)?, fields.next()?);
    let of_file_system = line.rsplit(' ').next()?;
    Some(Mount { id, parent, at: Path::new(at), is_read_only: has_ro(options) || has_ro(of_file_system) })
}

/// A program of the agent of `namespace`: as the updater links it, or as a package brought it.
pub(crate) fn agents_program(tree: &Tree, namespace: &Namespace) -> Fact<Text> {
    let mut unreadable = None;
    for path in layout::agent_programs(namespace) {
        match tree.exists(&path) {
            Fact::Present(path) => return Fact::Present(path),
            Fact::Unreadable(why) => unreadable = Some(why),
            Fact::Absent | Fact::NotApplicable => {}
        }
    }
    unreadable.map_or(Fact::Absent, Fact::Unreadable)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mount_that_a_path_lies_on_counts() {
        let mounts = "25 1 0:23 / / ro,relatime - ext4 /dev/a rw\n\
                      26 25 0:24 / /etc rw - overlay overlay rw\n\
                      27 25 0:25 / /opt rw - ext4 /dev/b ro,data=x\n\
                      28 25 0:26 / /srv rw - ext4 /dev/c rw\n\
                      30 28 0:27 / /srv/below rw - tmpfs tmpfs rw\n\
                      29 28 0:26 / /srv ro - ext4 /dev/c rw\n";
        for (path, expected) in [
            ("/usr", true),
            ("/etc/systemd", false),
            ("/etcetera", true),
            ("/opt/teleport", true),
            ("/srv", true),
            ("/srv/below", true),
        ] {
            assert_eq!(is_mounted_read_only(mounts, Path::new(path)), expected, "{path}");
        }
        assert!(!is_mounted_read_only("", Path::new("/")));
    }
}
