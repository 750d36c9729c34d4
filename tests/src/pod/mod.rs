//! An agent in something like a pod: its namespaces, its user, its files and a read-only root, without a cluster around it.

mod shape;

use std::fs;
use std::io::BufRead;
use std::io::BufReader;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::path::PathBuf;
use std::process::Child;
use std::process::Command;
use std::process::Output;
use std::process::Stdio;

use nix::sys::signal::Signal;
use nix::sys::signal::kill;
use nix::unistd::Pid;
use nix::unistd::Uid;
use tempfile::TempDir;

use crate::available;
use crate::binary;
use crate::eventually;

pub use shape::Container;
pub use shape::PodShape;

const SELFCHECK: &str = "/usr/local/bin/teleport-selfcheck";
/// An agent that serves a Kubernetes cluster and nothing else.
const CONFIG: &str = "version: v3\nteleport:\n  proxy_server: teleport.example.com:443\nauth_service: {enabled: no}\n\
                      proxy_service: {enabled: no}\nssh_service: {enabled: no}\nkubernetes_service: {enabled: yes}\n";

/// The state file of an updater that has updated its agent.
pub const UPDATED: &str = "\
version: v1
kind: update_config
spec: {proxy: teleport.example.com:443, group: default, enabled: true, pinned: false}
status:
  id_file: /etc/updater-config/teleport-update.id
  active: {version: 18.4.1, flags: [Enterprise]}
  last_update: {success: true, time: 2026-11-20T03:10:00Z, target: {version: 18.4.1, flags: [Enterprise]}}
";

/// A running pod. Dropping it ends all of it.
#[derive(Debug)]
pub struct Pod {
    launcher: Child,
    pid: i32,
    /// Processes of the containers, as the pod numbers them.
    mains: Vec<(String, u32)>,
    shape: PodShape,
    state: TempDir,
}

/// A pod that has not been started.
#[derive(Debug)]
pub struct PodFolder {
    state: TempDir,
    shape: PodShape,
}

impl PodFolder {
    /// A pod of the release `agents` in the namespace `teleport`, or `None`, with the reason told, where this machine cannot have one.
    pub fn new() -> Option<Self> {
        let pod = Self::bare()?
            .with("TELEPORT_INSTALL_METHOD_HELM_KUBE_AGENT", "true")
            .with("RELEASE_NAME", "agents")
            .with("KUBE_NAMESPACE", "teleport")
            .with("TELEPORT_REPLICA_NAME", "agents-0");
        Some(pod)
    }

    /// The same of no release in particular: its environment is empty.
    pub fn bare() -> Option<Self> {
        let possible = match (Uid::effective().is_root(), Path::new("/usr/bin/nsenter").exists()) {
            (false, _) => Err("it needs root".to_owned()),
            (_, false) => {
                Err("/usr/bin/nsenter is missing, which comes with the Debian package util-linux".to_owned())
            }
            _ => Ok(()),
        };
        if !available("a pod", possible) {
            return None;
        }
        let containers = vec![Container::agent("teleport")];
        let shape = PodShape { has_host_network: false, shares_processes: false, containers };
        let folder = Self { state: TempDir::new().expect("folder"), shape };
        folder.mount("config", &[("teleport.yaml", CONFIG)]);
        Some(folder)
    }

    /// With this in the environment of its container.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.shape.containers[0].environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// With the network of this machine, so that it reaches what listens on loopback.
    #[must_use]
    pub fn on_host_network(mut self) -> Self {
        self.shape.has_host_network = true;
        self
    }

    /// With its containers' processes shared, of which a pause is the first.
    #[must_use]
    pub fn sharing_processes(mut self) -> Self {
        self.shape.shares_processes = true;
        self
    }

    /// With its container changed.
    #[must_use]
    pub fn changed(mut self, change: impl FnOnce(Container) -> Container) -> Self {
        let container = self.shape.containers.remove(0);
        self.shape.containers.insert(0, change(container));
        self
    }

    /// With another container, which shares its processes.
    #[must_use]
    pub fn beside(mut self, container: Container) -> Self {
        self.shape.shares_processes = true;
        self.shape.containers.push(container);
        self
    }

