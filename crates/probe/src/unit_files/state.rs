//! What lies on disk under a unit's name, beside what systemd has loaded.

use std::fs;
use std::io;
use std::path::Path;
use std::path::PathBuf;

use selfcheck_core::Fact;
use selfcheck_core::observation::UnitFileState;
use selfcheck_core::observation::UnitState;

use crate::files::Tree;

use super::folders::ADMIN_DIRS;
use super::folders::VENDOR_DIRS;
use super::folders::lasting_file;
use super::settings::keys_of;

/// Completes a unit's state: whether the file it was read from is still there, whether a boot will find one, and, for a
/// masked unit, whether a packaged one would come back.
pub(crate) fn complete(tree: &Tree, state: &mut UnitState) {
    if let Fact::Present(path) = &state.fragment {
        state.fragment = tree.exists(path.as_str());
    }
    state.lasting_file = lasting_file(tree, state.unit.as_str());
    for drop_in in &mut state.drop_ins {
        drop_in.sets = keys_of(tree, drop_in.path.as_str());
    }
    if state.is_masked() {
        let candidates = VENDOR_DIRS.map(|dir| tree.has_content(&format!("{dir}/{}", state.unit)));
        state.vendor_file = candidates.into_iter().find(Fact::is_present).unwrap_or(Fact::Absent);
    }
}

/// The links by which a timer is usually enabled: that of v2 for its agent, that of v1 for itself.
pub(crate) fn enabling_links(timer: &str, agent: &str) -> [PathBuf; 2] {
    [agent, "timers.target"].map(|by| Path::new(ADMIN_DIRS[0]).join(format!("{by}.wants")).join(timer))
}

/// Whether the files of a unit on disk contradict what systemd says of them. It looks at them once and then keeps to
/// what it saw until it is reloaded, whoever changes them. `agent` is the agent's unit.
pub(crate) fn contradict(state: &UnitState, agent: &str) -> bool {
    let Some(said) = state.unit_file_state else { return false };
    let said_masked = matches!(said, UnitFileState::Masked | UnitFileState::MaskedRuntime);
    if masked_on_disk(state.unit.as_str()).is_some_and(|masked| masked != said_masked) {
        return true;
    }
    let mut links = enabling_links(state.unit.as_str(), agent).into_iter().map(fs::symlink_metadata);
    match said {
        UnitFileState::Enabled => {
            links.all(|link| link.is_err_and(|error| error.kind() == io::ErrorKind::NotFound))
        }
        UnitFileState::Disabled | UnitFileState::Linked => links.any(|link| link.is_ok()),
        _ => false,
    }
}

/// Whether the file that counts for `unit` is a link to nothing or empty; `None` if that cannot be told.
fn masked_on_disk(unit: &str) -> Option<bool> {
    for folder in ADMIN_DIRS.iter().chain(&VENDOR_DIRS) {
        let path = Path::new(folder).join(unit);
        match fs::symlink_metadata(&path) {
            Ok(metadata) if metadata.is_symlink() => {
                return fs::read_link(&path).ok().map(|target| target == Path::new("/dev/null"));
            }
            Ok(metadata) => return Some(metadata.is_file() && metadata.len() == 0),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(_) => return None,
        }
    }
    None
}
