//! Where the files of an agent and of its updater lie, which need not be where whoever looks would find them.

use std::path::Path;

use selfcheck_core::Why;
use selfcheck_core::observation::Environment;
use selfcheck_core::observation::Process;

use crate::files::Reach;
use crate::files::Tree;
use crate::process::Sight;

/// What an agent runs in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Surroundings {
    /// A host, whose service manager starts it, and whose updater replaces its program.
    Host,
    /// A container: it has everything in its own file system, its updater's state among it.
    Container,
}

/// In which file trees an agent's own files, and those of its updater, are read.
#[derive(Debug, Clone)]
pub(crate) struct Roots {
    pub(crate) agent: Reach,
    pub(crate) updater: Reach,
    /// Why it is not known whether the agent sees the same files as whoever looks.
    pub(crate) hidden: Option<Why>,
}

impl Roots {
    /// Those of whoever looks.
    pub(crate) fn own() -> Self {
        Self { agent: Ok(Tree::default()), updater: Ok(Tree::default()), hidden: None }
    }

    /// Those of the agent that `process` is, in these surroundings. An ordinary user may not see where the files of a host's
    /// process are; they are the host's own then.
    pub(crate) fn of(process: &Process, surroundings: Surroundings) -> Self {
        let sight = Sight::of(process.pid);
        let tree = sight.tree(process.pid);
        let is_in_pod = process.environment.present().is_some_and(Environment::is_kubernetes);
        match (sight, surroundings) {
            (Sight::Same, _) => Self::own(),
            (Sight::Hidden(why), Surroundings::Host) => Self { hidden: Some(why), ..Self::own() },
            (Sight::Another { .. }, Surroundings::Host) if !is_in_pod => Self { agent: tree, ..Self::own() },
            (Sight::Another { .. } | Sight::Hidden(_), _) => {
                Self { agent: tree.clone(), updater: tree, hidden: None }
            }
        }
    }

    /// Whether the agent's configuration at `path` is another file than whoever looks finds there. In a container everything is.
    pub(crate) fn has_another(&self, path: &Path, surroundings: Surroundings) -> bool {
        let Ok(tree) = &self.agent else { return false };
        let differs = || tree.identity(path) != Tree::default().identity(path);
        !tree.is_own() && (surroundings == Surroundings::Container || differs())
    }

    /// Whether the agent has another root than its updater, so that equal paths name different files.
    pub(crate) fn differ(&self) -> bool {
        let root = |reach: &Reach| reach.as_ref().ok().and_then(|tree| tree.identity(Path::new("/")));
        root(&self.agent) != root(&self.updater)
    }

    /// Whether systemd runs where the agent's files lie.
    pub(crate) fn have_systemd(&self, mark: &str) -> bool {
        self.agent.as_ref().is_ok_and(|tree| !tree.is_own() && tree.exists(mark).is_present())
    }
}
