//! What fuzzers feed. Compiled for them only, with `--cfg fuzzing`.

pub use crate::files::fuzzing::held_packages;
pub use crate::files::fuzzing::pod_marks;
pub use crate::files::fuzzing::teleport_yaml;
pub use crate::files::fuzzing::update_yaml;
pub use crate::image::exec_start;
pub use crate::image::runs;
