//! Tests that cross crates and meet real parts.
mod guests;
