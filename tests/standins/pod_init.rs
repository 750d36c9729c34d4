//! Starts an agent as a container of a pod: private mounts and processes, no network, a read-only root with nothing but the programs
//! and their libraries, an ordinary user, and the files that a kubelet mounts.
//!
//! `pod-init launch STATE BINARIES` enters the namespaces and starts `pod-init init …` in them as PID 1, which makes what STATE/shape.json says.
//! The first process of a pod with one container is that container's, as an image's own init is; of a pod that shares its processes it is a
//! pause, and each container has mounts of its own. STATE/mounts holds what is mounted: each folder at its place. Every mount lives in a private
//! mount namespace, so nothing is left when the last process of the pod has ended.
#![expect(
    clippy::print_stdout,
    reason = "the test is told the pod's pids, and that it is ready, on standard output"
)]

use std::error::Error;
use std::fs;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Child;
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
use nix::unistd::chown;
use nix::unistd::pause;
use nix::unistd::pivot_root;
use nix::unistd::setgid;
use nix::unistd::setgroups;
use nix::unistd::sethostname;
use nix::unistd::setuid;
use selfcheck_tests::Container;
use selfcheck_tests::PodShape;

type Outcome = Result<(), Box<dyn Error>>;

/// What the pod is called.
const POD: &str = "agents-0";
/// Where libraries are. Some of these are links to others.
const LIBRARIES: [&str; 4] = ["lib", "lib64", "usr/lib", "usr/lib64"];
/// Where the other programs of the workspace are, those that measure among them.
const WORKSPACE: &str = "usr/local/libexec/selfcheck";

fn main() -> Outcome {
    let words: Vec<_> = std::env::args().skip(1).collect();
    let words: Vec<_> = words.iter().map(String::as_str).collect();
    match *words.as_slice() {
        ["launch", state, binaries] => launch(state, binaries),
        ["init", state, binaries] => init(Path::new(state), Path::new(binaries)),
        ["container", state, binaries, name] => container(Path::new(state), Path::new(binaries), name),
        ["beside", state, binaries, user, "--", ref argv @ ..] => {
            beside(Path::new(state), Path::new(binaries), user.parse()?, argv)
        }
        ["supervise", number, ref argv @ ..] => supervise(number.parse()?, argv),
        ["churn", ref argv @ ..] => churn(argv),
        ["crowd", number] => crowd(number.parse()?),
        ["pause"] => {
            pause();
            Ok(())
        }
        _ => Err("usage: pod-init launch STATE BINARIES | pause | supervise NUMBER ARGV…".into()),
    }
}

fn shape(state: &Path) -> Result<PodShape, Box<dyn Error>> {
    Ok(serde_json::from_str(&fs::read_to_string(state.join("shape.json"))?)?)
}

fn launch(state: &str, binaries: &str) -> Outcome {
    // Whatever ends the test ends the pod.
    set_pdeathsig(Signal::SIGKILL)?;
    let network = if shape(Path::new(state))?.has_host_network {
        CloneFlags::empty()
    } else {
        CloneFlags::CLONE_NEWNET
    };
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
    sethostname(POD)?;
    private_mounts()?;
    let shape = shape(state)?;
    let [container] = shape.containers.as_slice() else { return share(state, binaries, &shape) };
    if shape.shares_processes {
        return share(state, binaries, &shape);
    }
    enter(state, binaries, container)?;
    let mut main = start(container, &container.environment)?;
    println!("ready");
    main.wait()?;
    Ok(())
}

/// Starts each container with mounts of its own, and stays as what they share.
fn share(state: &Path, binaries: &Path, shape: &PodShape) -> Outcome {
    let mut containers = Vec::new();
    for container in &shape.containers {
        let program = std::env::current_exe()?;
        let mut command = Command::new(program);
        command.arg("container").args([state, binaries]).arg(&container.name);
        containers.push(command.spawn()?);
    }
    for mut container in containers {
        container.wait()?;
    }
    Ok(())
}

/// Becomes the main process of a container.
fn container(state: &Path, binaries: &Path, name: &str) -> Outcome {
    umask(Mode::empty());
    unshare(CloneFlags::CLONE_NEWNS)?;
    private_mounts()?;
    let shape = shape(state)?;
    let container = shape.containers.iter().find(|container| container.name == name);
    let container = container.ok_or("no such container")?;
    enter(state, binaries, container)?;
    println!("{name} {}", std::process::id());
    let [program, arguments @ ..] = container.argv.as_slice() else { return Err("no program".into()) };
    let environment = container.environment.iter().map(|(name, value)| (name, value));
    Err(Command::new(program).args(arguments).env_clear().envs(environment).exec().into())
}

