//! What lies on disk under a unit's name, beside what systemd has loaded.

use selfcheck_core::Fact;
use selfcheck_core::observation::UnitState;

use super::tree::Tree;

/// Where packages put units, in systemd's order.
pub(crate) const VENDOR_DIRS: [&str; 3] =
    ["/usr/local/lib/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system"];

/// Completes a unit's state: whether the file it was read from is still there, and, for a masked unit, whether
/// a packaged one would come back.
pub(crate) fn complete(tree: &Tree, state: &mut UnitState) {
    if let Fact::Present(path) = &state.fragment {
        state.fragment = tree.exists(path.as_str());
    }
    if state.is_masked() {
        let candidates = VENDOR_DIRS.map(|dir| tree.has_content(&format!("{dir}/{}", state.unit)));
        state.vendor_file = candidates.into_iter().find(Fact::is_present).unwrap_or(Fact::Absent);
    }
}
