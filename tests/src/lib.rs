//! Support for the tests that cross crates and meet real parts.
#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    clippy::missing_panics_doc,
    reason = "a test's support fails the test"
)]

mod authority;
mod cases;
mod chart;
mod cluster;
mod command;
mod component;
mod counterpart;
mod eventually;
mod fake_bus;
mod fleet_host;
mod followed;
mod guest;
mod helm;
mod image;
mod interop;
pub mod kubernetes;
mod pipe;
mod pod;
mod process;
mod proxy;
mod sidecar;
mod stage;
mod stock;
pub mod wire;
mod with;

pub use authority::ClusterCa;
pub use authority::KeyKind;
pub use authority::Who;
pub use cases::case;
pub use cases::cases;
pub use chart::environment;
pub use chart::installed;
pub use chart::rendered;
pub use cluster::Auth;
pub use cluster::Cluster;
pub use cluster::NODE;
pub use cluster::quick;
pub use cluster::wall_clock;
pub use command::selfcheck;
pub use command::shown;
pub use component::available;
pub use counterpart::Counterpart;
pub use eventually::eventually;
pub use eventually::eventually_within;
pub use fake_bus::FakeBus;
pub use fake_bus::Listing;
pub use fake_bus::Trouble;
pub use fleet_host::Host;
pub use followed::Followed;
pub use guest::SystemdGuest;
pub use guest::User;
pub use guest::binary;
pub use helm::Administrator;
pub use helm::Helm;
pub use image::UnpackedImage;
pub use interop::interop;
pub use pipe::Pipe;
pub use pod::Container;
pub use pod::Debugger;
pub use pod::Pod;
pub use pod::PodFolder;
pub use pod::PodShape;
pub use pod::UPDATED;
pub use process::processor_time;
pub use process::resident;
pub use proxy::Proxy;
pub use selfcheck_cases::Case;
pub use selfcheck_cases::Expectation;
pub use sidecar::Sidecar;
pub use stage::Acts;
pub use stage::Stage;
pub use stock::AlpnProxy;
pub use stock::Release;
pub use stock::StockAuth;
pub use stock::refusal;
pub use with::with;
