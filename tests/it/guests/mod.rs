//! A real systemd and a real bus, with the command inside, as root and as an ordinary user.

mod agent;
mod applicability;
mod believed;
mod boot;
mod buses;
mod config;
mod daemon;
mod fakes;
mod faults;
mod firing;
mod generated;
mod healthy;
mod impostors;
mod inventory;
mod managed;
mod pairs;
mod reads;
mod remedies;
mod runs;
mod schedule;
mod sidecar;
mod suffixes;
mod torn;
mod v1;
