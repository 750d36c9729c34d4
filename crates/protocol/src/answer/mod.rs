//! What an auth server answers to those who ask about its agents. Everything in it came from outside and is made printable.

mod agents;
mod alerts;
mod counts;

pub use agents::AgentPage;
pub use agents::ListedAgent;
pub use alerts::AlertFilter;
pub use alerts::AlertList;
pub use alerts::ListedAlert;
pub use counts::Count;
pub use counts::FleetSummary;
pub use counts::InventoryCounts;