    /// Its container, to make another one like it.
    pub fn container(&self) -> Container {
        self.shape.containers[0].clone()
    }

    /// As the chart makes it where its updater is enabled.
    #[must_use]
    pub fn with_updater(self) -> Self {
        self.with("TELEPORT_EXT_UPGRADER", "kube")
            .with("TELEPORT_EXT_UPGRADER_VERSION", "18.4.0")
            .with("TELEPORT_UPDATE_CONFIG_FILE", "/etc/updater-config/update.yaml")
    }

    /// Mounts files as a kubelet does those of ConfigMaps and of the downward API: links into a folder that is itself exchanged by a link.
    pub fn mount(&self, volume: &str, files: &[(&str, &str)]) {
        mount(&self.state.path().join("mounts").join(volume), files);
    }

    /// Starts it.
    pub fn start(self) -> Pod {
        let Self { state, shape } = self;
        let text = serde_json::to_string(&shape).expect("a shape");
        fs::write(state.path().join("shape.json"), text).expect("written");
        let mut launcher = Command::new(binary("pod-init"))
            .arg("launch")
            .args([state.path(), &binaries()])
            .env_clear()
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .expect("pod-init");
        // The launcher tells the pid, and each container or the one that there is that it is ready, in whatever order.
        let ready = if shape.shares_processes { shape.containers.len() } else { 1 };
        let told = BufReader::new(launcher.stdout.take().expect("output")).lines().take(1 + ready);
        let told: Vec<_> = told.map(|line| line.expect("text")).collect();
        let pid = told.iter().find_map(|line| line.parse().ok());
        let main = |line: &String| {
            let (name, pid) = line.split_once(' ')?;
            Some((name.to_owned(), pid.parse().ok()?))
        };
        let mains: Vec<_> = told.iter().filter_map(main).collect();
        let pod = Pod { launcher, pid: pid.expect("the pod starts"), mains, shape, state };
        assert!(told.len() == 1 + ready, "{told:?}");
        for (name, inner) in &pod.mains {
            let container = pod.container_called(name);
            eventually(name, || pod.words(*inner).first() == container.argv.first());
        }
        pod
    }
}

impl Pod {
    /// Runs the command in the container, as `kubectl exec` does.
    pub fn selfcheck(&self, arguments: &[&str]) -> Output {
        self.command(&[&[SELFCHECK], arguments].concat()).output().expect("nsenter")
    }

    /// A command to be run in the first container, as its user and in its environment.
    pub fn command(&self, argv: &[&str]) -> Command {
        let first = &self.shape.containers[0];
        self.command_in(first, argv)
    }

    /// Runs the command in the container of this name, as `kubectl exec --container` does.
    pub fn selfcheck_in(&self, container: &str, arguments: &[&str]) -> Output {
        self.command_in(self.container_called(container), &[&[SELFCHECK], arguments].concat())
            .output()
            .expect("nsenter")
    }

    fn command_in(&self, container: &Container, argv: &[&str]) -> Command {
        let main = self.mains.iter().find(|(name, _)| *name == container.name);
        let pid = main.map_or(self.pid, |(_, inner)| self.outer(*inner));
        let user = container.user.to_string();
        let mut command = Command::new("nsenter");
        command
            .args(["-t", &pid.to_string(), "-m", "-p", "-i", "-u", "-n", "-w", "-S", &user, "-G", &user])
            .arg("--")
            .args(argv)
            .env_clear()
            .envs(container.environment.iter().map(|(name, value)| (name, value)))
            .env("TZ", "UTC")
            .stdin(Stdio::null());
        command
    }

    /// Runs the command in a container of its own that shares the pod's processes, as `kubectl debug --target` does.
    pub fn debug(&self, debugger: Debugger, arguments: &[&str]) -> Output {
        self.debugging(debugger, arguments).output().expect("nsenter")
    }

