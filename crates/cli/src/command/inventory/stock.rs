//! What is said where an auth server is a stock one: what it cannot tell.

use selfcheck_core::Text;
use selfcheck_inventory::agent::Read;

use crate::output::Output;

/// Its verdicts are no more than claims.
pub(super) fn warn(output: &Output) {
    output.warn("this auth server is a stock one: verdicts are what its fields claim, not what somebody saw");
}

/// That it knows of no agents at all.
pub(super) fn remark_empty(output: &Output) {
    output.warn(
        "this auth server knows of no agents: it does by instance heartbeats, which come minutes after an agent connects, and only where they \
         are on (up to Teleport 14 by TELEPORT_UNSTABLE_ENABLE_INSTANCE_HB=yes)",
    );
}

/// What could not be told of the agents that were read, `beyond_server` of which nobody can judge for that.
pub(super) fn remark(output: &Output, version: Option<&Text>, read: Read, beyond_server: usize) {
    if beyond_server > 0 {
        let of = version.map(|version| format!(", Teleport {version},")).unwrap_or_default();
        output.warn(&format!(
            "this auth server{of} does not tell which updater an agent has: {beyond_server} of {} agents are unknown for that alone",
            read.agents
        ));
    }
    if read.nameless > 0 {
        output.warn(&format!("{} instances name no agent and were passed over", read.nameless));
    }
}
