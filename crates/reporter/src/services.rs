//! Which services an agent announces.

use selfcheck_core::Status;
use selfcheck_core::Text;
use selfcheck_protocol::HostIdentity;
use selfcheck_protocol::Role;

/// The services that the agent runs, of those that its certificate has; all of them where nobody could see what it runs.
pub(crate) fn services(status: &Status, host: &HostIdentity) -> Vec<Text> {
    let run = &status.agent.services;
    let held = host.roles.iter().filter(|role| role.is_server() && **role != Role::Instance);
    let names = held.map(|role| role.name());
    names.filter(|name| run.is_empty() || run.iter().any(|run| run == *name)).map(Text::from).collect()
}
