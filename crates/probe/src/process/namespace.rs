//! The installation that a process belongs to.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use selfcheck_core::Namespace;
use selfcheck_core::observation::Process;

/// The installation a process belongs to: by its executable, else by the update.yaml its environment names, else by
/// its unit, which everybody may see.
pub(crate) fn namespace(process: &Process) -> Option<Namespace> {
    by_executable(process).or_else(|| by_environment(process)).or_else(|| by_unit(process))
}

/// The installation in whose version folders the executable lies.
pub(crate) fn by_executable(process: &Process) -> Option<Namespace> {
    let (base, _) = process.executable.present()?.path.as_str().split_once("/versions/")?;
    in_opt(base)
}

fn by_environment(process: &Process) -> Option<Namespace> {
    let path = process.environment.present()?.update_config_file.as_ref()?;
    in_opt(path.as_str().strip_suffix("/update.yaml")?)
}

fn by_unit(process: &Process) -> Option<Namespace> {
    of_unit(process.unit.present()?.as_str())
}

/// The installation of an agent's unit, `teleport.service` or `teleport_<suffix>.service`.
fn of_unit(unit: &str) -> Option<Namespace> {
    match unit.strip_prefix("teleport")?.strip_suffix(".service")? {
        "" => Some(Namespace::default()),
        rest => rest.strip_prefix('_')?.parse().ok(),
    }
}

fn in_opt(base: &str) -> Option<Namespace> {
    let name = Path::new(base).strip_prefix(Namespace::FOLDER).ok()?;
    let name: &OsStr = name.as_os_str();
    std::str::from_utf8(name.as_bytes()).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_the_installation_by_path() {
        assert_eq!(in_opt("/opt/teleport/default"), Some(Namespace::default()));
        assert_eq!(in_opt("/opt/teleport/prod"), Some("prod".parse().expect("valid")));
        assert_eq!(in_opt("/opt/teleport/system"), None);
        assert_eq!(in_opt("/srv/teleport"), None);
    }

    #[test]
    fn tells_the_installation_by_unit() {
        assert_eq!(of_unit("teleport.service"), Some(Namespace::default()));
        assert_eq!(of_unit("teleport_blue.service"), Some("blue".parse().expect("valid")));
        for other in ["teleport-update.service", "teleportd.service", "session-1.scope", "teleport_.service"]
        {
            assert_eq!(of_unit(other), None, "{other}");
        }
    }
}
