//! Other installations on the same host, for a hint.

use selfcheck_core::Namespace;

use crate::unit_files::ADMIN_DIRS;
use crate::unit_files::VENDOR_DIRS;

use super::tree::Tree;

/// Where installations lie.
const FOLDER: &str = "/opt/teleport";
/// How many entries of it are looked at.
const MOST: usize = 1_000;
/// The same of /etc and of folders of units.
const MOST_NAMES: usize = 20_000;

/// Installations that have an update.yaml and are not `judged`. Nothing depends on them, so errors count as none.
pub(crate) fn other_installations(tree: &Tree, judged: &Namespace) -> Vec<Namespace> {
    let mut found: Vec<Namespace> = tree
        .names(FOLDER, MOST)
        .unwrap_or_default()
        .iter()
        .filter_map(|name| name.parse().ok())
        .filter(|namespace: &Namespace| {
            namespace != judged && tree.exists(&namespace.update_config()).is_present()
        })
        .collect();
    found.sort();
    found
}

/// Installations with a suffix that have an updater or an agent, as far as that shows in their files: an update.yaml, a
/// configuration, a unit or a program. Looked for where nothing of the default one was found.
pub(crate) fn suffixed_installations(tree: &Tree) -> Vec<Namespace> {
    let installed = tree.names(FOLDER, MOST).unwrap_or_default().into_iter();
    let configured = suffixes(tree, "/etc", ".yaml");
    let units =
        [ADMIN_DIRS[0], VENDOR_DIRS[1]].into_iter().flat_map(|folder| suffixes(tree, folder, ".service"));
    let mut found: Vec<Namespace> = installed
        .filter(|name| {
            name.parse().is_ok_and(|namespace: Namespace| {
                let program = format!("{}/teleport", namespace.link_dir());
                [namespace.update_config(), program].iter().any(|path| tree.exists(path).is_present())
            })
        })
        .chain(configured)
        .chain(units)
        .filter_map(|name| name.parse().ok())
        .filter(|namespace: &Namespace| namespace.suffix().is_some())
        .collect();
    found.sort();
    found.dedup();
    found
}

/// The suffixes in the names `teleport_<suffix><ending>` of a folder.
fn suffixes(tree: &Tree, folder: &str, ending: &str) -> Vec<String> {
    let names = tree.names(folder, MOST_NAMES).unwrap_or_default();
    let suffix = |name: &String| Some(name.strip_prefix("teleport_")?.strip_suffix(ending)?.to_owned());
    names.iter().filter_map(suffix).collect()
}
