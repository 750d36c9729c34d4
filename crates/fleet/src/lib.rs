//! What an auth server knows of the agents connected to it: each one's report, or its claim judged.
//!
//! A [`Fleet`] is the store behind [`selfcheck_inventory::auth::Inventory`], kept in memory. An agent is known while it has a
//! stream; two streams of one agent, as during a reload, count once.

mod fleet;
mod seat;

pub use fleet::Fleet;
