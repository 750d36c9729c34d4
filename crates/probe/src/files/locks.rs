//! Whether somebody holds a lock, told by `/proc/locks` without touching the lock.

use std::os::unix::fs::MetadataExt;
use std::path::Path;

use nix::sys::stat::major;
use nix::sys::stat::minor;
use selfcheck_core::Fact;
use selfcheck_core::observation::LockState;

use super::read::failed;
use super::read::read;

/// `/proc/locks` has a line of some 60 bytes for every lock on the host.
const LIMIT: u64 = 4 << 20;

/// Whether the file at `path` is locked by anybody.
pub(super) fn state(path: &str) -> Fact<LockState> {
    let metadata = match std::fs::metadata(path) {
        Ok(metadata) => metadata,
        Err(error) => return failed(&error),
    };
    let device = metadata.dev();
    let wanted = format!("{:02x}:{:02x}:{}", major(device), minor(device), metadata.ino());
    match read(Path::new("/proc/locks"), LIMIT) {
        Fact::Present(locks) => Fact::Present(find(&locks, &wanted)),
        Fact::Absent | Fact::NotApplicable => Fact::NotApplicable,
        Fact::Unreadable(why) => Fact::Unreadable(why),
    }
}

/// A line is `1: FLOCK  ADVISORY  WRITE 4242 fe:00:1234 0 EOF`; one with `->` waits for the lock.
fn find(locks: &str, wanted: &str) -> LockState {
    let held = locks.lines().filter(|line| !line.contains("->"));
    let mut places = held.filter_map(|line| line.split_ascii_whitespace().nth(5));
    if places.any(|place| place == wanted) { LockState::Held } else { LockState::Free }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_a_holder_and_ignores_those_who_wait() {
        let locks =
            "1: FLOCK  ADVISORY  WRITE 42 fe:00:77 0 EOF\n1: -> FLOCK  ADVISORY  WRITE 43 fe:00:78 0 EOF\n";
        assert_eq!(find(locks, "fe:00:77"), LockState::Held);
        assert_eq!(find(locks, "fe:00:78"), LockState::Free);
        assert_eq!(find(locks, "fe:00:7"), LockState::Free);
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
