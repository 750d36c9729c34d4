//! Whether somebody holds a lock, told by `/proc/locks` without touching the lock.

use std::fs::File;
use std::os::fd::AsRawFd;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use nix::sys::stat::major;
use nix::sys::stat::minor;
use selfcheck_core::Fact;
use selfcheck_core::observation::LockState;

use super::outcome::failed;
use super::tree::Tree;

/// `/proc/locks` and the list of mounts have a line of some 100 bytes each for everything on the host.
const LIMIT: u64 = 8 << 20;

/// A device number, as `/proc/locks` and the list of mounts spell it: in hexadecimal and decimal digits.
type Device = (u64, u64);

/// Whether the file at `path` is locked by anybody this process can see.
pub(super) fn state(path: &str) -> Fact<LockState> {
    // Neither the right to read it nor the lock is needed.
    let tree = Tree::default();
    let file = match tree.place(Path::new(path)) {
        Ok(file) => file,
        Err(error) => return failed(&error),
    };
    let metadata = match file.metadata() {
        Ok(metadata) => metadata,
        Err(error) => return failed(&error),
    };
    match tree.read(Path::new("/proc/locks"), LIMIT) {
        Fact::Present(locks) => {
            let devices = holders(&locks, metadata.ino());
            let own = (major(metadata.dev()), minor(metadata.dev()));
            let held = devices.contains(&own)
                || !devices.is_empty()
                    && mounted_device(&tree, &file).is_some_and(|device| devices.contains(&device));
            Fact::Present(if held { LockState::Held } else { LockState::Free })
        }
        Fact::Absent | Fact::NotApplicable => Fact::NotApplicable,
        Fact::Unreadable(why) => Fact::Unreadable(why),
    }
}

/// The devices on which a file with this inode is locked.
///
/// A line is `1: FLOCK  ADVISORY  WRITE 4242 fe:00:1234 0 EOF`; one with `->` waits for the lock.
fn holders(locks: &str, inode: u64) -> Vec<Device> {
    let held = locks.lines().filter(|line| !line.contains("->"));
    let places = held.filter_map(|line| line.split_ascii_whitespace().nth(5));
    places.filter_map(|place| device_of(place, inode)).collect()
}

fn device_of(place: &str, inode: u64) -> Option<Device> {
    let (device, number) = place.rsplit_once(':')?;
    let (major, minor) = device.split_once(':')?;
    (number.parse() == Ok(inode))
        .then_some((u64::from_str_radix(major, 16).ok()?, u64::from_str_radix(minor, 16).ok()?))
}

/// The device of the file system a file is on. On btrfs and overlayfs that is another one than the file's own,
/// and the one that `/proc/locks` shows.
fn mounted_device(tree: &Tree, file: &File) -> Option<Device> {
    let info = tree.read(Path::new(&format!("/proc/self/fdinfo/{}", file.as_raw_fd())), LIMIT);
    let mount = info.present()?.lines().find_map(|line| line.strip_prefix("mnt_id:"))?.trim().to_owned();
    let mounts = tree.read(Path::new("/proc/self/mountinfo"), LIMIT);
    let line = mounts.present()?.lines().find(|line| line.split(' ').next() == Some(mount.as_str()))?;
    let (major, minor) = line.split(' ').nth(2)?.split_once(':')?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_a_holder_and_ignores_those_who_wait() {
        let locks =
            "1: FLOCK  ADVISORY  WRITE 42 fe:00:77 0 EOF\n1: -> FLOCK  ADVISORY  WRITE 43 fe:00:78 0 EOF\n";
        assert_eq!(holders(locks, 77), [(0xfe, 0)]);
        assert_eq!(holders(locks, 78), []);
        assert_eq!(holders(locks, 7), []);
    }

    #[test]
    fn sees_a_lock_that_this_process_takes() {
        let file = tempfile::NamedTempFile::new().expect("file");
        let path = file.path().to_str().expect("path");
        assert_eq!(state(path), Fact::Present(LockState::Free));
        file.as_file().lock().expect("lock");
        assert_eq!(state(path), Fact::Present(LockState::Held));
    }
}
