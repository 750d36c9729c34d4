//! The agent judged: its unit, its process, its configuration.

use jiff::Timestamp;
use serde::Deserialize;
use serde::Serialize;

use crate::Fact;
use crate::Namespace;
use crate::Revision;
use crate::Text;
use crate::Usec;
use crate::Why;
use crate::observation::FactName;

use super::start::CommandLine;
use super::start::ConfigSource;
use super::start::Environment;
use super::unit::UnitState;

/// Programs that start containers.
pub const CONTAINER_TOOLS: [&str; 13] = [
    "apptainer",
    "conmon",
    "crictl",
    "crun",
    "ctr",
    "docker",
    "lxc-start",
    "machinectl",
    "nerdctl",
    "podman",
    "runc",
    "singularity",
    "systemd-nspawn",
];

/// The agent judged.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Agent {
    /// Which installation it belongs to.
    #[serde(default)]
    pub namespace: Namespace,
    /// Its systemd unit: the one that its process belongs to, else that of its installation.
    #[serde(default)]
    pub unit: Fact<AgentUnit>,
    /// Its process. Absent: there was none where one of this installation would be.
    pub process: Fact<Process>,
    /// Processes of which each may be it, and that differ; none of them was chosen.
    #[serde(default)]
    pub candidates: Vec<u32>,
    /// A program of its. Looked for where neither process, unit nor configuration was found.
    #[serde(default)]
    pub program: Fact<Text>,
    /// What it reads its configuration from.
    #[serde(default)]
    pub config_source: ConfigSource,
    /// The file looked at for that, where it is one.
    #[serde(default)]
    pub config_path: Text,
    /// Its configuration. Absent: there is no such file, so that it runs by the product's defaults.
    pub config: Fact<AgentConfig>,
    /// The host id it joined the cluster with.
    #[serde(default)]
    pub host_id: Fact<Text>,
    /// Its version, where whoever looks is part of it and knows.
    #[serde(default)]
    pub version: Option<Text>,
}

impl Agent {
    /// Whether nothing of an agent was found in any place where one would be.
    pub fn is_nowhere(&self) -> bool {
        self.is_unseen() && self.hidden().is_none() && self.program.is_absent()
    }

    /// What hides whether there is an agent, where nothing of one was found and not every place could be seen.
    pub fn hidden_by(&self) -> Option<(FactName, Why)> {
        self.hidden().filter(|_| self.is_unseen() && !self.program.is_present())
    }

    /// Whether neither a process, a unit nor a configuration of it was found.
    fn is_unseen(&self) -> bool {
        // A configuration that makes no sense is there.
        let has_config = self.config.is_present() || self.config.why().is_some_and(Why::is_corruption);
        !self.process.is_present()
            && !self.unit.is_present()
            && self.config_source == ConfigSource::File
            && !has_config
    }

    fn hidden(&self) -> Option<(FactName, Why)> {
        let places = [
            (FactName::AgentProcess, self.process.why()),
            (FactName::AgentUnit, self.unit.why()),
            (FactName::AgentProgram, self.program.why()),
            (FactName::AgentConfig, self.config.why()),
        ];
        places.into_iter().find_map(|(place, why)| Some((place, why?)))
    }

    /// Where its configuration is, in words: a path, or the flag or variable that holds it.
    pub fn config_place(&self) -> &str {
        match self.config_source {
            ConfigSource::File => self.config_path.as_str(),
            ConfigSource::CommandLine => "--config-string",
            ConfigSource::Environment => "TELEPORT_CONFIG",
        }
    }

    /// Its data directory: the one its configuration names, else that of its installation.
    pub fn data_dir(&self) -> String {
        let named = self.config.present().and_then(|config| config.data_dir.as_ref());
        named.map_or_else(|| self.namespace.data_dir(), |named| named.as_str().to_owned())
    }
}

/// The agent's unit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentUnit {
    /// State common to all units.
    #[serde(flatten)]
    pub state: UnitState,
    /// Its main process.
    #[serde(default)]
    pub main_pid: Option<u32>,
    /// What its file starts it with. Looked at in images, where no process tells.
    #[serde(default)]
    pub command_line: Option<CommandLine>,
    /// What a start of it would execute. Looked at where the process executes a file that the updater does not replace,
    /// and in images.
    #[serde(default)]
    pub starts: Fact<Started>,
}

