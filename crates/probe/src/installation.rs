//! What lies on disk of one installation, whoever runs it.

use selfcheck_core::Fact;
use selfcheck_core::Namespace;
use selfcheck_core::Why;
use selfcheck_core::observation::Host;

use crate::files;
use crate::files::FilesV1;
use crate::files::FilesV2;
use crate::files::Reach;
use crate::host;
use crate::host::Constants;
use crate::other_installations::other_installations;

/// The files of both updaters, and the host they lie on.
pub(crate) struct Installation {
    pub(crate) host: Host,
    pub(crate) v2: FilesV2,
    pub(crate) v1: FilesV1,
}

impl Installation {
    /// Reads the files of `namespace` in `reach`, with update.yaml at `update_config`.
    pub(crate) fn look(
        reach: &Reach,
        namespace: &Namespace,
        update_config: &str,
        limit: u64,
        constants: &Constants,
    ) -> Self {
        let host = host::look(constants);
        match reach {
            Ok(tree) if tree.is_own() => Self {
                host: Host {
                    other_installations: other_installations(tree, namespace),
                    read_only: files::read_only(namespace),
                    ..host
                },
                v2: FilesV2::look(tree, namespace, update_config, limit).with_lock(namespace),
                v1: FilesV1::look(tree),
            },
            // The file system of a container. Nobody locks or mends anything there.
            Ok(tree) => Self {
                host: Host { os_version: host::os_version(tree), ..host },
                v2: FilesV2::look(tree, namespace, update_config, limit),
                v1: FilesV1::look(tree),
            },
            Err(why) => {
                let v2 = FilesV2::unreadable(update_config, *why);
                let v2 = FilesV2 { lock: Fact::NotApplicable, binary: Fact::NotApplicable, ..v2 };
                Self { host, v2, v1: FilesV1::not_applicable() }
            }
        }
    }

    /// Nothing could be seen.
    pub(crate) fn unreadable(update_config: &str, why: Why) -> Self {
        Self {
            host: host::without_files(),
            v2: FilesV2::unreadable(update_config, why),
            v1: FilesV1::unreadable(why),
        }
    }
}
