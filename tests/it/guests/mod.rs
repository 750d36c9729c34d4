//! A real systemd and a real bus, with the command inside, as root and as an ordinary user.

mod agent;
mod applicability;
mod buses;
mod config;
mod daemon;
mod fakes;
mod faults;
mod healthy;
mod inventory;
mod pairs;
mod runs;
mod schedule;
mod sidecar;
mod suffixes;
mod v1;
