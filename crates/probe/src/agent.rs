//! The agent: its process, its configuration, and its units completed by what lies on disk.

use std::path::Path;
use std::path::PathBuf;

use selfcheck_core::Fact;
use selfcheck_core::Namespace;
use selfcheck_core::Text;
use selfcheck_core::Usec;
use selfcheck_core::Why;
use selfcheck_core::observation::ConfigSource;
use selfcheck_core::observation::Kubernetes;
use selfcheck_core::observation::Process;

use crate::bus::Units;
use crate::configuration::Configuration;
use crate::configuration::Named;
use crate::files;
use crate::files::AgentFiles;
use crate::files::Reach;
use crate::files::Tree;
use crate::files::seen;
use crate::process;
use crate::process::Found;
use crate::process::Users;
use crate::roots::Roots;
use crate::roots::Surroundings;
use crate::target::Target;
use crate::unit_files;
use crate::versions::Versions;

/// The folder by which systemd marks that it is running.
pub(crate) const BOOTED: &str = "/run/systemd/system";

/// The agent that was found.
pub(crate) struct AgentSeen {
    pub(crate) namespace: Namespace,
    pub(crate) process: Fact<Process>,
    /// Processes that may each be the agent.
    pub(crate) candidates: Vec<u32>,
    pub(crate) program: Fact<Text>,
    pub(crate) config_source: ConfigSource,
    pub(crate) config_path: Text,
    pub(crate) files: AgentFiles,
    /// Where its updater's update.yaml must lie,
    pub(crate) update_config: String,
    /// and in which tree.
    pub(crate) updaters: Reach,
    /// systemd runs where the agent does, and cannot be asked from here.
    pub(crate) is_beside_systemd: bool,
    pub(crate) units: Units,
    /// Of an agent in a pod.
    pub(crate) kubernetes: Fact<Kubernetes>,
}

/// A process that was seen to be the agent's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Known {
    pid: u32,
    started: Option<Usec>,
    supervisor: Option<u32>,
}

impl Known {
    pub(crate) fn of(process: &Process) -> Self {
        Self { pid: process.pid, started: process.started_boottime, supervisor: process.supervisor }
    }

    /// Whether it is the same process, and not another one that was given its number.
    fn is(&self, process: &Process) -> bool {
        self.pid == process.pid && self.started == process.started_boottime
    }
}

/// What systemd's answer will most likely lead to, looked at while it is awaited.
#[derive(Default)]
pub(crate) struct Ahead {
    process: Option<Process>,
    files: Option<FilesAhead>,
}

/// The files of the agent, read as from this configuration and data directory.
struct FilesAhead {
    config_path: PathBuf,
    data_dir: String,
    files: AgentFiles,
}

impl Ahead {
    /// Looks at the process that the agent of the installation `namespace` had when last seen, and at the usual
    /// configuration.
    pub(crate) fn look(target: &Target, namespace: &Namespace, known: Option<&Known>) -> Self {
        let config_path = target.config.clone().unwrap_or_else(|| namespace.agent_config().into());
        let data_dir = namespace.data_dir();
        let files = AgentFiles::look(&Ok(Tree::default()), &config_path, &data_dir, target.file_bytes);
        let process = known.and_then(|known| process::look(known.pid).present().cloned());
        let process = process.filter(|process| known.is_some_and(|known| known.is(process)));
        Self { process, files: Some(FilesAhead { config_path, data_dir, files }) }
    }

    /// The agent that the process `pid` is or started.
    fn process(&mut self, pid: u32) -> Fact<Process> {
        match self.process.take_if(|process| process.pid == pid && process::is_teleport(process)) {
            Some(process) => Fact::Present(process),
            None => process::look(pid),
        }
    }

    fn files(self, reach: &Reach, config_path: &Path, data_dir: &str, limit: u64) -> AgentFiles {
        let is_own = reach.as_ref().is_ok_and(Tree::is_own);
        match self.files.filter(|_| is_own) {
            Some(ahead) if ahead.config_path == config_path && ahead.data_dir == data_dir => ahead.files,
            _ => AgentFiles::look(reach, config_path, data_dir, limit),
        }
    }
}

