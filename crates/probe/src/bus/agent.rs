//! The agent's unit, asked about where it is not what its installation would have.

use selfcheck_core::Fact;
use selfcheck_core::Why;
use selfcheck_core::observation::AgentUnit;
use tokio::time::Instant;

use crate::unit_files::Line;

use super::batch::Batch;
use super::connection::Bus;
use super::detail;
use super::listing;
use super::names::object_path;
use super::properties::Properties;
use super::units::AGENT;
use super::units::Units;

/// What a start of a unit would execute.
pub(crate) struct Start {
    pub(crate) lines: Vec<Line>,
    /// The environment that its own settings give to it.
    pub(crate) environment: Vec<String>,
}

impl Units {
    /// Looks at the agent's unit where it has another name than its installation's.
    pub(crate) async fn agent_called(bus: &mut Bus, name: &str, deadline: Instant) -> Fact<AgentUnit> {
        let Some(link) = bus.link() else { return Fact::Unreadable(Why::Closed) };
        let mut batch = Batch::default();
        let properties = ["LoadState", "ActiveState", "SubState", "Id", "UnitFileState", "NeedDaemonReload"];
        let wanted: Vec<_> = properties.iter().map(|name| ("Unit", *name)).chain(AGENT).collect();
        let place = batch.ask(&object_path(name), &wanted);
        let read = |mut properties: Properties| {
            let listed = listing::from_properties(name, &mut properties)?;
            detail::agent(&listed, properties)
        };
        batch.run(link, deadline).await.properties(place).and_then(read).into()
    }

    /// What a start of the unit `name` would execute.
    pub(crate) async fn start_of(bus: &mut Bus, name: &str, deadline: Instant) -> Result<Start, Why> {
        let link = bus.link().ok_or(Why::Closed)?;
        let mut batch = Batch::default();
        let place = batch.ask(&object_path(name), &[("Service", "ExecStart"), ("Service", "Environment")]);
        let mut properties = batch.run(link, deadline).await.properties(place)?;
        let lines = detail::lines(&mut properties)?.unwrap_or_default();
        Ok(Start { lines, environment: properties.take("Environment")?.unwrap_or_default() })
    }
}
