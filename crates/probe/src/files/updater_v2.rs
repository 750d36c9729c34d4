//! The files of `teleport-update`.
use std::path::Path;

use jiff::Timestamp;
use selfcheck_core::Fact;
use selfcheck_core::Namespace;
use selfcheck_core::Revision;
use selfcheck_core::Text;
use selfcheck_core::Why;
use selfcheck_core::layout;
use selfcheck_core::observation::Legible;
use selfcheck_core::observation::LockState;
use selfcheck_core::observation::UpdateConfig;
use selfcheck_core::observation::UpdaterBinary;

use super::locks;
use super::outcome::failed;
use super::tree::Tree;
use super::update_config;

/// The files of `teleport-update` of one installation.
pub(crate) struct FilesV2 {
    pub(crate) config_path: Text,
    pub(crate) config: Fact<UpdateConfig>,
    pub(crate) legible: Option<Legible>,
    pub(crate) config_written: Option<Timestamp>,
    pub(crate) lock: Fact<LockState>,
    pub(crate) binary: Fact<UpdaterBinary>,
}

impl FilesV2 {
    /// Reads update.yaml at `config_path`, and what else belongs to `namespace`.
    pub(crate) fn look(tree: &Tree, namespace: &Namespace, config_path: &str, limit: u64) -> Self {
        let text = match tree.read(Path::new(config_path), limit) {
            // A ConfigMap is mounted before its updater has written anything to it.
            Fact::Present(text) if text.trim().is_empty() && config_path != namespace.update_config() => {
                Fact::Absent
            }
            text => text,
        };
        let mut legible = None;
        let document = text.and_read(|text| {
            let document = update_config::parse(&text);
            legible = document.is_err().then(|| update_config::legible(&text));
            document
        });
        let links = document.present().and_then(|document| document.links.clone());
        Self {
            config_path: config_path.into(),
            config: document.map(|document| document.config),
            legible,
            config_written: tree.written(config_path),
            lock: Fact::NotApplicable,
            binary: binary(tree, namespace, links),
        }
    }

    /// Looks whether an updater works right now, which files alone do not tell.
    pub(crate) fn with_lock(self, namespace: &Namespace) -> Self {
        Self { lock: locks::state(&namespace.update_lock()), ..self }
    }

    /// Nothing could be seen.
    pub(crate) fn unreadable(config_path: &str, why: Why) -> Self {
        Self {
            config_path: config_path.into(),
            config: Fact::Unreadable(why),
            legible: None,
            config_written: None,
            lock: Fact::Unreadable(why),
            binary: Fact::Unreadable(why),
        }
    }
}

/// The updater's program: linked by an installation, or as the package brought it. `links` is the folder that
/// update.yaml names for links, where it names one. Its version is the installation's own; its path is one where
/// a shell finds it, if there is one.
fn binary(tree: &Tree, namespace: &Namespace, links: Option<String>) -> Fact<UpdaterBinary> {
    let mut found: Option<UpdaterBinary> = None;
    let mut first_unreadable = None;
    for path in layout::updater_programs(namespace, links) {
        match (program(tree, &path), &mut found) {
            (Fact::Present(binary), None) => found = Some(binary),
            (Fact::Present(binary), Some(found)) if binary.is_in_path() && !found.is_in_path() => {
                found.path = binary.path;
            }
            (Fact::Unreadable(why), _) => first_unreadable = first_unreadable.or(Some(why)),
            _ => {}
        }
    }
    match (found, first_unreadable) {
        (Some(binary), _) => Fact::Present(binary),
        (None, Some(why)) => Fact::Unreadable(why),
        (None, None) => Fact::Absent,
    }
}

fn program(tree: &Tree, path: &str) -> Fact<UpdaterBinary> {
    // Opened as a mere place in the file system, whose kind and true name the open file then tells.
    let file = match tree.place(Path::new(path)) {
        Ok(file) => file,
        Err(error) => return failed(&error),
    };
    if !file.metadata().is_ok_and(|metadata| metadata.is_file()) {
        return Fact::Absent;
    }
    let target = tree.true_name(&file);
    let revision = target.as_deref().and_then(Path::to_str).and_then(Revision::of_program);
    Fact::Present(UpdaterBinary { path: path.into(), revision })
}