impl AgentSeen {
    /// Looks for the agent of the installation `assumed`, unless `target` or the process found names another.
    pub(crate) fn look(target: &Target, assumed: Namespace, mut units: Units, mut ahead: Ahead) -> Self {
        // A systemd that has lost its mark is no container.
        let surroundings = match &units.agent {
            Fact::NotApplicable if !process::is_on_systemds_host() => Surroundings::Container,
            _ => Surroundings::Host,
        };
        let found = find_process(target, &assumed, &units, surroundings, &mut ahead);
        let Found { agent: mut process, several } = found;
        let mut roots = process.present().map_or_else(Roots::own, |process| Roots::of(process, surroundings));
        if reads_another(target, &process, &assumed, &roots) {
            process = Fact::Absent;
        }
        let namespace = match &target.namespace {
            Some(namespace) => namespace.clone(),
            None => process.present().and_then(process::namespace).unwrap_or(assumed),
        };
        let Configuration { source, path, mut files } =
            configuration(target, &process, &namespace, &roots, ahead);
        let update_config = update_config(target, &process, &namespace);
        if update_config != namespace.update_config() && !is_trusted(&roots.updater, &update_config) {
            roots.updater = Err(Why::Untrusted);
        }
        let mut kubernetes = kubernetes(target, &process, &roots.agent);
        if let Fact::Present(process) = &mut process {
            let managed = managed(process, &roots, &update_config);
            let is_elsewhere = roots.has_another(Path::new(path.as_str()), surroundings);
            process.root = is_elsewhere.then(|| Text::new(&process::root(process.pid).to_string_lossy()));
            if let Fact::Present(executable) = &mut process.executable {
                executable.managed = managed;
            }
        }
        if is_gone_with_its_files(&process, &roots) {
            files = AgentFiles::unreadable(Why::Gone);
            kubernetes = self::kubernetes(target, &process, &Err(Why::Gone));
        }
        units.complete(&namespace);
        if let Fact::Present(unit) = &mut units.agent {
            unit.state.lasting_file = unit_files::lasting_file(&Tree::default(), unit.state.unit.as_str());
        }
        let is_nowhere = !process.is_present() && !units.agent.is_present() && files.config.is_absent();
        let program = if is_nowhere {
            files::agents_program(&Tree::default(), &namespace)
        } else {
            Fact::NotApplicable
        };
        Self {
            program,
            kubernetes,
            is_beside_systemd: surroundings == Surroundings::Container && roots.have_systemd(BOOTED),
            updaters: roots.updater,
            candidates: several,
            files,
            config_source: source,
            config_path: path,
            update_config,
            process,
            namespace,
            units,
        }
    }

    /// Nothing but what the bus said could be seen of the installation `namespace`.
    pub(crate) fn unreadable(namespace: Namespace, units: Units, why: Why) -> Self {
        Self {
            process: Fact::Unreadable(why),
            candidates: Vec::new(),
            updaters: Ok(Tree::default()),
            is_beside_systemd: false,
            program: Fact::Unreadable(why),
            config_source: ConfigSource::File,
            config_path: Text::new(&namespace.agent_config()),
            files: AgentFiles::unreadable(why),
            update_config: namespace.update_config(),
            namespace,
            units,
            kubernetes: Fact::NotApplicable,
        }
    }
}

/// Whether the updater replaces what the process executes.
fn managed(process: &Process, roots: &Roots, update_config: &str) -> Fact<Text> {
    let is_deleted = process.executable.present().is_some_and(|executable| executable.deleted);
    if is_deleted && roots.differ() {
        return Fact::Absent; // its path is none of the updater's
    }
    seen(&roots.updater, |tree| process::managed(process, &Versions::beside(tree, update_config)))
}

/// Whether the process ended while its files were read below its root, and may have taken them with it.
fn is_gone_with_its_files(process: &Fact<Process>, roots: &Roots) -> bool {
    let is_own = roots.agent.as_ref().is_ok_and(Tree::is_own);
    !is_own && process.present().is_some_and(|process| !process::is_still_there(process))
}

/// The files of its pod, if the agent is in one.
fn kubernetes(target: &Target, process: &Fact<Process>, reach: &Reach) -> Fact<Kubernetes> {
    let environment = process.present().and_then(|process| process.environment.present());
    match environment.filter(|environment| environment.is_kubernetes()) {
        Some(_) => Fact::Present(files::pod(reach, &target.pod, target.file_bytes)),
        None => Fact::NotApplicable,
    }
}

