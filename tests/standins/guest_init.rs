//! Starts a real systemd as PID 1 of private namespaces, over an overlay of a root, usually this host's own.
//!
//! `guest-init launch STATE CGROUP BINARIES ROOT SLEPT` enters the namespaces and starts `guest-init init …` in them as
//! PID 1, which mounts what a guest needs and becomes systemd. Every mount lives in the private mount namespace, so
//! nothing is left when the last process of the guest has ended. SLEPT is for how many seconds the guest believes to have
//! slept.
#![expect(clippy::print_stdout, reason = "the pid of the guest is told to the test on standard output")]

use std::error::Error;
use std::fs;
use std::os::unix::fs::DirBuilderExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use nix::mount::MntFlags;
use nix::mount::MsFlags;
use nix::mount::mount;
use nix::mount::umount2;
use nix::sched::CloneFlags;
use nix::sched::unshare;
use nix::sys::prctl::set_pdeathsig;
use nix::sys::signal::Signal;
use nix::sys::stat::Mode;
use nix::sys::stat::SFlag;
use nix::sys::stat::makedev;
use nix::sys::stat::mknod;
use nix::sys::stat::umask;
use nix::unistd::pivot_root;
use nix::unistd::sethostname;

type Outcome = Result<(), Box<dyn Error>>;

/// `CLONE_NEWTIME`, which the kernel has since 5.6.
const NEW_TIME: CloneFlags = CloneFlags::from_bits_retain(0x80);
/// How much longer the guest believes to be up than its host: judgement gives a host that just booted grace.
const UPTIME_SECONDS: u32 = 7_200;

fn main() -> Outcome {
    let words: Vec<_> = std::env::args().skip(1).collect();
    let words: Vec<_> = words.iter().map(String::as_str).collect();
    match *words.as_slice() {
        ["launch", state, cgroup, binaries, lower, slept] => {
            launch(state, cgroup, binaries, lower, slept.parse()?)
        }
        ["init", state, binaries, lower] => init(Path::new(state), binaries, Path::new(lower)),
        _ => Err("usage: guest-init launch STATE CGROUP BINARIES ROOT SLEPT".into()),
    }
}

fn launch(state: &str, cgroup: &str, binaries: &str, lower: &str, slept: u32) -> Outcome {
    // Whatever ends the test ends the guest.
    set_pdeathsig(Signal::SIGKILL)?;
    fs::write(Path::new(cgroup).join("cgroup.procs"), "0")?;
    unshare(
        CloneFlags::CLONE_NEWNS
            | CloneFlags::CLONE_NEWUTS
            | CloneFlags::CLONE_NEWIPC
            | CloneFlags::CLONE_NEWCGROUP
            | CloneFlags::CLONE_NEWPID
            | NEW_TIME,
    )?;
    fs::write(
        "/proc/self/timens_offsets",
        format!("monotonic {UPTIME_SECONDS} 0\nboottime {} 0\n", UPTIME_SECONDS + slept),
    )?;
    let mut init = Command::new(std::env::current_exe()?).args(["init", state, binaries, lower]).spawn()?;
    println!("{}", init.id());
    init.wait()?;
    Ok(())
}

