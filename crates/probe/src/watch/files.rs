//! Being told of changes of files, by inotify.

use std::collections::HashMap;
use std::os::fd::AsRawFd;
use std::path::Path;
use std::sync::Arc;

use nix::errno::Errno;
use nix::sys::inotify::AddWatchFlags;
use nix::sys::inotify::InitFlags;
use nix::sys::inotify::Inotify;
use nix::sys::inotify::InotifyEvent;
use nix::sys::inotify::WatchDescriptor;
use tokio::io::unix::AsyncFd;
use tokio::time::Instant;

use crate::files::Tree;
use crate::pool::Pool;
use crate::process;

use super::descriptor::Owner;
use super::descriptor::register;
use super::places::Names;
use super::places::Places;

/// What was told before a look is forgotten in so many reads of some hundred events each.
const READS: u32 = 1_000;

/// The folders listened in, and the descriptor over which the kernel tells.
#[derive(Debug, Default)]
pub(super) struct FileWatch {
    kernel: Option<Arc<AsyncFd<Owner<Inotify>>>>,
    folders: HashMap<WatchDescriptor, Names>,
    is_complete: bool,
    pool: Pool,
}

impl FileWatch {
    /// Listens at `places` from now on, instead of where it did. What was told before is forgotten.
    pub(super) async fn arm(&mut self, places: &Places, deadline: Instant) {
        self.is_complete = false;
        if self.kernel.is_none() {
            let flags = InitFlags::IN_CLOEXEC | InitFlags::IN_NONBLOCK;
            let opened = Inotify::init(flags).map_err(Into::into).and_then(register);
            self.kernel = opened
                .inspect_err(|error| tracing::debug!(%error, "changes of files are not told"))
                .ok()
                .map(Arc::new);
        }
        let Some(kernel) = &self.kernel else { return };
        let (kernel, places) = (Arc::clone(kernel), places.clone());
        let old: Vec<_> = self.folders.keys().copied().collect();
        // A path may lead to a dead network mount.
        let armed = self.pool.start(move || listen(&kernel.get_ref().0, &places.following_links(), &old));
        match armed.wait(deadline).await {
            Ok((folders, is_complete)) => (self.folders, self.is_complete) = (folders, is_complete),
            Err(why) => tracing::debug!(why = why.code(), "changes of files are not told"),
        }
    }

    /// Waits for a change.
    pub(super) async fn changed(&mut self) {
        let Some(kernel) = &self.kernel else { return std::future::pending().await };
        loop {
            let Ok(mut ready) = kernel.readable().await else { return std::future::pending().await };
            match kernel.get_ref().0.read_events() {
                Ok(events) if events.iter().any(|event| matters(&self.folders, event)) => return,
                Ok(_) | Err(Errno::EINTR) => {}
                Err(_) => ready.clear_ready(), // all is read
            }
        }
    }

    pub(super) const fn is_complete(&self) -> bool {
        self.is_complete
    }
}

fn matters(folders: &HashMap<WatchDescriptor, Names>, event: &InotifyEvent) -> bool {
    if event.mask.contains(AddWatchFlags::IN_Q_OVERFLOW) {
        return true; // what was not told may have mattered
    }
    match (folders.get(&event.wd), &event.name) {
        (Some(names), Some(name)) => names.contain(name),
        // The folder itself is no longer what it was, except that its own rights may be changed for reasons of its own.
        (Some(_), None) => !event.mask.contains(AddWatchFlags::IN_ATTRIB),
        (None, _) => false,
    }
}

/// Listens at `places`, and no longer where only `old` did. The result tells also whether that could be done
/// everywhere.
fn listen(
    kernel: &Inotify,
    places: &Places,
    old: &[WatchDescriptor],
) -> (HashMap<WatchDescriptor, Names>, bool) {
    // What comes after so many may lead to one look too many, and to nothing worse.
    for _ in 0..READS {
        if kernel.read_events().is_err() {
            break;
        }
    }
    let mut folders: HashMap<WatchDescriptor, Names> = HashMap::new();
    let mut is_complete = true;
    for (folder, names) in places.iter() {
        match add(kernel, folder) {
            // A folder may be reached by two paths.
            Ok(descriptor) => merge(folders.entry(descriptor).or_insert_with(none), names),
            // The folder above tells when it appears.
            Err(Errno::ENOENT | Errno::ENOTDIR) => {}
            Err(error) => {
                is_complete = false;
                tracing::debug!(folder = %folder.display(), %error, "changes are not told");
            }
        }
    }
    for descriptor in old.iter().filter(|descriptor| !folders.contains_key(descriptor)) {
        let _ = kernel.rm_watch(*descriptor); // one that was deleted has gone by itself
    }
    (folders, is_complete)
}

/// Listens in a folder. One below the root of a process is the one that this process sees, whatever links there are.
fn add(kernel: &Inotify, folder: &Path) -> Result<WatchDescriptor, Errno> {
    let Some((root, path)) = process::below_root(folder) else { return kernel.add_watch(folder, told()) };
    let opened = Tree::within(&root).and_then(|tree| tree.place(&path));
    let opened = opened.map_err(|error| Errno::from_raw(error.raw_os_error().unwrap_or_default()))?;
    kernel.add_watch(format!("/proc/self/fd/{}", opened.as_raw_fd()).as_str(), told())
}

/// Contents that were written, names that came or went, rights that changed.
fn told() -> AddWatchFlags {
    AddWatchFlags::IN_CLOSE_WRITE
        | AddWatchFlags::IN_CREATE
        | AddWatchFlags::IN_DELETE
        | AddWatchFlags::IN_MOVE
        | AddWatchFlags::IN_ATTRIB
        | AddWatchFlags::IN_DELETE_SELF
        | AddWatchFlags::IN_MOVE_SELF
        | AddWatchFlags::IN_ONLYDIR
}

fn none() -> Names {
    Names::These(std::collections::BTreeSet::new())
}

fn merge(into: &mut Names, names: &Names) {
    match (into, names) {
        (Names::These(into), Names::These(names)) => into.extend(names.iter().cloned()),
        (into, Names::All) => *into = Names::All,
        (Names::All, _) => {}
    }
}
