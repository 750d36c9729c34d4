//! Tests that cross crates and meet real parts.
#![expect(clippy::expect_used, clippy::panic, reason = "these are tests")]

mod cases;
mod command;
mod daemon;
mod documents;
mod fleet;
mod forms;
mod guests;
mod hostile;
mod images;
mod inventory;
mod newer;
mod pods;
mod privacy;
mod properties;
mod snapshots;
mod stock;
