//! The files that an updater replaces: those below the folder `versions` beside its update.yaml.

use std::fs::Metadata;
use std::io;
use std::path::Path;
use std::path::PathBuf;

use selfcheck_core::Fact;
use selfcheck_core::Text;
use selfcheck_core::Why;

use crate::files;
use crate::files::Tree;
use crate::files::is_same_file;

/// A version has its programs in `bin`, and a package's folder may lie around that.
const DEEPEST: usize = 5;
/// The most entries of any folder, and of all together, that are compared.
const MOST_ENTRIES: usize = 4_096;

/// The folder of an updater's versions.
pub(crate) struct Versions<'a> {
    tree: &'a Tree,
    /// As update.yaml's own path names it.
    named: PathBuf,
}

impl<'a> Versions<'a> {
    /// The folder beside the update.yaml at `update_config`.
    pub(crate) fn beside(tree: &'a Tree, update_config: &str) -> Self {
        let base = Path::new(update_config).parent().unwrap_or(Path::new("/"));
        Self { tree, named: base.join("versions") }
    }

    /// The place below the folder of the file at `path`, a name free of links. Absent: it is another file.
    pub(crate) fn place_of(&self, path: &Path) -> Fact<Text> {
        match self.tree.metadata(path) {
            Ok(metadata) => self.place_of_file(path, &metadata),
            Err(error) => files::failed(&error),
        }
    }

    /// The same for an open file or a process's program, which was at `path` when it was opened.
    pub(crate) fn place_of_file(&self, path: &Path, file: &Metadata) -> Fact<Text> {
        let is_it = |metadata: io::Result<Metadata>| metadata.is_ok_and(|other| is_same_file(&other, file));
        if self.contains(path) && is_it(self.tree.metadata(path)) {
            return Fact::Present(Text::new(&path.to_string_lossy()));
        }
        let mut left = MOST_ENTRIES;
        match self.search(&self.named, file, DEEPEST, &mut left) {
            Ok(Some(place)) => Fact::Present(Text::new(&place.to_string_lossy())),
            Ok(None) => Fact::Absent,
            Err(why) => Fact::Unreadable(why),
        }
    }

    /// Whether a path that need not exist any more lies below the folder.
    pub(crate) fn contains(&self, path: &Path) -> bool {
        // Where links lead is looked at only where the name does not tell.
        let place = || self.tree.true_name(&self.tree.place(&self.named).ok()?);
        path.starts_with(&self.named) || place().is_some_and(|place| path.starts_with(place))
    }

    fn search(
        &self,
        folder: &Path,
        wanted: &Metadata,
        depth: usize,
        left: &mut usize,
    ) -> Result<Option<PathBuf>, Why> {
        for name in self.tree.names(&folder.to_string_lossy(), MOST_ENTRIES)? {
            *left = left.checked_sub(1).ok_or(Why::TooLarge)?;
            let path = folder.join(name);
            let Ok(metadata) = self.tree.metadata_of_link(&path) else {
                continue; // it has gone meanwhile
            };
            if metadata.is_file() && is_same_file(&metadata, wanted) {
                return Ok(Some(path));
            }
            if metadata.is_dir()
                && depth > 0
                && let Some(found) = self.search(&path, wanted, depth - 1, left)?
            {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn a_file_is_known_by_device_and_inode_wherever_its_names_lie() {
        let root = tempfile::tempdir().expect("folder");
        let at = |name: &str| root.path().join(name);
        std::fs::create_dir_all(at("real/default/versions/18.2.0_ent/bin")).expect("made");
        symlink(at("real"), at("opt")).expect("linked");
        std::fs::write(at("opt/default/versions/18.2.0_ent/bin/teleport"), "program").expect("written");
        std::fs::hard_link(at("opt/default/versions/18.2.0_ent/bin/teleport"), at("linked")).expect("linked");
        std::fs::copy(at("linked"), at("copied")).expect("copied");
        let tree = Tree::default();
        let update_config = at("opt/default/update.yaml");
        let versions = Versions::beside(&tree, update_config.to_str().expect("path"));
        let is_managed = |name: &str| versions.place_of(&at(name)).is_present();
        assert!(is_managed("real/default/versions/18.2.0_ent/bin/teleport"));
        assert!(is_managed("opt/default/versions/18.2.0_ent/bin/teleport") && is_managed("linked"));
        assert_eq!(versions.place_of(&at("copied")), Fact::Absent);
        assert!(versions.contains(&at("real/default/versions/gone/bin/teleport")));
        assert!(!versions.contains(&at("real/default/versions-old/bin/teleport")));
    }
}
