//! The files of `teleport-upgrade`.

use std::path::Path;

use jiff::Timestamp;
use selfcheck_core::Fact;
use selfcheck_core::ProxyAddr;
use selfcheck_core::Text;
use selfcheck_core::Why;

use super::tree::Tree;

/// The drop-in by which managed updates v2 take v1 out of action.
const NEUTRALISING: &str = "/etc/systemd/system/teleport-upgrade.service.d/teleport-update.conf";
/// Where its configuration lies.
const FOLDER: &str = "/etc/teleport-upgrade.d";
/// Each file of v1 holds one short line.
const LIMIT: u64 = 64 << 10;

/// The files of `teleport-upgrade`.
pub(crate) struct FilesV1 {
    pub(crate) script: Fact<Text>,
    pub(crate) endpoint: Fact<Text>,
    pub(crate) schedule: Fact<Text>,
    pub(crate) schedule_written: Option<Timestamp>,
    pub(crate) installer: Fact<Text>,
    pub(crate) neutralised: Fact<Text>,
}

/// The version server of an endpoint. Its path and query, which may hold a secret, are not kept.
fn server(endpoint: &Text) -> Text {
    match endpoint.as_str().parse::<ProxyAddr>() {
        Ok(server) => Text::new(&server.to_string()),
        Err(_) if endpoint.is_empty() => Text::default(),
        Err(_) => Text::new("(not an address)"),
    }
}

impl FilesV1 {
    pub(crate) fn look(tree: &Tree) -> Self {
        let setting = |name: &str| {
            let path = format!("{FOLDER}/{name}");
            tree.read(Path::new(&path), LIMIT).map(|text| Text::new(text.trim()))
        };
        let script = match tree.exists("/usr/sbin/teleport-upgrade") {
            Fact::Absent => tree.exists("/usr/local/bin/teleport-upgrade"),
            found => found,
        };
        Self {
            script,
            endpoint: setting("endpoint").map(|endpoint| server(&endpoint)),
            schedule: setting("schedule"),
            schedule_written: tree.written(&format!("{FOLDER}/schedule")),
            installer: setting("installer"),
            neutralised: tree.exists(NEUTRALISING),
        }
    }

    /// Where no service manager of a host runs, this updater is of no concern.
    pub(crate) const fn not_applicable() -> Self {
        Self {
            script: Fact::NotApplicable,
            endpoint: Fact::NotApplicable,
            schedule: Fact::NotApplicable,
            schedule_written: None,
            installer: Fact::NotApplicable,
            neutralised: Fact::NotApplicable,
        }
    }

    /// Nothing could be seen.
    pub(crate) const fn unreadable(why: Why) -> Self {
        Self {
            script: Fact::Unreadable(why),
            endpoint: Fact::Unreadable(why),
            schedule: Fact::Unreadable(why),
            schedule_written: None,
            installer: Fact::Unreadable(why),
            neutralised: Fact::Unreadable(why),
        }
    }
}
