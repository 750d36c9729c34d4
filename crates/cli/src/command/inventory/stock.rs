//! What is said where an auth server is a stock one: what it cannot tell.

use selfcheck_agent::report::ReportError;
use selfcheck_core::Text;
use selfcheck_inventory::agent::Read;
use selfcheck_inventory::agent::StockInventory;

use crate::output::Output;

use super::row::Row;

/// What could not be told of the agents that were read.
#[derive(Debug, Default)]
pub(super) struct Untold {
    version: Option<Text>,
    /// Why not even connected agents were told of.
    connected: Option<String>,
    /// Agents that nobody can judge for that alone.
    unknown: usize,
    /// Agents that may be held, which does not show.
    states: usize,
    /// Agents that were left out because a condition could not be tried.
    left_out: usize,
}

/// Its verdicts are no more than claims.
pub(super) fn warn(output: &Output) {
    output.warn("this auth server is a stock one: its verdicts are what agents claim");
}

/// That it keeps no instances, and what is told instead.
pub(super) fn warn_empty(instead: &str, output: &Output) {
    output.warn(&format!(
        "this auth server keeps no instances: they come by heartbeats, minutes after an agent connects, and only where those are on (before Teleport \
         15 by TELEPORT_UNSTABLE_ENABLE_INSTANCE_HB=yes, since then unless TELEPORT_UNSTABLE_DISABLE_INSTANCE_HB=yes){instead}"
    ));
}

/// That so many entries are no agents.
pub(super) fn warn_unread(unread: usize, output: &Output) {
    if unread > 0 {
        output.warn(&format!("{unread} entries cannot be read or name no agent, and are left out"));
    }
}

/// Why those that are connected were not told of.
pub(super) fn why(error: &ReportError) -> String {
    match error {
        error if error.is_denied() => "; the built-in role `Admin` may ask who is connected".to_owned(),
        ReportError::Answer { status, .. } => {
            format!("; who is connected could not be asked: {}", Text::new(status.message()))
        }
        other => format!("; who is connected could not be asked: {other}"),
    }
}

impl Untold {
    pub(super) fn of(inventory: &StockInventory<'_>, output: &Output) -> Self {
        let mut connected = inventory.untold.as_ref().map(why);
        if !inventory.keeps_any {
            let only = || "; told are only the agents connected to this one auth server".to_owned();
            warn_empty(&connected.take().unwrap_or_else(only), output);
        }
        Self { version: inventory.version.clone(), connected, ..Self::default() }
    }

    /// Takes note of an agent.
    pub(super) fn note(&mut self, row: &Row) {
        self.unknown += usize::from(row.is_beyond_server());
        self.states += usize::from(row.tells(Row::UPGRADER) && !row.tells(Row::UPDATER_STATUS));
    }

    /// An agent is left out because a condition could not be tried.
    pub(super) const fn leave_out(&mut self) {
        self.left_out += 1;
    }

    /// Says all of it, each in a line.
    pub(super) fn warn(&self, read: Read, output: &Output) {
        let Self { version, connected, unknown, states, left_out } = self;
        let of = version.as_ref().map(|version| format!(", Teleport {version},")).unwrap_or_default();
        let connected = connected.as_deref().unwrap_or_default();
        let agents = read.agents;
        if *unknown > 0 {
            output.warn(&format!(
                "this auth server{of} does not keep which updater an agent has: {unknown} of {agents} agents are unknown for that alone{connected}"
            ));
        } else if !connected.is_empty() {
            output.warn(&format!("this auth server{of} does not keep which updater an agent has{connected}"));
        }
        if *states > 0 {
            output.warn(&format!(
                "this auth server{of} does not keep whether updates are paused: {states} of {agents} agents may be held"
            ));
        }
        if *left_out > 0 {
            output.warn(&format!(
                "{left_out} of {agents} agents are left out because this auth server{of} does not keep what was asked for"
            ));
        }
        warn_unread(read.unread, output);
    }
}