    /// The same, to be started.
    pub fn debugging(&self, debugger: Debugger, arguments: &[&str]) -> Command {
        let user = debugger.user.to_string();
        let mut command = Command::new("nsenter");
        command.args(["-t", &self.pid.to_string(), "-p", "-i", "-u", "-n", "--"]);
        if !debugger.may_trace {
            command.args(["setpriv", "--bounding-set=-sys_ptrace"]);
        }
        command
            .arg(binary("pod-init"))
            .arg("beside")
            .args([self.state.path(), &binaries()])
            .args([&*user, "--", SELFCHECK])
            .args(arguments)
            .env_clear()
            .env("KUBERNETES_SERVICE_HOST", "10.96.0.1")
            .env("TZ", "UTC")
            .stdin(Stdio::null());
        command
    }

    fn container_called(&self, name: &str) -> &Container {
        self.shape.containers.iter().find(|container| container.name == name).expect("a container")
    }

    /// The command line of a process of the pod.
    fn words(&self, inner: u32) -> Vec<String> {
        let line = fs::read_to_string(format!("/proc/{}/cmdline", self.outer(inner))).unwrap_or_default();
        line.split('\0').map(str::to_owned).collect()
    }

    /// The number that this machine gives to a process of the pod.
    pub fn outer(&self, inner: u32) -> i32 {
        let namespace = |pid: i32| fs::read_link(format!("/proc/{pid}/ns/pid")).ok();
        let inner = inner.to_string();
        let is_it = |pid: &i32| {
            let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
            let pids = status.lines().find_map(|line| line.strip_prefix("NSpid:"));
            pids.is_some_and(|pids| pids.split_whitespace().next_back() == Some(&inner))
                && namespace(*pid) == namespace(self.pid)
        };
        let processes = fs::read_dir("/proc").expect("processes").filter_map(Result::ok);
        let mut pids = processes.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        pids.find(is_it).expect("a process of the pod")
    }

    /// Writes mounted files anew, as a kubelet does.
    pub fn mount(&self, volume: &str, files: &[(&str, &str)]) {
        mount(&self.volume(volume), files);
    }

    /// A path of the pod, seen from outside.
    pub fn path(&self, path: &str) -> PathBuf {
        PathBuf::from(format!("/proc/{}/root{path}", self.pid))
    }

    /// Where a volume lies outside.
    pub fn volume(&self, volume: &str) -> PathBuf {
        self.state.path().join("mounts").join(volume)
    }
}

impl Drop for Pod {
    fn drop(&mut self) {
        let _ = kill(Pid::from_raw(self.pid), Signal::SIGKILL); // with its first process all of it ends
        let _ = self.launcher.wait();
    }
}

/// Who looks from a container beside the others.
#[derive(Debug, Clone, Copy)]
pub struct Debugger {
    user: u32,
    may_trace: bool,
}

impl Debugger {
    /// Root, with the right to trace processes.
    pub const ROOT: Self = Self { user: 0, may_trace: true };
    /// Root as a container has it that was given no more rights.
    pub const BARE_ROOT: Self = Self { user: 0, may_trace: false };
    /// The agent's own user.
    pub const AGENT: Self = Self { user: shape::USER, may_trace: false };
    /// Somebody else.
    pub const OTHER: Self = Self { user: 1000, may_trace: false };

    /// Whether it is root, with whatever rights.
    pub const fn is_root(self) -> bool {
        self.user == 0
    }
}

fn binaries() -> PathBuf {
    binary("pod-init").parent().expect("folder").to_owned()
}

fn mount(volume: &Path, files: &[(&str, &str)]) {
    fs::create_dir_all(volume).expect("folder");
    let version = tempfile::Builder::new().prefix("..").tempdir_in(volume).expect("folder").keep();
    fs::set_permissions(&version, std::os::unix::fs::PermissionsExt::from_mode(0o755)).expect("rights");
    for (name, text) in files {
        fs::write(version.join(name), text).expect("written");
        let link = volume.join(name);
        if !link.is_symlink() {
            symlink(Path::new("..data").join(name), link).expect("linked");
        }
    }
    let (data, next) = (volume.join("..data"), volume.join("..data_tmp"));
    let before = fs::read_link(&data).ok();
    symlink(version.file_name().expect("name"), &next).expect("linked");
    fs::rename(next, data).expect("renamed");
    if let Some(before) = before {
        fs::remove_dir_all(volume.join(before)).expect("removed");
    }
}
