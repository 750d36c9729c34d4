//! systemd over D-Bus: pipelined, uncached, bounded in time.
//!
//! Cached proxies lie about units (a masked unit stays "loaded"), so every look asks anew. What two round trips
//! can tell is asked in two: first the state of all units at once, then the details of those that are loaded.

mod answer;
mod connection;
mod listing;
mod properties;
mod units;

pub(crate) use connection::Bus;
pub(crate) use units::Names;
pub(crate) use units::Units;
