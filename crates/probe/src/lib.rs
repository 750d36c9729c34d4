//! Looks at a host, without judging: is there a Teleport agent, which updater accompanies it, and in what state
//! are the parts of that updater?
//!
//! A [`Probe`] keeps one connection to the system bus and looks as often as it is asked. One look starts no
//! process, writes nothing, and ends at its deadline: what is late is unreadable, never absent. Everything is read
//! with bounds on size and kind, so that no file or bus can hang it. The result is an
//! [`Observation`](selfcheck_core::Observation), to be judged by [`assess`](selfcheck_core::assess).
//!
//! The caller brings a tokio runtime with its time and IO drivers; files are read on its blocking pool. Nothing
//! else is expected of the process, and no environment variable is read.
//!
//! # Examples
//!
//! ```
//! use std::time::Duration;
//!
//! use selfcheck_core::{Policy, assess};
//! use selfcheck_probe::{Probe, SYSTEM_BUS, Target};
//!
//! # fn main() -> std::io::Result<()> {
//! # let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
//! # runtime.block_on(async {
//! let mut probe = Probe::new(Target::default(), SYSTEM_BUS);
//! let observation = probe.look(Duration::from_secs(3)).await;
//! let status = assess(&observation, &Policy::default(), observation.clock);
//! println!("{}: {}", status.label(), status.summary);
//! # });
//! # Ok(())
//! # }
//! ```

mod agent;
mod bus;
mod clock;
mod configuration;
mod files;
#[cfg(fuzzing)]
pub mod fuzzing;
mod gathered;
mod host;
mod image;
mod installation;
#[cfg(feature = "kubernetes")]
mod kubernetes;
#[cfg(not(feature = "kubernetes"))]
#[path = "without_kubernetes.rs"]
mod kubernetes;
mod look;
mod marks;
mod other_installations;
mod policy;
mod pool;
mod process;
mod roots;
mod target;
mod unit_files;
mod versions;
mod watch;

pub use clock::now;
pub use files::FileError;
pub use files::YamlError;
pub use files::agent_config;
pub use files::from_yaml;
pub use files::read_text;
pub use host::this_host;
pub use image::Image;
pub use image::OpenImage;
pub use look::Probe;
pub use policy::PolicyError;
pub use policy::host_policy;
pub use policy::parse_policy;
pub use policy::read_policy;
pub use process::NotAnAgent;
pub use process::check_agent;
pub use target::ApiServer;
pub use target::SYSTEM_BUS;
pub use target::Target;
pub use target::is_unix_address;
pub use watch::Change;
pub use watch::Watch;
