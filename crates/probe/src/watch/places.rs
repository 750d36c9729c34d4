//! The files whose change matters.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs;
use std::path::Path;
use std::path::PathBuf;

use selfcheck_core::Fact;
use selfcheck_core::Generation;
use selfcheck_core::Namespace;
use selfcheck_core::Observation;
use selfcheck_core::Text;
use selfcheck_core::layout;

use crate::files::Tree;
use crate::process;
use crate::target::Target;
use crate::unit_files::ADMIN_DIRS;
use crate::unit_files::VENDOR_DIRS;
use crate::unit_files::enabling_links;

/// What to listen for in one folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Names {
    /// Entries of these names.
    These(BTreeSet<OsString>),
    /// Every entry.
    All,
}

/// Folders, and what in them matters: each file looked at, in its folder, and every folder on the way to it, which
/// may come later or be replaced.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Places {
    folders: BTreeMap<PathBuf, Names>,
    /// Files that may be links to somewhere else, as configurations often are, and the folder under which they lie.
    linked: Vec<(PathBuf, PathBuf)>,
}

/// Where paths begin for whoever looks.
const ROOT: &str = "/";
/// Links to links are followed so far, as the kernel does.
const LINKS: usize = 40;

impl Names {
    pub(super) fn contain(&self, name: &OsString) -> bool {
        match self {
            Self::These(names) => names.contains(name),
            Self::All => true,
        }
    }
}

impl Places {
    /// Where to listen before anything was seen.
    pub(super) fn before_the_first_look(target: &Target) -> Self {
        let namespace = target.namespace.clone().unwrap_or_default();
        let config = target.config.clone().unwrap_or_else(|| namespace.agent_config().into());
        let mut places = Self::of_installation(&namespace, &namespace.update_config(), ROOT);
        places.of_agent(&config, &namespace.data_dir(), ROOT);
        places
    }

    /// Where to listen after a look.
    pub(super) fn of(observation: &Observation, target: &Target) -> Self {
        let agent = &observation.agent;
        // An agent that was given its configuration as a string may be started with the usual file next time.
        let usual = agent.namespace.agent_config();
        let config = if agent.config_path.is_empty() { usual.as_str() } else { agent.config_path.as_str() };
        let root = agent.process.present().and_then(|process| process.root.as_ref());
        let root = root.map_or(ROOT, Text::as_str);
        // In a container everything is the agent's own.
        let is_in_container = observation.systemd.booted.is_absent() || observation.kubernetes.is_present();
        let updaters = if is_in_container { root } else { ROOT };
        let update_config = observation.v2.config_path.as_str();
        let mut places = Self::of_installation(&agent.namespace, update_config, updaters);
        let configs = if target.config.is_some() { ROOT } else { root };
        places.of_agent(Path::new(config), &agent.data_dir(), configs);
        if let Fact::Present(binary) = &observation.v2.binary {
            places.file(binary.path.as_str()); // in a folder that update.yaml may name
        }
        let timers = [&observation.v2.timer, &observation.v1.timer].into_iter().filter_map(Fact::present);
        for starter in timers.filter_map(|timer| timer.starters.present()).flatten() {
            places.file(starter.by.as_str());
            for folder in ADMIN_DIRS.iter().chain(&VENDOR_DIRS) {
                places.file(format!("{folder}/{}", starter.unit));
            }
        }
        if observation.kubernetes.is_present() {
            for mounted in [&target.pod.labels, &target.pod.annotations] {
                places.linked(mounted, root);
            }
        }
        places
    }

    /// What is the agent's own, under `root`.
    fn of_agent(&mut self, config: &Path, data_dir: &str, root: &str) {
        self.linked(config, root);
        self.file(below(root, format!("{data_dir}/host_uuid")));
    }

    fn of_installation(namespace: &Namespace, update_config: &str, root: &str) -> Self {
        let mut places = Self::default();
        places.linked(Path::new(update_config), root);
        places.file(namespace.pid_file());
        for program in
            layout::updater_programs(namespace, None).into_iter().chain(layout::agent_programs(namespace))
        {
            places.file(program);
        }
        for program in layout::v1::PROGRAMS {
            places.file(program);
        }
        places.folder(layout::v1::FOLDER);
        for generation in [Generation::V2, Generation::V1] {
            let (timer, service) = (generation.timer(namespace), generation.service(namespace));
            for unit in [&timer, &service] {
                for folder in ADMIN_DIRS.iter().chain(&VENDOR_DIRS) {
                    places.file(format!("{folder}/{unit}"));
                }
                places.folder(format!("{}/{unit}.d", ADMIN_DIRS[0]));
            }
            for folder in ADMIN_DIRS.iter().chain(&VENDOR_DIRS) {
                places.file(format!("{folder}/{}", namespace.agent_unit())); // which starts the timer
            }
            for link in enabling_links(&timer, &namespace.agent_unit()) {
                places.file(link);
            }
        }
        places
    }

