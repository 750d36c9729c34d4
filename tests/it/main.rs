//! Tests that cross crates and meet real parts.

mod cases;
mod command;
mod documents;
mod guests;
mod properties;
mod snapshots;
