//! The files of `teleport-upgrade`.

use std::path::Path;

use jiff::Timestamp;
use selfcheck_core::Fact;
use selfcheck_core::ProxyAddr;
use selfcheck_core::Text;
use selfcheck_core::Why;
use selfcheck_core::layout;

use super::tree::Tree;

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
        let setting = |path: &str| tree.read(Path::new(path), LIMIT).map(|text| Text::new(text.trim()));
        let [usual, other] = layout::v1::PROGRAMS;
        let script = match tree.exists(usual) {
            Fact::Absent => tree.exists(other),
            found => found,
        };
        Self {
            script,
            endpoint: setting(layout::v1::ENDPOINT).map(|endpoint| server(&endpoint)),
            schedule: setting(layout::v1::SCHEDULE),
            schedule_written: tree.written(layout::v1::SCHEDULE),
            installer: setting(layout::v1::INSTALLER),
            neutralised: tree.exists(layout::v1::NEUTRALISED),
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