fn init(state: &Path, binaries: &str, lower: &Path) -> Outcome {
    set_pdeathsig(Signal::SIGKILL)?;
    umask(Mode::empty());
    let none = None::<&str>;
    mount(none, "/", none, MsFlags::MS_REC | MsFlags::MS_PRIVATE, none)?;
    let console = state.join("console.log");
    let state = &state.join("layers");
    fs::create_dir(state)?;
    mount(Some("guest"), state, Some("tmpfs"), MsFlags::empty(), Some("mode=755,size=512m"))?;
    for folder in ["up", "work", "root", "run", "etc-units", "vendor-units"] {
        // Not everybody's: nobody but root changes what lies in the root of a host.
        fs::DirBuilder::new().mode(0o755).create(state.join(folder))?;
    }
    units(lower, &state.join("vendor-units"))?;
    let root = state.join("root");
    let layers = format!(
        "lowerdir={},upperdir={},workdir={}",
        lower.display(),
        state.join("up").display(),
        state.join("work").display()
    );
    mount(Some("overlay"), &root, Some("overlay"), MsFlags::empty(), Some(layers.as_str()))?;
    devices(&root, &console)?;
    let read_only = MsFlags::MS_RDONLY;
    mount(Some("proc"), &root.join("proc"), Some("proc"), MsFlags::empty(), none)?;
    mount(Some("tmp"), &root.join("tmp"), Some("tmpfs"), MsFlags::empty(), Some("mode=1777"))?;
    mount(Some("sysfs"), &root.join("sys"), Some("sysfs"), read_only, none)?;
    mount(Some("cgroup2"), &root.join("sys/fs/cgroup"), Some("cgroup2"), MsFlags::empty(), none)?;
    fs::create_dir_all(root.join("usr/local/libexec/selfcheck"))?;
    for (from, to) in [
        (state.join("run"), "run"),
        (state.join("etc-units"), "etc/systemd/system"),
        (state.join("vendor-units"), "usr/lib/systemd/system"),
        (binaries.into(), "usr/local/libexec/selfcheck"),
    ] {
        mount(Some(&from), &root.join(to), none, MsFlags::MS_BIND, none)?;
    }
    fs::write(root.join("etc/hostname"), "guest\n")?;
    sethostname("guest")?;
    std::env::set_current_dir(&root)?;
    pivot_root(".", "mnt")?;
    umount2("/mnt", MntFlags::MNT_DETACH)?;
    std::env::set_current_dir("/")?;
    let notify = std::env::var("NOTIFY_SOCKET")?;
    let error = Command::new("/lib/systemd/systemd")
        .args(["--system", "--unit=guest.target", "--show-status=no", "--default-standard-output=null"])
        .env_clear()
        .env("container", "guest")
        .env("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
        .env("NOTIFY_SOCKET", notify)
        .env("SYSTEMD_LOG_TARGET", "console")
        .env("SYSTEMD_GENERATOR_PATH", "/nonexistent")
        .env("SYSTEMD_SYSTEM_ENVIRONMENT_GENERATOR_PATH", "/nonexistent")
        .exec();
    Err(error.into())
}

/// A hermetic set of units: the bus, and targets that pull in nothing which would touch the host's kernel.
fn units(lower: &Path, folder: &Path) -> Outcome {
    for unit in ["dbus.socket", "dbus.service"] {
        fs::copy(lower.join("usr/lib/systemd/system").join(unit), folder.join(unit))?;
    }
    let targets = [
        "sysinit",
        "basic",
        "sockets",
        "timers",
        "multi-user",
        "shutdown",
        "umount",
        "final",
        "paths",
        "slices",
        "local-fs",
        "network-online",
    ];
    for target in targets {
        fs::write(
            folder.join(format!("{target}.target")),
            format!("[Unit]\nDescription={target}\nDefaultDependencies=no\n"),
        )?;
    }
    fs::write(
        folder.join("guest.target"),
        "[Unit]\nDescription=test guest\nRequires=dbus.socket dbus.service basic.target\nAfter=dbus.socket dbus.service\n",
    )?;
    Ok(())
}

fn devices(root: &Path, console: &Path) -> Outcome {
    let dev = root.join("dev");
    mount(Some("dev"), &dev, Some("tmpfs"), MsFlags::empty(), Some("mode=755"))?;
    for folder in ["shm", "pts"] {
        fs::create_dir(dev.join(folder))?;
    }
    let read_write = Mode::from_bits_truncate(0o666);
    for (name, major, minor) in
        [("null", 1, 3), ("zero", 1, 5), ("full", 1, 7), ("random", 1, 8), ("urandom", 1, 9), ("tty", 5, 0)]
    {
        mknod(&dev.join(name), SFlag::S_IFCHR, read_write, makedev(major, minor))?;
    }
    // systemd writes its messages here, and the test reads them where something fails.
    fs::write(dev.join("console"), "")?;
    mount(Some(console), &dev.join("console"), None::<&str>, MsFlags::MS_BIND, None::<&str>)?;
    std::os::unix::fs::symlink("/proc/self/fd", dev.join("fd"))?;
    Ok(())
}