/// The configuration asked for, else what the agent was told to read, else the usual file.
fn configuration(
    target: &Target,
    process: &Fact<Process>,
    namespace: &Namespace,
    roots: &Roots,
    ahead: Ahead,
) -> Configuration {
    let named = process.present().map_or(Fact::Absent, process::config_of);
    // An agent does not start without a file that it is told to read.
    let is_named = matches!(named, Fact::Present(Named::File(_))) && target.config.is_none();
    let limit = target.file_bytes;
    // A file that was asked for is one that whoever asks sees.
    let own = Ok(Tree::default());
    let reach = if target.config.is_some() { &own } else { &roots.agent };
    let read = |path: &Path| ahead.files(reach, path, &namespace.data_dir(), limit);
    let mut found = Configuration::look(reach, target.config.as_deref(), named, namespace, limit, read);
    if found.files.config.is_absent() {
        match roots.hidden {
            // It may see other files than are seen here.
            Some(why) => found.files.config = Fact::Unreadable(why),
            None if is_named => found.files.config = Fact::Unreadable(Why::Gone),
            None => {}
        }
    }
    found
}

/// Whether the process that was found reads another configuration than the one asked for, and so is another agent. One
/// that was asked for itself is meant in any case.
fn reads_another(target: &Target, process: &Fact<Process>, assumed: &Namespace, roots: &Roots) -> bool {
    let (Some(wanted), None, Fact::Present(process)) = (&target.config, target.pid, process) else {
        return false;
    };
    let own = match process::config_of(process) {
        Fact::Present(Named::File(path)) => path,
        Fact::Present(Named::CommandLine(_) | Named::Environment(_)) => return true,
        Fact::Absent => process::namespace(process).unwrap_or_else(|| assumed.clone()).agent_config().into(),
        Fact::Unreadable(_) | Fact::NotApplicable => return false,
    };
    let true_name = |path: &Path| std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let agents = roots.agent.as_ref().ok().and_then(|tree| tree.identity(&own));
    match (agents, Tree::default().identity(wanted)) {
        (Some(own), Some(wanted)) => own != wanted,
        _ => true_name(&own) != true_name(wanted),
    }
}

/// Whether a file that an environment names is one that only root can have put there. What another wrote is what he wants to be
/// believed.
fn is_trusted(reach: &Reach, path: &str) -> bool {
    reach.as_ref().map_or(true, |tree| process::is_roots_place(tree, Path::new(path)))
}

/// Where update.yaml must lie. The environment of a process names it, but may be older than the executable's place.
fn update_config(target: &Target, process: &Fact<Process>, namespace: &Namespace) -> String {
    let process = process.present().filter(|_| target.namespace.is_none());
    let named = process
        .filter(|process| process::by_executable(process).is_none())
        .and_then(|process| process.environment.present()?.update_config_file.as_ref());
    match named.map(Text::as_str) {
        Some(path) if path.starts_with('/') => path.to_owned(),
        _ => namespace.update_config(),
    }
}

/// The agent's process: the one asked for, else the main process of its unit, else that of its pid file.
fn find_process(
    target: &Target,
    namespace: &Namespace,
    units: &Units,
    surroundings: Surroundings,
    ahead: &mut Ahead,
) -> Found {
    let is_named = target.pid.is_some();
    match named_process(target, namespace, units, ahead) {
        // Without a service manager, as in a container, it is whatever executes Teleport.
        Fact::Absent if !is_named && surroundings == Surroundings::Container => {
            process::agent_of_container(Users::here(), ahead.process.as_ref())
        }
        agent => Found { agent, several: Vec::new() },
    }
}

fn named_process(target: &Target, namespace: &Namespace, units: &Units, ahead: &mut Ahead) -> Fact<Process> {
    if let Some(pid) = target.pid {
        return ahead.process(pid).map(process::agent_of);
    }
    if let Some(pid) = units.agent.present().and_then(|agent| agent.main_pid) {
        return match ahead.process(pid) {
            // systemd is about to turn this process into the agent; its environment is not yet the agent's.
            Fact::Present(process) if process::is_systemds(&process) => Fact::Unreadable(Why::Timeout),
            found => found.map(process::agent_of),
        };
    }
    match process::agent_of_pid_file(&namespace.pid_file(), Users::here()) {
        Fact::Present(process) => Fact::Present(process),
        Fact::Unreadable(why) => Fact::Unreadable(why),
        // Without the unit's word there may well be a process.
        Fact::Absent | Fact::NotApplicable => match &units.agent {
            Fact::Unreadable(why) => match ahead.process.take().filter(process::is_teleport) {
                Some(known) => Fact::Present(known),
                None => Fact::Unreadable(*why),
            },
            Fact::Present(_) | Fact::Absent | Fact::NotApplicable => Fact::Absent,
        },
    }
}
