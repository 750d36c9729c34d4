//! Files, read with bounds on size, kind and time.

mod agent_config;
#[cfg(fuzzing)]
pub(crate) mod fuzzing;
mod go_time;
mod locks;
mod outcome;
mod packages;
mod places;
mod pod;
mod read;
mod tree;
mod update_config;
mod updater_v1;
mod updater_v2;
mod walk;
mod yaml;

pub(crate) use agent_config::AgentFiles;
pub use agent_config::agent_config;
pub(crate) use outcome::failed;
pub(crate) use outcome::why;
pub(crate) use packages::holds;
pub(crate) use places::agents_program;
pub(crate) use places::read_only;
pub(crate) use pod::SERVICE_ACCOUNT;
pub(crate) use pod::pod;
pub use read::FileError;
pub use read::read_text;
pub(crate) use read::text_of;
pub(crate) use tree::Reach;
pub(crate) use tree::Tree;
pub(crate) use tree::is_same_file;
pub(crate) use tree::seen;
pub(crate) use updater_v1::FilesV1;
pub(crate) use updater_v2::FilesV2;
pub use yaml::YamlError;
pub use yaml::from_yaml;
