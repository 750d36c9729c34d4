//! A real systemd per test.

use std::fs;
use std::io::BufRead;
use std::io::BufReader;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::SocketAddr;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::path::PathBuf;
use std::process::Child;
use std::process::Command;
use std::process::Output;
use std::process::Stdio;
use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering;
use std::time::Duration;

use nix::unistd::Uid;
use tempfile::TempDir;

use crate::available;
use crate::eventually;

/// How long a guest may take to boot or to end; it takes a fraction of a second.
const PATIENCE: Duration = Duration::from_secs(20);
/// Where the guest sees the programs of this workspace.
pub(crate) const BINARIES: &str = "/usr/local/libexec/selfcheck";

/// Tells the guests of one process apart.
static COUNT: AtomicU32 = AtomicU32::new(0);

/// Who runs a command in a guest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum User {
    /// The superuser.
    Root,
    /// An ordinary user without any rights.
    Ordinary,
}

/// A real systemd with a real system bus, alone in its namespaces. Dropping it ends and removes all of it.
#[derive(Debug)]
pub struct SystemdGuest {
    launcher: Child,
    pid: u32,
    cgroup: PathBuf,
    state: TempDir,
}

/// A program of this workspace, built into the same folder as the running test.
pub fn binary(name: &str) -> PathBuf {
    let exe = std::env::current_exe().expect("own path");
    let folder = exe.parent().and_then(Path::parent).expect("target folder");
    let path = folder.join(name);
    assert!(
        path.exists(),
        "{} is not built; run `cargo xtask test`, or `cargo build --workspace` before",
        path.display()
    );
    path
}

/// Copies what is to be executed, by a process of its own. What this one has open for writing, the processes that other tests
/// start have open, too, until they execute their programs; and what somebody may write cannot be executed (ETXTBSY).
fn copy(from: &Path, to: &Path) {
    let copied = Command::new("cp").args([from, to]).output().expect("cp");
    assert!(copied.status.success(), "{}", String::from_utf8_lossy(&copied.stderr));
}

impl SystemdGuest {
    /// Boots a guest, or says why none can be had here and returns `None`.
    pub fn boot() -> Option<Self> {
        Self::boot_having_slept(Duration::ZERO)
    }

