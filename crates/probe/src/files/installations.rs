//! Other installations on the same host, for a hint.

use selfcheck_core::Namespace;

use super::tree::Tree;

/// Where installations lie.
const FOLDER: &str = "/opt/teleport";
/// How many entries of it are looked at.
const MOST: usize = 1_000;

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
