//! systemd over D-Bus: pipelined, uncached, bounded in time.
//!
//! Cached proxies lie about units (a masked unit stays "loaded"), so every look asks anew. On a healthy host
//! all questions go out in one write and are answered in one round trip.

mod agent;
mod answer;
mod batch;
mod connection;
mod detail;
mod listing;
mod names;
mod properties;
mod schedule;
mod signals;
mod units;

pub(crate) use agent::Start;
pub(crate) use connection::Bus;
pub(crate) use names::Names;
pub(crate) use units::Units;