/// What a start of the agent's unit would execute.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Started {
    /// The program, links followed; that of a wrapper where it hides the agent's.
    pub path: Text,
    /// What that is.
    pub kind: StartedKind,
}

/// What the program of the agent's unit is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum StartedKind {
    /// A file below the updater's `versions` folder.
    Managed,
    /// Another file.
    Unmanaged,
    /// A script or program that starts the agent in a way that cannot be seen.
    Opaque,
    /// A program that starts containers.
    Container,
}

/// A running agent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Process {
    /// Its process id.
    pub pid: u32,
    /// The main process of its unit, where that started the agent and is not the agent itself.
    #[serde(default)]
    pub supervisor: Option<u32>,
    /// The folder under which everything that it sees lies, where it sees other files than whoever looked: as
    /// `/proc/7/root`. Null where it sees the same, or that is not known.
    #[serde(default)]
    pub root: Option<Text>,
    /// The service of the system's service manager that it belongs to, as its control group tells. Absent: to none.
    #[serde(default)]
    pub unit: Fact<Text>,
    /// When it started, by `CLOCK_BOOTTIME` in microseconds.
    #[serde(default)]
    pub started_boottime: Option<Usec>,
    /// What it executes.
    #[serde(default)]
    pub executable: Fact<Executable>,
    /// What its command line says about roles and configuration; nothing else of it is kept.
    #[serde(default)]
    pub command_line: Fact<CommandLine>,
    /// The environment variables that matter here, by name; no others are kept.
    #[serde(default)]
    pub environment: Fact<Environment>,
}

/// The file a process executes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Executable {
    /// Its path when the process started.
    pub path: Text,
    /// Whether that file has been deleted or replaced since.
    #[serde(default)]
    pub deleted: bool,
    /// When it was deleted or replaced, as the file system tells: the change of what is at its path now, or of
    /// the nearest folder that is still there.
    #[serde(default)]
    pub replaced_at: Option<Timestamp>,
    /// Whether it is a file below the `versions` folder beside update.yaml, by device and inode, or by its path where it is
    /// deleted. The value is its place there.
    #[serde(default)]
    pub managed: Fact<Text>,
}

impl Executable {
    /// Whether it is a program that starts containers, whose images bring their own updates.
    pub fn starts_containers(&self) -> bool {
        let name = self.path.as_str().rsplit('/').next().unwrap_or_default();
        CONTAINER_TOOLS.contains(&name)
    }

    /// The version folder of managed updates v2 this executable lies in, if it does.
    pub fn revision(&self) -> Option<Revision> {
        Revision::of_program(self.path.as_str())
    }
}

/// The part of teleport.yaml that judgement needs. Nothing else of it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct AgentConfig {
    /// `teleport.data_dir`.
    #[serde(default)]
    pub data_dir: Option<Text>,
    /// `teleport.proxy_server`.
    #[serde(default)]
    pub proxy_server: Option<Text>,
    /// Whether `auth_service` is enabled. Missing means enabled, as in the product.
    #[serde(default)]
    pub auth_service: ServiceSwitch,
    /// Whether `proxy_service` is enabled. Missing means enabled.
    #[serde(default)]
    pub proxy_service: ServiceSwitch,
    /// Whether `ssh_service` is enabled. Missing means enabled.
    #[serde(default)]
    pub ssh_service: ServiceSwitch,
    /// Teleport roles of the other services that are enabled, as `App`, `Db`, `Kube`.
    #[serde(default)]
    pub other_services: Vec<Text>,
}

impl AgentConfig {
    /// The Teleport roles this configuration enables.
    pub fn roles(&self) -> Vec<Text> {
        let built_in =
            [(self.auth_service, "Auth"), (self.proxy_service, "Proxy"), (self.ssh_service, "Node")];
        let enabled = built_in.into_iter().filter(|(switch, _)| *switch != ServiceSwitch::Off);
        enabled.map(|(_, role)| Text::new(role)).chain(self.other_services.iter().cloned()).collect()
    }
}

/// Whether a service's section switches it on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ServiceSwitch {
    /// `enabled: yes`, or a section that does not say.
    On,
    /// `enabled: no`, or anything that the product does not know as yes.
    Off,
    /// No such section, which means enabled.
    #[default]
    Missing,
}
