//! The readers of files, given text instead of a file.

use selfcheck_core::Why;
use selfcheck_core::observation::AgentConfig;
use selfcheck_core::observation::Marks;
use selfcheck_core::observation::UpdateConfig;

use super::agent_config;
use super::packages;
use super::pod;
use super::update_config;

/// Reads update.yaml.
pub fn update_yaml(text: &str) -> Result<UpdateConfig, Why> {
    update_config::parse(text).map(|document| document.config)
}

/// Reads teleport.yaml.
pub fn teleport_yaml(text: &str) -> Result<AgentConfig, Why> {
    agent_config::parse(text).map(agent_config::Document::into_config)
}

/// Reads a pod's labels or annotations.
pub fn pod_marks(text: &str) -> Result<Marks, Why> {
    pod::marks(text)
}

/// The packages that are held by dpkg's database, or by any line of the other package managers' lists.
pub fn held_packages(bytes: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(bytes);
    let lines = [packages::zypper_line, packages::versionlock_line, packages::dnf5_line];
    let listed = lines.into_iter().flat_map(|package| packages::named(&text, package));
    packages::dpkg_stream(bytes).into_iter().flatten().chain(listed).collect()
}
