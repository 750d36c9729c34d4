//! The files whose change matters.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::Path;
use std::path::PathBuf;

use selfcheck_core::Generation;
use selfcheck_core::Namespace;
use selfcheck_core::Observation;

use crate::files::ADMIN_DIRS;
use crate::files::VENDOR_DIRS;
use crate::files::enabling_links;
use crate::target::Target;

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
pub(super) struct Places(BTreeMap<PathBuf, Names>);

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
        Self::new(&namespace, &namespace.update_config(), &config)
    }

    /// Where to listen after a look.
    pub(super) fn of(observation: &Observation) -> Self {
        let config = Path::new(observation.agent.config_path.as_str());
        Self::new(&observation.agent.namespace, observation.v2.config_path.as_str(), config)
    }

    fn new(namespace: &Namespace, update_config: &str, config: &Path) -> Self {
        let mut places = Self::default();
        places.file(update_config);
        places.file(config);
        let program = Generation::V2.updater();
        for folder in [&*namespace.link_dir(), "/usr/local/bin", "/usr/bin", "/opt/teleport/system/bin"] {
            places.file(format!("{folder}/{program}"));
        }
        for folder in ["/usr/sbin", "/usr/local/bin"] {
            places.file(format!("{folder}/{}", Generation::V1.updater()));
        }
        places.folder("/etc/teleport-upgrade.d");
        for generation in [Generation::V2, Generation::V1] {
            let (timer, service) = (generation.timer(namespace), generation.service(namespace));
            for unit in [&timer, &service] {
                for folder in ADMIN_DIRS.iter().chain(&VENDOR_DIRS) {
                    places.file(format!("{folder}/{unit}"));
                }
                places.folder(format!("{}/{unit}.d", ADMIN_DIRS[0]));
            }
            for link in enabling_links(&timer, &namespace.agent_unit()) {
                places.file(link);
            }
        }
        places
    }

    /// The folders, those above others first.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&PathBuf, &Names)> {
        self.0.iter()
    }

    fn file(&mut self, path: impl AsRef<Path>) {
        let mut path = path.as_ref();
        while let (Some(folder), Some(name)) = (path.parent(), path.file_name()) {
            let names = self.0.entry(folder.to_owned()).or_insert_with(|| Names::These(BTreeSet::new()));
            if let Names::These(names) = names {
                names.insert(name.to_owned());
            }
            path = folder;
        }
    }

    fn folder(&mut self, path: impl AsRef<Path>) {
        self.file(&path);
        self.0.insert(path.as_ref().to_owned(), Names::All);
    }
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
        let listened = |folder: &str, name: &str| places.0[Path::new(folder)].contain(&name.into());
        assert!(listened("/", "opt") && listened("/opt/teleport/default", "update.yaml"));
        assert!(!listened("/opt/teleport/default", "update.lock") && !listened("/", "tmp"));
        assert!(listened("/etc/teleport-upgrade.d", "endpoint") && listened("/etc", "teleport.yaml"));
        assert!(listened("/etc/systemd/system/teleport-update.timer.d", "any.conf"));
        assert!(listened("/etc/systemd/system/teleport.service.wants", "teleport-update.timer"));
        assert!(listened("/etc/systemd/system/timers.target.wants", "teleport-upgrade.timer"));
    }
}
