//! What an agent reads its configuration from.

use std::path::Path;
use std::path::PathBuf;

use selfcheck_core::Fact;
use selfcheck_core::Namespace;
use selfcheck_core::Text;
use selfcheck_core::observation::ConfigSource;

use crate::files::AgentFiles;
use crate::files::Reach;

/// The variable that may hold an agent's configuration, in base64.
pub(crate) const VARIABLE: &str = "TELEPORT_CONFIG";

/// What an agent was told to read its configuration from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Named {
    /// This file.
    File(PathBuf),
    /// What its command line holds, in base64.
    CommandLine(String),
    /// What its environment holds, in base64.
    Environment(String),
}

/// The configuration of an agent, and where it is.
pub(crate) struct Configuration {
    pub(crate) source: ConfigSource,
    /// The file, where it is one.
    pub(crate) path: Text,
    pub(crate) files: AgentFiles,
}

impl Configuration {
    /// The file `wanted`, else what was named, else the usual file of `namespace`. `read` reads a file.
    pub(crate) fn look(
        reach: &Reach,
        wanted: Option<&Path>,
        named: Fact<Named>,
        namespace: &Namespace,
        limit: u64,
        read: impl FnOnce(&Path) -> AgentFiles,
    ) -> Self {
        let named = wanted.map_or(named, |path| Fact::Present(Named::File(path.to_owned())));
        let decode = |source, encoded: &str| Self {
            source,
            path: Text::default(),
            files: AgentFiles::decode(reach, encoded, &namespace.data_dir(), limit),
        };
        let file = |path: &Path| Self {
            source: ConfigSource::File,
            path: Text::new(&path.to_string_lossy()),
            files: read(path),
        };
        match named {
            Fact::Present(Named::CommandLine(encoded)) => decode(ConfigSource::CommandLine, &encoded),
            Fact::Present(Named::Environment(encoded)) => decode(ConfigSource::Environment, &encoded),
            Fact::Present(Named::File(path)) => file(&path),
            Fact::Absent | Fact::NotApplicable => file(Path::new(&namespace.agent_config())),
            Fact::Unreadable(why) => {
                Self { source: ConfigSource::File, path: Text::default(), files: AgentFiles::unreadable(why) }
            }
        }
    }
}