    /// The same for a guest that believes to have slept for so long, in whole seconds.
    pub fn boot_having_slept(slept: Duration) -> Option<Self> {
        if !available("a systemd guest", possible()) {
            return None;
        }
        let id = format!("selfcheck-guest-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let address = SocketAddr::from_abstract_name(&id).expect("address");
        let ready = UnixDatagram::bind_addr(&address).expect("notification socket");
        ready.set_read_timeout(Some(PATIENCE)).expect("time limit");
        let cgroup = cgroup_root().expect("cgroup2").join(&id);
        fs::create_dir(&cgroup).expect("cgroup");
        let state = tempfile::Builder::new().prefix(&id).tempdir().expect("folder");
        let console = fs::File::create(state.path().join("console.log")).expect("console");
        let mut launcher = Command::new(binary("guest-init"))
            .arg("launch")
            .args([state.path(), &cgroup, binary("guest-init").parent().expect("folder"), &lower()])
            .arg(slept.as_secs().to_string())
            .env("NOTIFY_SOCKET", format!("@{id}"))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(console)
            .spawn()
            .expect("guest-init");
        let mut line = String::new();
        BufReader::new(launcher.stdout.take().expect("output")).read_line(&mut line).expect("pid");
        let mut guest = Self { launcher, pid: 0, cgroup, state };
        guest.pid =
            line.trim().parse().unwrap_or_else(|_| panic!("the guest did not start: {}", guest.console()));
        let mut message = [0; 4096];
        loop {
            let length = ready
                .recv(&mut message)
                .unwrap_or_else(|error| panic!("no boot: {error}: {}", guest.console()));
            if message[..length].split(|byte| *byte == b'\n').any(|line| line == b"READY=1") {
                return Some(guest);
            }
        }
    }

    /// The address of the guest's system bus, seen from outside. It takes only root.
    pub fn bus_address(&self) -> String {
        format!("unix:path=/proc/{}/root/run/dbus/system_bus_socket", self.pid)
    }

    /// A path of the guest, seen from outside.
    ///
    /// An absolute symbolic link on the way would lead out of the guest and is refused.
    pub fn path(&self, path: &str) -> PathBuf {
        let root = PathBuf::from(format!("/proc/{}/root", self.pid));
        let mut outside = root.clone();
        for part in Path::new(path).strip_prefix("/").expect("an absolute path").components() {
            outside.push(part);
            if let Ok(target) = fs::read_link(&outside) {
                assert!(target.is_relative(), "{path} leads through an absolute link, {}", outside.display());
            }
        }
        outside
    }

    /// Writes a file in the guest, and the folders it needs.
    pub fn write(&self, path: &str, text: &str) {
        let outside = self.path(path);
        fs::create_dir_all(outside.parent().expect("folder")).expect("folder");
        if text.starts_with("#!") {
            let script = self.state.path().join("script");
            fs::write(&script, text).expect("script");
            return copy(&script, &outside);
        }
        fs::write(&outside, text).unwrap_or_else(|error| panic!("{path}: {error}"));
    }

    /// Copies a program of this workspace into the guest.
    pub fn install(&self, program: &str, path: &str) {
        let outside = self.path(path);
        fs::create_dir_all(outside.parent().expect("folder")).expect("folder");
        copy(&binary(program), &outside);
    }

    /// Runs a command in the guest.
    pub fn run(&self, user: User, argv: &[&str]) -> Output {
        let pid = self.pid.to_string();
        let mut command = Command::new("nsenter");
        command.args(["-t", &pid, "-m", "-p", "-u", "-i", "-C", "-T", "-w"]);
        if user == User::Ordinary {
            command.args(["-S", "65534", "-G", "65534"]);
        }
        command.arg("--").args(argv).env_clear().stdin(Stdio::null());
        command.env("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin").env("TZ", "UTC");
        command.output().expect("nsenter")
    }

    /// Runs a command as root that must succeed; the result is what it printed.
    pub fn must(&self, argv: &[&str]) -> String {
        let output = self.run(User::Root, argv);
        assert!(
            output.status.success(),
            "{argv:?}: {}{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// Starts `program` in the background by a shell's words, of which it is the last program that is executed; the result is its
    /// process, which executes it already.
    pub fn start(&self, words: &str, program: &str) -> u32 {
        let told = self.must(&["sh", "-ec", &format!("{words} </dev/null >/dev/null 2>&1 & echo $!")]);
        let process = told.trim().parse().expect("a process");
        let is_executed = format!("test /proc/{process}/exe -ef {program}");
        eventually(program, || self.run(User::Root, &["sh", "-c", &is_executed]).status.success());
        process
    }

    /// Runs the guest's own `systemctl`, which must succeed.
    pub fn systemctl(&self, arguments: &[&str]) -> String {
        self.must(&[&["systemctl", "--no-pager"], arguments].concat())
    }

    fn console(&self) -> String {
        fs::read_to_string(self.state.path().join("console.log")).unwrap_or_default()
    }
}

impl Drop for SystemdGuest {
    fn drop(&mut self) {
        // Kills this guest's processes and no others; its mounts end with its last process.
        let _ = fs::write(self.cgroup.join("cgroup.kill"), "1");
        let _ = self.launcher.wait();
        for _ in 0..PATIENCE.as_millis() {
            let events = fs::read_to_string(self.cgroup.join("cgroup.events")).unwrap_or_default();
            if !events.contains("populated 1") {
                break;
            }
            std::thread::sleep(Duration::from_millis(1)); // the kernel reaps in the background
        }
        remove(&self.cgroup);
    }
}

/// Removes a cgroup and those below it.
fn remove(cgroup: &Path) {
    for entry in fs::read_dir(cgroup).into_iter().flatten().flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            remove(&entry.path());
        }
    }
    let _ = fs::remove_dir(cgroup);
}

/// What a guest needs of this machine.
fn possible() -> Result<(), String> {
    if !Uid::effective().is_root() {
        return Err("it needs root".to_owned());
    }
    let own = Path::new("/").to_owned();
    for (root, path, what) in [
        (&lower(), "lib/systemd/systemd", "the Debian package systemd"),
        (&lower(), "usr/bin/dbus-daemon", "the Debian package dbus"),
        (&own, "usr/bin/nsenter", "the Debian package util-linux"),
        (&own, "proc/self/ns/time", "a kernel with time namespaces"),
    ] {
        let path = root.join(path);
        if !path.exists() {
            return Err(format!("{} is missing, which comes with {what}", path.display()));
        }
    }
    cgroup_root().map(|_| ()).ok_or_else(|| "no cgroup2 is mounted".to_owned())
}

/// The root that guests are made of: this machine's own, or another systemd's.
fn lower() -> PathBuf {
    std::env::var_os("SELFCHECK_GUEST_ROOT").map_or_else(|| "/".into(), PathBuf::from)
}

/// Where cgroup2 is mounted.
fn cgroup_root() -> Option<PathBuf> {
    let mounts = fs::read_to_string("/proc/self/mounts").ok()?;
    let mut fields = mounts.lines().map(|line| line.split(' ').collect::<Vec<_>>());
    fields.find(|fields| fields.get(2) == Some(&"cgroup2")).map(|fields| PathBuf::from(fields[1]))
}
