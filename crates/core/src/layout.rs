//! Where the parts of both updaters lie on a host, beside what a [`Namespace`] says of one installation. A look reads there, and
//! whoever waits for a change listens there.

use crate::Generation;
use crate::Namespace;

/// Where the updater and administrators write units.
pub const UNITS: &str = "/etc/systemd/system";

/// `teleport-upgrade`, which a host has once.
pub mod v1 {
    /// Its configuration.
    pub const FOLDER: &str = "/etc/teleport-upgrade.d";
    /// Whence it learns of versions.
    pub const ENDPOINT: &str = "/etc/teleport-upgrade.d/endpoint";
    /// When it may work, as the agent exports it.
    pub const SCHEDULE: &str = "/etc/teleport-upgrade.d/schedule";
    /// What it installs with.
    pub const INSTALLER: &str = "/etc/teleport-upgrade.d/installer";
    /// Its program, in the order in which it is looked for.
    pub const PROGRAMS: [&str; 2] = ["/usr/sbin/teleport-upgrade", "/usr/local/bin/teleport-upgrade"];
    /// Where administrators, and managed updates v2, change its service.
    pub const DROP_INS: &str = "/etc/systemd/system/teleport-upgrade.service.d";
    /// The drop-in by which managed updates v2 take it out of action.
    pub const NEUTRALISED: &str = "/etc/systemd/system/teleport-upgrade.service.d/teleport-update.conf";
}

/// Where programs are that belong to no installation with a suffix: as the updater links them, and as packages bring them.
const PROGRAM_FOLDERS: [&str; 3] = [IN_PATH[0], IN_PATH[1], "/opt/teleport/system/bin"];
/// Those of them where a shell finds programs by their names.
const IN_PATH: [&str; 2] = ["/usr/local/bin", "/usr/bin"];

/// Where the `teleport-update` of an installation may be, in the order in which it is looked for. `links` is the folder that
/// update.yaml names for links, where it names one.
pub fn updater_programs(namespace: &Namespace, links: Option<String>) -> Vec<String> {
    let named = links.filter(|folder| folder.starts_with('/'));
    let usual = PROGRAM_FOLDERS.map(str::to_owned);
    let mut folders = Vec::new();
    for folder in named.into_iter().chain([namespace.link_dir()]).chain(usual) {
        if !folders.contains(&folder) {
            folders.push(folder); // the links of the default installation are at the usual place
        }
    }
    programs(folders, Generation::V2.updater())
}

/// Where the `teleport` of an installation may be, in the order in which it is looked for.
pub fn agent_programs(namespace: &Namespace) -> Vec<String> {
    let folders = match namespace.suffix() {
        Some(_) => vec![namespace.link_dir()],
        None => PROGRAM_FOLDERS.map(str::to_owned).into(),
    };
    programs(folders, "teleport")
}

/// Whether a shell finds the program at this path by its name.
pub(crate) fn is_in_path(program: &str) -> bool {
    program.rsplit_once('/').is_some_and(|(folder, _)| IN_PATH.contains(&folder))
}

fn programs(folders: Vec<String>, name: &str) -> Vec<String> {
    folders.into_iter().map(|folder| format!("{folder}/{name}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_place_is_named_once_and_an_installations_own_first() {
        let default = updater_programs(&Namespace::default(), None);
        assert_eq!(default[0], "/usr/local/bin/teleport-update");
        assert_eq!(default.len(), PROGRAM_FOLDERS.len());
        let suffixed: Namespace = "prod".parse().expect("a suffix");
        let named = updater_programs(&suffixed, Some("/srv/links".to_owned()));
        assert_eq!(named[..2], ["/srv/links/teleport-update", "/opt/teleport/prod/bin/teleport-update"]);
        assert_eq!(updater_programs(&suffixed, Some("relative".to_owned()))[0], named[1]);
        assert_eq!(agent_programs(&suffixed), ["/opt/teleport/prod/bin/teleport"]);
        assert!(is_in_path(&default[0]) && !is_in_path(&named[0]) && !is_in_path("teleport-update"));
    }
}