/// Executes something in a container that is started beside the others, as `kubectl debug` does: it shares their processes and nothing else.
fn beside(state: &Path, binaries: &Path, user: u32, argv: &[&str]) -> Outcome {
    umask(Mode::empty());
    unshare(CloneFlags::CLONE_NEWNS)?;
    private_mounts()?;
    enter(state, binaries, &Container { user, ..Container::bare("debugger").mounting("trap", "/trap") })?;
    let [program, arguments @ ..] = argv else { return Err("no program".into()) };
    Err(Command::new(program).args(arguments).exec().into())
}

/// Starts `argv` by so many of its own kind, each of which started the next.
fn supervise(number: u32, argv: &[&str]) -> Outcome {
    set_pdeathsig(Signal::SIGKILL)?;
    let [program, arguments @ ..] = argv else { return Err("no program".into()) };
    let mut next = match number.checked_sub(1).filter(|left| *left > 0) {
        Some(left) => Command::new(std::env::current_exe()?)
            .args(["supervise", &left.to_string()])
            .args(argv)
            .spawn()?,
        None => Command::new(program).args(arguments).spawn()?,
    };
    next.wait()?;
    Ok(())
}

/// Starts `argv` and ends it, again and again.
fn churn(argv: &[&str]) -> Outcome {
    set_pdeathsig(Signal::SIGKILL)?;
    let [program, arguments @ ..] = argv else { return Err("no program".into()) };
    loop {
        let mut next = Command::new(program).args(arguments).spawn()?;
        next.kill()?;
        next.wait()?;
    }
}

/// Starts so many processes that do nothing, and the agent after them.
fn crowd(number: usize) -> Outcome {
    set_pdeathsig(Signal::SIGKILL)?;
    let program = std::env::current_exe()?;
    let mut started = Vec::with_capacity(number);
    for _ in 0..number {
        started.push(Command::new(&program).arg("pause").spawn()?);
    }
    let agent = Container::agent("teleport");
    start(&agent, &std::env::vars().collect::<Vec<_>>())?.wait()?;
    Ok(())
}

fn start(container: &Container, environment: &[(String, String)]) -> Result<Child, Box<dyn Error>> {
    let [program, arguments @ ..] = container.argv.as_slice() else { return Err("no program".into()) };
    let environment = environment.iter().map(|(name, value)| (name, value));
    Ok(Command::new(program).args(arguments).env_clear().envs(environment).spawn()?)
}

fn private_mounts() -> Outcome {
    let none = None::<&str>;
    mount(none, "/", none, MsFlags::MS_REC | MsFlags::MS_PRIVATE, none)?;
    Ok(())
}

/// Makes what the container sees, and becomes its user.
fn enter(state: &Path, binaries: &Path, container: &Container) -> Outcome {
    let none = None::<&str>;
    let root = &state.join(format!("root-{}-{}", container.name, std::process::id()));
    fs::create_dir(root)?;
    mount(Some("pod"), root, Some("tmpfs"), MsFlags::empty(), Some("mode=755,size=64m"))?;
    libraries(root, &binaries.join("teleport-selfcheck"))?;
    for (from, to) in &container.volumes {
        let (from, to) = (state.join("mounts").join(from), root.join(to.trim_start_matches('/')));
        if from.is_dir() {
            fs::create_dir_all(&to)?;
            bind(&from, &to)?;
        }
    }
    for (from, to) in &container.programs {
        let to = root.join(to.trim_start_matches('/'));
        fs::create_dir_all(to.parent().ok_or("a program is in a folder")?)?;
        fs::File::create(&to)?;
        bind(&binaries.join(from), &to)?;
    }
    fs::create_dir_all(root.join(WORKSPACE))?;
    bind(binaries, &root.join(WORKSPACE))?;
    for folder in ["proc", "tmp", "old"] {
        fs::create_dir(root.join(folder))?;
    }
    mount(Some("proc"), &root.join("proc"), Some("proc"), MsFlags::empty(), none)?;
    mount(Some("tmp"), &root.join("tmp"), Some("tmpfs"), MsFlags::empty(), Some("mode=1777,size=64m"))?;
    for (from, to) in &container.users_programs {
        let to = root.join(to.trim_start_matches('/'));
        let folder = to.parent().ok_or("a program is in a folder")?;
        fs::create_dir_all(folder)?;
        fs::copy(binaries.join(from), &to)?;
        for path in [folder, &to] {
            chown(path, Some(Uid::from_raw(container.user)), None)?;
        }
    }
    std::env::set_current_dir(root)?;
    pivot_root(".", "old")?;
    std::env::set_current_dir("/")?;
    umount2("/old", MntFlags::MNT_DETACH)?;
    mount(none, "/", none, MsFlags::MS_REMOUNT | MsFlags::MS_RDONLY, none)?;
    setgroups(&[])?;
    setgid(Gid::from_raw(container.user))?;
    setuid(Uid::from_raw(container.user))?;
    set_pdeathsig(Signal::SIGKILL)?; // which another user forgets
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
