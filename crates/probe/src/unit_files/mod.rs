//! Unit files: where systemd finds them, what they say, what starts them at a boot, and what they run.

mod environment;
mod folders;
mod program;
mod settings;
mod shell;
mod starters;
mod state;
mod wrappers;

pub(crate) use environment::variable;
pub(crate) use folders::ADMIN_DIRS;
pub(crate) use folders::Link;
pub(crate) use folders::VENDOR_DIRS;
pub(crate) use folders::lasting_file;
pub(crate) use folders::link;
pub(crate) use program::Line;
pub(crate) use program::agents_start;
pub(crate) use program::exec;
pub(crate) use program::is_missing;
pub(crate) use program::own_line;
pub(crate) use settings::Setting;
pub(crate) use settings::command_lines;
pub(crate) use settings::drop_ins;
pub(crate) use settings::has_schedule;
pub(crate) use settings::is_yes;
pub(crate) use settings::keys_of;
pub(crate) use settings::last;
pub(crate) use settings::settings;
pub(crate) use starters::starters;
pub(crate) use state::complete;
pub(crate) use state::contradict;
pub(crate) use state::enabling_links;
pub(crate) use wrappers::starts_others;
