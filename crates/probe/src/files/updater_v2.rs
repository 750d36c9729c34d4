//! The files of `teleport-update`.

use std::path::Path;

use selfcheck_core::Fact;
use selfcheck_core::Namespace;
use selfcheck_core::Revision;
use selfcheck_core::Text;
use selfcheck_core::Why;
use selfcheck_core::observation::LockState;
use selfcheck_core::observation::UpdateConfig;
use selfcheck_core::observation::UpdaterBinary;

use super::locks;
use super::read::failed;
use super::read::read;
use super::update_config;

/// The files of `teleport-update` of one installation.
pub(crate) struct FilesV2 {
    pub(crate) config_path: Text,
    pub(crate) config: Fact<UpdateConfig>,
    pub(crate) lock: Fact<LockState>,
    pub(crate) binary: Fact<UpdaterBinary>,
}

impl FilesV2 {
    /// Reads update.yaml at `config_path`, and what else belongs to `namespace`.
    pub(crate) fn look(namespace: &Namespace, config_path: &str, limit: u64) -> Self {
        let config = read(Path::new(config_path), limit).and_read(|text| update_config::parse(&text));
        Self {
            config_path: config_path.into(),
            config,
            lock: locks::state(&namespace.update_lock()),
            binary: binary(namespace),
        }
    }

    /// Nothing could be seen.
    pub(crate) fn unreadable(config_path: &str, why: Why) -> Self {
        Self {
            config_path: config_path.into(),
            config: Fact::Unreadable(why),
            lock: Fact::Unreadable(why),
            binary: Fact::Unreadable(why),
        }
    }
}

/// The updater's program: linked by an installation, or as the package brought it.
fn binary(namespace: &Namespace) -> Fact<UpdaterBinary> {
    let folders = [
        namespace.link_dir(),
        "/usr/local/bin".to_owned(),
        "/opt/teleport/system/bin".to_owned(),
        "/usr/bin".to_owned(),
    ];
    let mut first_unreadable = None;
    for folder in folders {
        let path = format!("{folder}/{}", selfcheck_core::Generation::V2.updater());
        match program(&path) {
            Fact::Absent | Fact::NotApplicable => {}
            Fact::Unreadable(why) => first_unreadable = first_unreadable.or(Some(why)),
            Fact::Present(binary) => return Fact::Present(binary),
        }
    }
    first_unreadable.map_or(Fact::Absent, Fact::Unreadable)
}

fn program(path: &str) -> Fact<UpdaterBinary> {
    match std::fs::metadata(path) {
        Ok(metadata) if metadata.is_file() => {}
        Ok(_) => return Fact::Absent,
        Err(error) => return failed(&error),
    }
    let target = std::fs::canonicalize(path).ok();
    let revision = target.as_deref().and_then(Path::to_str).and_then(revision_of);
    Fact::Present(UpdaterBinary { path: path.into(), revision })
}

/// The version folder a program lies in.
fn revision_of(path: &str) -> Option<Revision> {
    let (_, after) = path.rsplit_once("/versions/")?;
    Revision::from_folder(after.split_once('/')?.0)
}
