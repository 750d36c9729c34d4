//! Starts an agent as the container of a pod: private mounts and processes, no network, a read-only root with nothing but the program
//! and its libraries, an ordinary user, and the files that a kubelet mounts.
//!
//! `pod-init launch STATE BINARIES` enters the namespaces and starts `pod-init init …` in them as PID 1, which mounts what the pod has and
//! stays, as the image's own init does, with the agent as its child. Its environment is the container's. STATE/mounts holds what is mounted: each
//! folder at its place. Every mount lives in the private mount namespace, so nothing is left when the last process of the pod has ended.
#![expect(
    clippy::print_stdout,
    reason = "the test is told the pod's pid, and that it is ready, on standard output"
)]

use std::error::Error;
use std::fs;
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
use nix::sys::stat::umask;
use nix::unistd::Gid;
use nix::unistd::Uid;
use nix::unistd::pivot_root;
use nix::unistd::setgid;
use nix::unistd::setgroups;
use nix::unistd::sethostname;
use nix::unistd::setuid;

type Outcome = Result<(), Box<dyn Error>>;

/// Who the agent is in the chart's pods.
const USER: u32 = 9807;
/// What the pod is called.
const POD: &str = "agents-0";
/// Where libraries are. Some of these are links to others.
const LIBRARIES: [&str; 4] = ["lib", "lib64", "usr/lib", "usr/lib64"];
/// Where each folder of the test's is mounted.
const MOUNTS: [(&str, &str); 4] = [
    ("config", "etc/teleport"),
    ("podinfo", "etc/podinfo"),
    ("updater-config", "etc/updater-config"),
    ("serviceaccount", "var/run/secrets/kubernetes.io/serviceaccount"),
];
/// Where the other programs of the workspace are, those that measure among them.
const WORKSPACE: &str = "usr/local/libexec/selfcheck";
/// The programs of the image.
const PROGRAMS: [(&str, &str); 2] =
    [("standin-teleport", "teleport"), ("teleport-selfcheck", "teleport-selfcheck")];

fn main() -> Outcome {
    let words: Vec<_> = std::env::args().skip(1).collect();
    let words: Vec<_> = words.iter().map(String::as_str).collect();
    match *words.as_slice() {
        ["launch", state, binaries] => launch(state, binaries, CloneFlags::CLONE_NEWNET),
        // It reaches what listens on this machine's loopback.
        ["launch-on-host-network", state, binaries] => launch(state, binaries, CloneFlags::empty()),
        ["init", state, binaries] => init(Path::new(state), Path::new(binaries)),
        _ => Err("usage: pod-init launch|launch-on-host-network STATE BINARIES".into()),
    }
}

fn launch(state: &str, binaries: &str, network: CloneFlags) -> Outcome {
    // Whatever ends the test ends the pod.
    set_pdeathsig(Signal::SIGKILL)?;
    unshare(
        CloneFlags::CLONE_NEWNS
            | network
            | CloneFlags::CLONE_NEWPID
            | CloneFlags::CLONE_NEWIPC
            | CloneFlags::CLONE_NEWUTS,
    )?;
    let mut init = Command::new(std::env::current_exe()?).args(["init", state, binaries]).spawn()?;
    println!("{}", init.id());
    init.wait()?;
    Ok(())
}

fn init(state: &Path, binaries: &Path) -> Outcome {
    umask(Mode::empty());
    let none = None::<&str>;
    mount(none, "/", none, MsFlags::MS_REC | MsFlags::MS_PRIVATE, none)?;
    let root = &state.join("root");
    fs::create_dir(root)?;
    mount(Some("pod"), root, Some("tmpfs"), MsFlags::empty(), Some("mode=755,size=64m"))?;
    libraries(root, &binaries.join("teleport-selfcheck"))?;
    for (from, to) in MOUNTS {
        let from = state.join("mounts").join(from);
        if from.is_dir() {
            fs::create_dir_all(root.join(to))?;
            bind(&from, &root.join(to))?;
        }
    }
    fs::create_dir_all(root.join("usr/local/bin"))?;
    for (from, to) in PROGRAMS {
        let to = root.join("usr/local/bin").join(to);
        fs::File::create(&to)?;
        bind(&binaries.join(from), &to)?;
    }
    fs::create_dir_all(root.join(WORKSPACE))?;
    bind(binaries, &root.join(WORKSPACE))?;
    for folder in ["proc", "tmp", "old"] {
        fs::create_dir(root.join(folder))?;
    }
    mount(Some("proc"), &root.join("proc"), Some("proc"), MsFlags::empty(), none)?;
    mount(Some("tmp"), &root.join("tmp"), Some("tmpfs"), MsFlags::empty(), Some("mode=1777,size=8m"))?;
    std::env::set_current_dir(root)?;
    pivot_root(".", "old")?;
    std::env::set_current_dir("/")?;
    umount2("/old", MntFlags::MNT_DETACH)?;
    mount(none, "/", none, MsFlags::MS_REMOUNT | MsFlags::MS_RDONLY, none)?;
    sethostname(POD)?;
    setgroups(&[])?;
    setgid(Gid::from_raw(USER))?;
    setuid(Uid::from_raw(USER))?;
    set_pdeathsig(Signal::SIGKILL)?; // which another user forgets
    let mut agent = Command::new("/usr/local/bin/teleport")
        .args(["start", "--config=/etc/teleport/teleport.yaml", "--diag-addr=0.0.0.0:3000"])
        .spawn()?;
    println!("ready");
    agent.wait()?;
    Ok(())
}

/// What a distroless image has of a system: the loader, and the libraries that the command is linked with.
fn libraries(root: &Path, program: &Path) -> Outcome {
    for folder in LIBRARIES {
        match fs::read_link(Path::new("/").join(folder)) {
            Ok(target) => std::os::unix::fs::symlink(target, root.join(folder))?,
            Err(_) => fs::create_dir_all(root.join(folder))?,
        }
    }
    let linked = String::from_utf8(Command::new("ldd").arg(program).output()?.stdout)?;
    for library in linked.split_whitespace().filter(|word| word.starts_with('/')) {
        let to = root.join(library.trim_start_matches('/'));
        fs::create_dir_all(to.parent().ok_or("a library is in a folder")?)?;
        fs::File::create(&to)?;
        bind(Path::new(library), &to)?;
    }
    Ok(())
}

/// Mounts a folder or a file read-only.
fn bind(from: &Path, to: &Path) -> Outcome {
    let none = None::<&str>;
    mount(Some(from), to, none, MsFlags::MS_BIND | MsFlags::MS_REC, none)?;
    let flags = MsFlags::MS_REMOUNT | MsFlags::MS_BIND | MsFlags::MS_RDONLY;
    mount(none, to, none, flags, none)?;
    Ok(())
}
