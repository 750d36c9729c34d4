//! The folders of units, and what lies in them under a name.

use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::Component;
use std::path::Path;
use std::path::PathBuf;

use selfcheck_core::Fact;
use selfcheck_core::Text;
use selfcheck_core::Why;
use selfcheck_core::layout;

use crate::files;
use crate::files::Tree;

/// Where administrators and installers put units, which come before those of packages.
pub(crate) const ADMIN_DIRS: [&str; 2] = [layout::UNITS, "/run/systemd/system"];
/// Where packages put units, in systemd's order.
pub(crate) const VENDOR_DIRS: [&str; 3] =
    ["/usr/local/lib/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system"];
/// All folders of units that are as they are after a boot, in systemd's order; what generators write they write again.
pub(crate) const LASTING_DIRS: [&str; 9] = [
    "/etc/systemd/system.control",
    "/run/systemd/generator.early",
    ADMIN_DIRS[0],
    "/etc/systemd/system.attached",
    "/run/systemd/generator",
    VENDOR_DIRS[0],
    VENDOR_DIRS[1],
    VENDOR_DIRS[2],
    "/run/systemd/generator.late",
];
/// The folders of units that a boot empties.
pub(super) const PASSING_DIRS: [&str; 4] =
    ["/run/systemd/system.control", "/run/systemd/transient", ADMIN_DIRS[1], "/run/systemd/system.attached"];

/// What is at a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Link {
    /// A link to /dev/null, which is how units and links are masked.
    Null,
    /// A link to anything else: its target by words alone.
    To(PathBuf),
    /// Something that is no link.
    None,
}

/// What kind of link is at `path`, if anything is. An image need not have the device /dev/null.
pub(crate) fn link(tree: &Tree, path: &str) -> Result<Option<Link>, Why> {
    let read = || -> io::Result<Link> {
        let path = Path::new(path);
        if !tree.metadata_of_link(path)?.is_symlink() {
            return Ok(Link::None);
        }
        let folder = path.parent().unwrap_or(Path::new("/"));
        let target = plain(&folder.join(tree.target_of_link(path)?));
        Ok(if target.as_os_str().as_bytes() == b"/dev/null" { Link::Null } else { Link::To(target) })
    };
    match read() {
        Ok(link) => Ok(Some(link)),
        Err(error) => files::failed::<()>(&error).why().map_or(Ok(None), Err),
    }
}

/// The file of a unit that a boot will find. Absent: there is one only in folders that a boot empties.
pub(crate) fn lasting_file(tree: &Tree, unit: &str) -> Fact<Text> {
    for folder in LASTING_DIRS {
        let path = format!("{folder}/{unit}");
        match tree.metadata_of_link(Path::new(&path)) {
            Ok(_) => return Fact::Present(Text::new(&path)),
            Err(error) => match files::failed::<()>(&error).why() {
                None => {}
                Some(why) => return Fact::Unreadable(why),
            },
        }
    }
    let passes = |folder: &str| tree.metadata_of_link(Path::new(&format!("{folder}/{unit}"))).is_ok();
    // Where else the file of a loaded unit may be is not known.
    if PASSING_DIRS.iter().any(|folder| passes(folder)) { Fact::Absent } else { Fact::NotApplicable }
}

/// `path` without `.` and `..`, by its words alone.
fn plain(path: &Path) -> PathBuf {
    let mut plain = PathBuf::from("/");
    for part in path.components() {
        match part {
            Component::ParentDir => {
                plain.pop();
            }
            Component::Normal(name) => plain.push(name),
            Component::RootDir | Component::CurDir | Component::Prefix(_) => {}
        }
    }
    plain
}
