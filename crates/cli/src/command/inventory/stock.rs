//! Warnings about what a stock auth server does not report.

use selfcheck_core::Text;
use selfcheck_daemon::report::ReportError;
use selfcheck_reporter::ReadCount;
use selfcheck_reporter::StockInventory;

use crate::output::Output;

use super::row::Row;

/// What the auth server did not report about the agents that were read.
#[derive(Debug, Default)]
pub(super) struct Gaps {
    version: Option<Text>,
    /// Why the connected agents could not be read.
    connected: Option<String>,
    /// Agents that are unknown only because their updater is not reported.
    updaters: usize,
    /// Agents that may be held: the state of their updater is not reported.
    states: usize,
    /// Agents that match, except for conditions about unknown fields.
    left_out: usize,
}

/// Its verdicts are no more than claims.
pub(super) fn warn(output: &Output) {
    output.warn("this is a stock auth server: verdicts are based on what agents claim");
}

/// Why it may have no instances, and what is listed or counted instead.
pub(super) fn warn_empty(instead: &str, output: &Output) {
    output.warn(&format!(
        "this auth server has no instances: they come with heartbeats, minutes after an agent connects, if heartbeats are on \
         (before Teleport 15: TELEPORT_UNSTABLE_ENABLE_INSTANCE_HB=yes; since then unless \
         TELEPORT_UNSTABLE_DISABLE_INSTANCE_HB=yes){instead}"
    ));
}

/// Entries that are not agents.
pub(super) fn warn_unreadable(entries: usize, output: &Output) {
    if entries > 0 {
        output.warn(&format!("{entries} entries are unreadable or name no agent, and are left out"));
    }
}

/// Why the connected agents could not be read.
pub(super) fn not_connected(error: &ReportError) -> String {
    match error {
        error if error.is_denied() => "; the built-in role `Admin` may list connected agents".to_owned(),
        ReportError::Answer { status, .. } => {
            format!("; connected agents could not be listed: {}", Text::new(status.message()))
        }
        other => format!("; connected agents could not be listed: {other}"),
    }
}

impl Gaps {
    pub(super) fn of(inventory: &StockInventory<'_>, output: &Output) -> Self {
        let mut connected = inventory.connected_error.as_ref().map(not_connected);
        if !inventory.has_instances {
            let only = || "; only agents connected to this one auth server are listed".to_owned();
            warn_empty(&connected.take().unwrap_or_else(only), output);
        }
        Self { version: inventory.version.clone(), connected, ..Self::default() }
    }

    /// Counts an agent.
    pub(super) fn add(&mut self, row: &Row) {
        self.updaters += usize::from(row.is_beyond_server());
        self.states += usize::from(row.knows(Row::UPGRADER) && !row.knows(Row::UPDATER_STATUS));
    }

    /// Counts an agent that matches, except for conditions about unknown fields.
    pub(super) const fn leave_out(&mut self) {
        self.left_out += 1;
    }

    /// An agent was not found, and may be connected.
    pub(super) fn warn_absent(&self, output: &Output) {
        if let Some(connected) = &self.connected {
            output.warn(&format!("this auth server has no instance of this agent{connected}"));
        }
    }

    /// One line for each kind of gap.
    pub(super) fn warn(&self, read: ReadCount, output: &Output) {
        let Self { version, connected, updaters, states, left_out } = self;
        let server = version.as_ref().map(|version| format!(", Teleport {version},")).unwrap_or_default();
        let connected = connected.as_deref().unwrap_or_default();
        let agents = read.agents;
        let lines = [
            (*updaters, "which updater an agent has", "are unknown for this reason only", connected),
            (
                *states,
                "whether updates are paused",
                "may be held",
                if *updaters > 0 { "" } else { connected },
            ),
            (*left_out, "a field to filter by", "are left out", ""),
        ];
        for (number, field, consequence, connected) in lines {
            if number > 0 {
                output.warn(&format!(
                    "this auth server{server} does not report {field}: {number} of {agents} agents {consequence}{connected}"
                ));
            }
        }
        warn_unreadable(read.unreadable, output);
    }
}
