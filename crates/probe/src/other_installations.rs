//! Other installations on the same host, for a hint.

use selfcheck_core::Namespace;
use selfcheck_core::layout;

use crate::files::Tree;
use crate::unit_files::ADMIN_DIRS;
use crate::unit_files::VENDOR_DIRS;

/// How many entries of it are looked at.
const MOST: usize = 1_000;
/// The same of /etc and of folders of units.
const MOST_NAMES: usize = 20_000;

/// Installations that have an update.yaml and are not `judged`. Nothing depends on them, so errors count as none.
pub(crate) fn other_installations(tree: &Tree, judged: &Namespace) -> Vec<Namespace> {
    let mut found: Vec<Namespace> = tree
        .names(Namespace::FOLDER, MOST)
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

/// Installations with a suffix that have an updater or an agent, as far as that shows in their files: an update.yaml or a
/// program in their folder, or a configuration and a unit. Looked for where nothing of the default one was found.
pub(crate) fn suffixed_installations(tree: &Tree) -> Vec<Namespace> {
    let installed = tree.names(Namespace::FOLDER, MOST).unwrap_or_default();
    let is_there = |paths: &[String]| paths.iter().any(|path| tree.exists(path).is_present());
    let installed = installed.iter().filter_map(|name| name.parse().ok()).filter(|namespace: &Namespace| {
        is_there(&[vec![namespace.update_config()], layout::agent_programs(namespace)].concat())
    });
    let configured = suffixes(tree, "/etc", ".yaml").into_iter().filter_map(|name| name.parse().ok());
    let configured = configured.filter(|namespace: &Namespace| {
        let unit = namespace.agent_unit();
        is_there(&[ADMIN_DIRS[0], VENDOR_DIRS[1], VENDOR_DIRS[2]].map(|folder| format!("{folder}/{unit}")))
    });
    let all = installed.chain(configured).filter(|namespace| namespace.suffix().is_some());
    let mut found: Vec<_> = all.collect();
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
