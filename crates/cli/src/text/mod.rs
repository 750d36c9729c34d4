//! What a person reads.

mod agent;
mod catalogue;
mod parts;
mod status;
mod style;
mod table;
mod time;
mod wrap;

pub(crate) use agent::AgentView;
pub(crate) use agent::agent;
pub(crate) use agent::claims;
pub(crate) use catalogue::entry_summary;
pub(crate) use catalogue::finder;
pub(crate) use catalogue::reason;
pub(crate) use catalogue::reasons;
pub(crate) use status::View;
pub(crate) use status::status;
pub(crate) use style::Style;
pub(crate) use table::Columns;
pub(crate) use table::table;
pub(crate) use wrap::wrap;
