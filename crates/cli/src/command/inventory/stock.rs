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

/// That it knows of no agents at all.
pub(super) fn warn_empty(output: &Output) {
    output.warn(
        "this auth server knows no agents: they come by instance heartbeats, minutes after an agent connects, and only where those are on (before \
         Teleport 15 by TELEPORT_UNSTABLE_ENABLE_INSTANCE_HB=yes, since then unless TELEPORT_UNSTABLE_DISABLE_INSTANCE_HB=yes)",
    );
}

impl Untold {
    pub(super) fn of(inventory: &StockInventory<'_>, output: &Output) -> Self {
        if inventory.is_empty {
            warn_empty(output);
        }
        let connected = inventory.untold.as_ref().map(|error| match error {
            error if error.is_denied() => {
                "; the built-in role `Admin` may ask those that are connected".to_owned()
            }
            ReportError::Answer { status, .. } => {
                format!("; those that are connected could not be asked: {}", Text::new(status.message()))
            }
            other => format!("; those that are connected could not be asked: {other}"),
        });
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
            output.warn(&format!("this auth server{of} keeps less than others{connected}"));
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
        if read.unread > 0 {
            output
                .warn(&format!("{} entries cannot be read or name no agent, and are left out", read.unread));
        }
    }
}
