//! Opening a path within a folder where the kernel does not do it: before Linux 5.6, and where a service may not call `openat2`, as
//! `RestrictSUIDSGID=` has it.
//!
//! One name at a time is opened, without following it, from a folder that was opened before; where it is a link, what that says is
//! gone through in the same way. `..` goes back to a folder that was opened on the way, and never to where the file system says. So nothing
//! outside is ever opened, whatever is renamed or linked meanwhile.

use std::ffi::OsStr;
use std::ffi::OsString;
use std::os::fd::AsFd;
use std::os::fd::AsRawFd;
use std::os::fd::BorrowedFd;
use std::os::fd::OwnedFd;
use std::path::Component;
use std::path::Path;

use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::fcntl::open;
use nix::fcntl::openat;
use nix::fcntl::readlinkat;
use nix::sys::stat::Mode;
use nix::sys::stat::SFlag;
use nix::sys::stat::fstat;

/// As many links as the kernel follows.
const LINKS: usize = 40;
/// The most names gone through, those in links among them, and the most folders in each other.
const NAMES: usize = 4_096;
const DEEPEST: usize = 128;

/// Opens `path` within `root` with `flags`.
pub(super) fn open_within(root: BorrowedFd<'_>, path: &Path, flags: OFlag) -> Result<OwnedFd, Errno> {
    let place = find(root, path, flags.contains(OFlag::O_NOFOLLOW))?;
    if flags.contains(OFlag::O_PATH) {
        let is_folder = kind(&place)? == SFlag::S_IFDIR;
        return if flags.contains(OFlag::O_DIRECTORY) && !is_folder {
            Err(Errno::ENOTDIR)
        } else {
            Ok(place)
        };
    }
    // The kernel opens the very file that was found.
    let name = format!("/proc/self/fd/{}", place.as_raw_fd());
    open(name.as_str(), flags - OFlag::O_NOFOLLOW, Mode::empty())
}

fn find(root: BorrowedFd<'_>, path: &Path, keeps_link: bool) -> Result<OwnedFd, Errno> {
    let root = root.try_clone_to_owned().map_err(|_| Errno::EMFILE)?;
    let mut folders = vec![root];
    let mut ahead: Vec<OsString> = names(path);
    if ahead.is_empty() {
        return Err(Errno::ENOENT);
    }
    let (mut links, mut steps) = (0, 0);
    while let Some(name) = ahead.pop() {
        steps += 1;
        if steps > NAMES {
            return Err(Errno::ENAMETOOLONG);
        }
        if name == OsStr::new("/") {
            folders.truncate(1);
            continue;
        }
        let Some(folder) = folders.last() else { return Err(Errno::ENOENT) };
        if kind(folder)? != SFlag::S_IFDIR {
            return Err(Errno::ENOTDIR);
        }
        if name == OsStr::new("..") {
            folders.truncate(folders.len().saturating_sub(1).max(1));
            continue;
        }
        if folders.len() > DEEPEST {
            return Err(Errno::ENAMETOOLONG);
        }
        let flags = OFlag::O_PATH | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
        let found = openat(folder.as_fd(), name.as_os_str(), flags, Mode::empty())?;
        if kind(&found)? == SFlag::S_IFLNK && !(keeps_link && ahead.is_empty()) {
            links += 1;
            if links > LINKS {
                return Err(Errno::ELOOP);
            }
            ahead.extend(names(Path::new(&readlinkat(&found, "")?)));
            continue;
        }
        folders.push(found);
    }
    folders.pop().ok_or(Errno::ENOENT)
}

/// The names of a path, the last one first.
fn names(path: &Path) -> Vec<OsString> {
    let all = path.components().filter_map(|component| match component {
        Component::RootDir | Component::ParentDir | Component::Normal(_) => {
            Some(component.as_os_str().to_owned())
        }
        Component::CurDir | Component::Prefix(_) => None,
    });
    let mut names: Vec<_> = all.collect();
    names.reverse();
    names
}

fn kind(file: &OwnedFd) -> Result<SFlag, Errno> {
    Ok(SFlag::from_bits_truncate(fstat(file)?.st_mode) & SFlag::S_IFMT)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::Read;
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn no_path_or_link_leads_out_of_the_folder() {
        let outside = tempfile::tempdir().expect("folder");
        fs::write(outside.path().join("secret"), "outside").expect("written");
        let root = outside.path().join("root");
        fs::create_dir_all(root.join("etc")).expect("made");
        fs::write(root.join("etc/file"), "inside").expect("written");
        symlink("/etc/file", root.join("absolute")).expect("linked");
        symlink("../../../../../etc/file", root.join("etc/upwards")).expect("linked");
        symlink("../../secret", root.join("etc/out")).expect("linked");
        symlink(outside.path().join("secret"), root.join("named")).expect("linked");
        symlink("/proc/self/root", root.join("magic")).expect("linked");
        symlink("loop", root.join("loop")).expect("linked");
        symlink("etc", root.join("folder")).expect("linked");
        let opened = fs::File::open(&root).expect("opened");
        let open = |path: &str| open_within(opened.as_fd(), Path::new(path), OFlag::O_CLOEXEC);
        let read = |path: &str| {
            let mut text = String::new();
            fs::File::from(open(path)?).read_to_string(&mut text).expect("read");
            Ok::<_, Errno>(text)
        };
        for inside in [
            "/etc/file",
            "/absolute",
            "/etc/upwards",
            "/../../etc/file",
            "folder/./file",
            "/folder/../etc/file",
        ] {
            assert_eq!(read(inside).as_deref(), Ok("inside"), "{inside}");
        }
        for gone in ["/etc/out", "/named", "/../secret", "/magic/etc/passwd", "/none/../etc/file"] {
            assert_eq!(read(gone), Err(Errno::ENOENT), "{gone}");
        }
        assert_eq!(read("/loop"), Err(Errno::ELOOP));
        for below in ["/etc/file/below", "/etc/file/..", "/etc/file/../file"] {
            assert_eq!(read(below), Err(Errno::ENOTDIR), "{below}");
        }
        assert_eq!(read(""), Err(Errno::ENOENT));
        assert_eq!(read(&"etc/../".repeat(3_000)), Err(Errno::ENAMETOOLONG));
        let link = OFlag::O_PATH | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
        let kept = open_within(opened.as_fd(), Path::new("/absolute"), link).expect("opened");
        assert_eq!(kind(&kept), Ok(SFlag::S_IFLNK));
        let folder = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
        assert!(open_within(opened.as_fd(), Path::new("/folder"), folder).is_ok());
        assert_eq!(open_within(opened.as_fd(), Path::new("/etc/file"), folder).err(), Some(Errno::ENOTDIR));
    }
}
