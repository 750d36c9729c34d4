//! An agent in something like a pod: its namespaces, its user, its files and a read-only root, without a cluster around it.

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

/// Who everybody is in the chart's pods.
const USER: &str = "9807";
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
    environment: Vec<(String, String)>,
    state: TempDir,
}

/// A pod that has not been started.
#[derive(Debug)]
pub struct PodFolder {
    state: TempDir,
    environment: Vec<(String, String)>,
    launch: &'static str,
}

impl PodFolder {
    /// A pod of the release `agents` in the namespace `teleport`, or `None`, with the reason told, where this machine cannot have one.
    pub fn new() -> Option<Self> {
        let pod = Self::bare()?
            .with("TELEPORT_INSTALL_METHOD_HELM_KUBE_AGENT", "true")
            .with("RELEASE_NAME", "agents")
            .with("KUBE_NAMESPACE", "teleport");
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
        let folder =
            Self { state: TempDir::new().expect("folder"), environment: Vec::new(), launch: "launch" };
        folder.mount("config", &[("teleport.yaml", CONFIG)]);
        Some(folder)
    }

    /// With this in the environment of its container.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// With the network of this machine, so that it reaches what listens on loopback.
    #[must_use]
    pub fn on_host_network(self) -> Self {
        Self { launch: "launch-on-host-network", ..self }
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
        let Self { state, environment, launch } = self;
        let mut launcher = Command::new(binary("pod-init"))
            .arg(launch)
            .args([state.path(), binary("pod-init").parent().expect("folder")])
            .env_clear()
            .envs(environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .expect("pod-init");
        // The launcher tells the pid and the pod that it is ready, in whatever order.
        let told = BufReader::new(launcher.stdout.take().expect("output")).lines().take(2);
        let told: Vec<_> = told.map(|line| line.expect("text")).collect();
        let pid = told.iter().find_map(|line| line.parse().ok());
        let pod = Pod { launcher, pid: pid.expect("the pod starts"), environment, state };
        assert!(told.iter().any(|line| line == "ready"), "{told:?}");
        pod
    }
}

impl Pod {
    /// Runs the command in the container, as `kubectl exec` does.
    pub fn selfcheck(&self, arguments: &[&str]) -> Output {
        self.command(&[&[SELFCHECK], arguments].concat()).output().expect("nsenter")
    }

    /// A command to be run in the container.
    pub fn command(&self, argv: &[&str]) -> Command {
        let mut command = Command::new("nsenter");
        command
            .args([
                "-t",
                &self.pid.to_string(),
                "-m",
                "-p",
                "-i",
                "-u",
                "-n",
                "-w",
                "-S",
                USER,
                "-G",
                USER,
                "--",
            ])
            .args(argv)
            .env_clear()
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .env("TZ", "UTC")
            .stdin(Stdio::null());
        command
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