    /// The same, and where files lie that are links now.
    pub(super) fn following_links(mut self) -> Self {
        for (file, root) in self.linked.clone() {
            let mut file = file;
            for _ in 0..LINKS {
                let (Some(target), Some(folder)) = (target_of_link(&file), file.parent()) else { break };
                file = if target.is_absolute() { below(&root, target) } else { folder.join(target) };
                self.file(&file);
            }
        }
        self
    }

    /// The folders, those above others first.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&PathBuf, &Names)> {
        self.folders.iter()
    }

    fn linked(&mut self, path: &Path, root: &str) {
        let path = below(root, path);
        self.file(&path);
        self.linked.push((path, root.into()));
    }

    fn file(&mut self, path: impl AsRef<Path>) {
        let mut path = path.as_ref();
        while let (Some(folder), Some(name)) = (path.parent(), path.file_name()) {
            let names =
                self.folders.entry(folder.to_owned()).or_insert_with(|| Names::These(BTreeSet::new()));
            if let Names::These(names) = names {
                names.insert(name.to_owned());
            }
            path = folder;
        }
    }

    fn folder(&mut self, path: impl AsRef<Path>) {
        self.file(&path);
        self.folders.insert(path.as_ref().to_owned(), Names::All);
    }
}

/// What the link `file` says, if it is one. Below the root of a process it is the one that this process sees.
fn target_of_link(file: &Path) -> Option<PathBuf> {
    match process::below_root(file) {
        None => fs::read_link(file).ok(),
        Some((root, path)) => Tree::within(&root).ok()?.target_of_link(&path).ok(),
    }
}

/// A path as it is named under `root`.
fn below(root: impl AsRef<Path>, path: impl AsRef<Path>) -> PathBuf {
    let path = path.as_ref();
    root.as_ref().join(path.strip_prefix(ROOT).unwrap_or(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_folder_on_the_way_is_listened_in_before_those_below() {
        let places = Places::before_the_first_look(&Target::default());
        let folders: Vec<_> = places.iter().map(|(folder, _)| folder.to_str().expect("path")).collect();
        let at = |wanted: &str| folders.iter().position(|folder| *folder == wanted).expect(wanted);
        assert!(at("/") < at("/opt") && at("/opt") < at("/opt/teleport"));
        assert!(at("/opt/teleport") < at("/opt/teleport/default"));
        let listened = |folder: &str, name: &str| places.folders[Path::new(folder)].contain(&name.into());
        assert!(listened("/", "opt") && listened("/opt/teleport/default", "update.yaml"));
        assert!(!listened("/opt/teleport/default", "update.lock") && !listened("/", "tmp"));
        assert!(listened("/etc/teleport-upgrade.d", "endpoint") && listened("/etc", "teleport.yaml"));
        assert!(listened("/usr/local/bin", "teleport") && listened("/usr/bin", "teleport-update"));
        assert!(listened("/etc/systemd/system/teleport-update.timer.d", "any.conf"));
        assert!(listened("/etc/systemd/system/teleport.service.wants", "teleport-update.timer"));
        assert!(listened("/etc/systemd/system/timers.target.wants", "teleport-upgrade.timer"));
        assert!(listened("/var/lib/teleport", "host_uuid") && !listened("/var/lib/teleport", "debug.sock"));
    }

    #[test]
    fn a_file_behind_links_is_listened_to_where_it_lies() {
        let folder = tempfile::tempdir().expect("folder");
        let at = |name: &str| folder.path().join(name);
        // As Kubernetes mounts them: one link to a file in a folder that is a link itself.
        std::fs::create_dir(at("version-1")).expect("made");
        std::fs::write(at("version-1/teleport.yaml"), "").expect("written");
        std::os::unix::fs::symlink("version-1", at("now")).expect("linked");
        std::os::unix::fs::symlink("now/teleport.yaml", at("teleport.yaml")).expect("linked");
        let target = Target::default().config(at("teleport.yaml"));
        let places = Places::before_the_first_look(&target).following_links();
        let listened = |folder: &Path, name: &str| places.folders[folder].contain(&name.into());
        assert!(listened(folder.path(), "teleport.yaml") && listened(folder.path(), "now"));
        assert!(listened(&at("now"), "teleport.yaml"));
        // A circle ends.
        std::os::unix::fs::symlink(at("circle"), at("circle")).expect("linked");
        let target = Target::default().config(at("circle"));
        Places::before_the_first_look(&target).following_links();
    }
}
