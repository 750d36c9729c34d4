//! The debug socket, made so that it is never stolen and never lets strangers in.

use std::fs;
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::DirBuilderExt;
use std::os::unix::fs::FileTypeExt;
use std::os::unix::fs::MetadataExt;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener as StdListener;
use std::path::Path;
use std::path::PathBuf;
use std::task::Context;
use std::task::Poll;

use nix::errno::Errno;
use nix::fcntl::AT_FDCWD;
use nix::fcntl::RenameFlags;
use nix::fcntl::renameat2;
use nix::sys::socket::AddressFamily;
use nix::sys::socket::SockFlag;
use nix::sys::socket::SockType;
use nix::sys::socket::UnixAddr;
use nix::sys::socket::connect;
use nix::sys::socket::socket;
use tokio::net::UnixListener;
use tokio::net::UnixStream;

/// A socket that this process listens on. Dropping it removes it.
#[derive(Debug)]
pub struct DebugSocket {
    listener: UnixListener,
    path: PathBuf,
    inode: u64,
}

/// Why a debug socket could not be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BindError {
    /// Somebody listens there.
    #[error("`{}` is in use by another process", .0.display())]
    InUse(PathBuf),
    /// Nobody could connect to a socket of so long a path.
    #[error("`{}` is too long for the path of a socket, which has {LONGEST} bytes at most", .0.display())]
    TooLong(PathBuf),
    /// Something else than a socket is there, such as a symbolic link.
    #[error("`{}` is there and is no socket", .0.display())]
    NotASocket(PathBuf),
    /// A socket of another user is there.
    #[error("`{}` is a socket of another user (uid {owner})", .path.display())]
    OtherOwner {
        /// The socket.
        path: PathBuf,
        /// Whose it is.
        owner: u32,
    },
    /// The folder could not be made.
    #[error("the folder of `{}` could not be made", .path.display())]
    MakeFolder {
        /// The socket.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It could not be made.
    #[error("`{}` could not be made", .path.display())]
    Bind {
        /// The socket.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// The longest path that the kernel connects to, in bytes.
const LONGEST: usize = 107;

impl DebugSocket {
    /// Listens at `path`, for this user only (mode 0600). A socket of this user that nobody listens on any more is
    /// replaced; a live one is never taken over. The last folder of `path` is made if it is missing.
    ///
    /// Must be called within a tokio runtime.
    ///
    /// # Errors
    ///
    /// Where somebody listens already, something else is at `path`, or the system does not allow it.
    pub fn bind(path: &Path) -> Result<Self, BindError> {
        let failed = |source| BindError::Bind { path: path.to_owned(), source };
        if path.as_os_str().len() > LONGEST {
            return Err(BindError::TooLong(path.to_owned()));
        }
        let folder = match path.parent() {
            Some(folder) if folder.as_os_str().is_empty() => Path::new("."),
            Some(folder) => folder,
            None => return Err(BindError::NotASocket(path.to_owned())),
        };
        match fs::DirBuilder::new().mode(0o755).create(folder) {
            Err(source) if source.kind() != io::ErrorKind::AlreadyExists => {
                return Err(BindError::MakeFolder { path: path.to_owned(), source });
            }
            _ => {}
        }
        let private = Private::new(folder).map_err(failed)?;
        let made = StdListener::bind(&private.socket).and_then(|listener| {
            fs::set_permissions(&private.socket, fs::Permissions::from_mode(0o600))?;
            listener.set_nonblocking(true)?;
            let inode = fs::symlink_metadata(&private.socket)?.ino();
            Ok((UnixListener::from_std(listener)?, inode))
        });
        let (listener, inode) = made.map_err(failed)?;
        publish(&private.socket, path)?;
        Ok(Self { listener, path: path.to_owned(), inode })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn poll_accept(&self, context: &mut Context<'_>) -> Poll<io::Result<UnixStream>> {
        self.listener.poll_accept(context).map_ok(|(stream, _)| stream)
    }
}

impl Drop for DebugSocket {
    fn drop(&mut self) {
        // Somebody may have put another one in its place.
        if fs::symlink_metadata(&self.path).is_ok_and(|metadata| metadata.ino() == self.inode) {
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// A folder where nobody else can connect to a socket that is being made. It goes with whatever is left in it.
struct Private {
    folder: PathBuf,
    socket: PathBuf,
}

impl Private {
    fn new(beside: &Path) -> io::Result<Self> {
        // Short, as the path of a socket has 107 bytes at most.
        let folder = beside.join(format!(".{:x}", std::process::id()));
        let private = Self { socket: folder.join("s"), folder };
        private.remove(); // left by one that was killed
        fs::DirBuilder::new().mode(0o700).create(&private.folder)?;
        Ok(private)
    }

    fn remove(&self) {
        let _ = fs::remove_file(&self.socket);
        let _ = fs::remove_dir(&self.folder);
    }
}

impl Drop for Private {
    fn drop(&mut self) {
        self.remove();
    }
}

/// Gives the socket at `made` the name `path`, taking the place of a dead one of this user.
fn publish(made: &Path, path: &Path) -> Result<(), BindError> {
    let failed = |errno: Errno| BindError::Bind { path: path.to_owned(), source: errno.into() };
    match rename(made, path, RenameFlags::RENAME_NOREPLACE) {
        Err(Errno::EEXIST) => {}
        done => return done.map_err(failed),
    }
    refuse_unless_dead(path, path)?;
    rename(made, path, RenameFlags::RENAME_EXCHANGE).map_err(failed)?;
    // Somebody may have done the same in between. What was taken out is then put back.
    let taken_out = refuse_unless_dead(made, path);
    if taken_out.is_err() {
        rename(made, path, RenameFlags::RENAME_EXCHANGE).map_err(failed)?;
    }
    taken_out
}

fn rename(from: &Path, to: &Path, how: RenameFlags) -> nix::Result<()> {
    renameat2(AT_FDCWD, from, AT_FDCWD, to, how)
}

/// Refuses what lies at `at` and is meant for `path`, unless it is a socket of this user that nobody listens on.
fn refuse_unless_dead(at: &Path, path: &Path) -> Result<(), BindError> {
    let path = path.to_owned();
    let metadata = match fs::symlink_metadata(at) {
        Ok(metadata) => metadata,
        Err(source) => return Err(BindError::Bind { path, source }),
    };
    if !metadata.file_type().is_socket() {
        return Err(BindError::NotASocket(path));
    }
    if metadata.uid() != nix::unistd::geteuid().as_raw() {
        return Err(BindError::OtherOwner { path, owner: metadata.uid() });
    }
    match try_to_connect(at) {
        Err(Errno::ECONNREFUSED) => Ok(()),
        // Also where its queue is full: somebody lives there.
        Ok(()) | Err(_) => Err(BindError::InUse(path)),
    }
}

/// Connects, without waiting for a place in the queue of one who does not accept.
fn try_to_connect(at: &Path) -> nix::Result<()> {
    let flags = SockFlag::SOCK_NONBLOCK | SockFlag::SOCK_CLOEXEC;
    let socket = socket(AddressFamily::Unix, SockType::Stream, flags, None)?;
    connect(socket.as_raw_fd(), &UnixAddr::new(at)?)
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixStream as StdStream;

    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::symlink_metadata(path).expect("there").permissions().mode() & 0o7777
    }

    #[tokio::test]
    async fn is_for_its_user_only_and_goes_with_its_process() {
        let folder = tempfile::tempdir().expect("folder");
        let path = folder.path().join("new/debug.sock");
        let socket = DebugSocket::bind(&path).expect("bound");
        assert_eq!((mode(&path), mode(path.parent().expect("folder"))), (0o600, 0o755));
        assert!(matches!(DebugSocket::bind(&path), Err(BindError::InUse(_))), "a live one is not stolen");
        drop(socket);
        assert!(!path.exists());
        assert_eq!(fs::read_dir(path.parent().expect("folder")).expect("read").count(), 0, "nothing is left");
    }

    #[tokio::test]
    async fn a_dead_one_is_replaced() {
        let folder = tempfile::tempdir().expect("folder");
        let path = folder.path().join("debug.sock");
        drop(StdListener::bind(&path).expect("bound")); // leaves its file
        assert!(path.exists());
        let socket = DebugSocket::bind(&path).expect("replaced");
        StdStream::connect(&path).expect("alive");
        drop(socket);
    }

    #[tokio::test]
    async fn one_whose_queue_is_full_is_alive_and_not_waited_for() {
        let folder = tempfile::tempdir().expect("folder");
        let path = folder.path().join("debug.sock");
        let _listener = StdListener::bind(&path).expect("bound");
        while try_to_connect(&path) != Err(Errno::EAGAIN) {} // nobody accepts
        assert!(matches!(DebugSocket::bind(&path), Err(BindError::InUse(_))));
    }

    #[tokio::test]
    async fn a_long_path_is_no_obstacle() {
        let folder = tempfile::tempdir().expect("folder");
        let missing = 107 - folder.path().as_os_str().len() - "//debug.sock".len();
        let path = folder.path().join("x".repeat(missing)).join("debug.sock");
        let socket = DebugSocket::bind(&path).expect("as long as may be");
        StdStream::connect(&path).expect("alive");
        drop(socket);
        let too_long = path.with_file_name("debug-2.sock");
        assert!(matches!(DebugSocket::bind(&too_long), Err(BindError::TooLong(_))));
    }

    #[tokio::test]
    async fn what_is_no_socket_stays() {
        let folder = tempfile::tempdir().expect("folder");
        let path = folder.path().join("debug.sock");
        let target = folder.path().join("precious");
        fs::write(&target, "x").expect("written");
        std::os::unix::fs::symlink(&target, &path).expect("linked");
        assert!(matches!(DebugSocket::bind(&path), Err(BindError::NotASocket(_))));
        fs::remove_file(&path).expect("removed");
        fs::write(&path, "y").expect("written");
        assert!(matches!(DebugSocket::bind(&path), Err(BindError::NotASocket(_))));
        assert_eq!(
            fs::read_to_string(&target).expect("read") + &fs::read_to_string(&path).expect("read"),
            "xy"
        );
    }

    #[tokio::test]
    async fn another_ones_socket_is_left_alone_when_it_ends() {
        let folder = tempfile::tempdir().expect("folder");
        let path = folder.path().join("debug.sock");
        let socket = DebugSocket::bind(&path).expect("bound");
        fs::remove_file(&path).expect("removed");
        let _other = StdListener::bind(&path).expect("bound");
        drop(socket);
        StdStream::connect(&path).expect("alive");
    }

    #[tokio::test]
    async fn one_that_came_to_life_in_between_is_put_back() {
        let folder = tempfile::tempdir().expect("folder");
        let (path, made) = (folder.path().join("debug.sock"), folder.path().join("made"));
        let _own = StdListener::bind(&made).expect("bound");
        let alive = StdListener::bind(&path).expect("bound");
        let inode = |path: &Path| fs::symlink_metadata(path).expect("there").ino();
        let (before, own) = (inode(&path), inode(&made));
        // As if it had been dead when it was asked: the exchange shows that it is not.
        rename(&made, &path, RenameFlags::RENAME_EXCHANGE).expect("exchanged");
        assert_eq!(inode(&path), own);
        assert!(matches!(refuse_unless_dead(&made, &path), Err(BindError::InUse(_))));
        rename(&made, &path, RenameFlags::RENAME_EXCHANGE).expect("put back");
        assert!(matches!(publish(&made, &path), Err(BindError::InUse(_))));
        assert_eq!(inode(&path), before);
        drop(alive);
        publish(&made, &path).expect("dead now");
        assert_eq!(inode(&path), own);
    }
}
