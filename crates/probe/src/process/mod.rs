//! The agent's process: what it executes, its named environment variables, nothing else.

mod arguments;
mod container;
mod family;
mod namespace;
mod pid_file;
mod sight;
mod trust;

use std::ffi::OsStr;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::path::PathBuf;

use jiff::Timestamp;
use nix::errno::Errno;
use nix::sys::signal::kill;
use nix::unistd::Pid;
use nix::unistd::SysconfVar;
use selfcheck_core::Fact;
use selfcheck_core::Text;
use selfcheck_core::UpdaterKind;
use selfcheck_core::Usec;
use selfcheck_core::Why;
use selfcheck_core::observation::Environment;
use selfcheck_core::observation::Executable;
use selfcheck_core::observation::Process;

use crate::configuration::Named;
use crate::configuration::VARIABLE;
use crate::files;
use crate::files::Tree;
use crate::unit_files::starts_others;
use crate::versions::Versions;

pub(crate) use arguments::Arguments;
pub(crate) use container::Found;
pub(crate) use container::agent as agent_of_container;
pub use family::NotAnAgent;
pub(crate) use family::agent_of;
pub use family::check_agent;
pub(crate) use family::is_teleport;
pub(crate) use namespace::by_executable;
pub(crate) use namespace::namespace;
pub(crate) use pid_file::agent_of_pid_file;
pub(crate) use sight::Sight;
pub(crate) use sight::below_root;
pub(crate) use sight::root;
pub(crate) use trust::Users;
pub(crate) use trust::is_roots_place;

/// What an agent's process and its program are called.
const PROGRAM: &str = "teleport";

/// Command lines and environments are at most this large on Linux unless somebody raised the stack limit.
const LIMIT: u64 = 2 << 20;

/// Looks at the process `pid`.
pub(crate) fn look(pid: u32) -> Fact<Process> {
    let started = match started(pid) {
        Fact::Present(started) => started,
        Fact::Unreadable(why) => return Fact::Unreadable(why),
        Fact::Absent | Fact::NotApplicable => return Fact::Absent,
    };
    let (mut words, mut variables) = (words(pid), split(pid, "environ"));
    // After those, because one that is ending shows neither, and then no program.
    let executable = executable(pid);
    if executable.is_absent() {
        return Fact::Absent;
    }
    // One that has only just begun to execute its program shows that first, and these in a moment.
    if is_blank(&words) || is_blank(&variables) {
        (words, variables) = (self::words(pid), split(pid, "environ"));
    }
    if is_blank(&words) {
        (words, variables) = (Fact::Unreadable(Why::Timeout), Fact::Unreadable(Why::Timeout));
    }
    Fact::Present(Process {
        pid,
        supervisor: None,
        root: None,
        unit: unit(pid),
        started_boottime: started,
        command_line: words.map(|words| Arguments::of_process(&words, &executable).kept()),
        environment: variables.map(|variables| environment(&variables)),
        executable,
    })
}

/// When the process `pid` started, where it says so. Absent: it has ended.
fn started(pid: u32) -> Fact<Option<Usec>> {
    let stat = match Tree::default().read(&proc(pid, "stat"), 4096) {
        Fact::Present(stat) => stat,
        Fact::Unreadable(why) => return Fact::Unreadable(why),
        Fact::Absent | Fact::NotApplicable => return hidden_or_gone(pid),
    };
    // The name in parentheses may itself hold parentheses and spaces.
    let after_name = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    let mut fields = after_name.split_ascii_whitespace();
    if matches!(fields.next(), Some("Z" | "X")) {
        return Fact::Absent;
    }
    Fact::Present(fields.nth(18).and_then(|ticks| ticks.parse().ok()).and_then(ticks_to_usec))
}

/// Whether it still runs, so that what was read below its root was there.
pub(crate) fn is_still_there(process: &Process) -> bool {
    started(process.pid) == Fact::Present(process.started_boottime)
}

/// Whether nothing stands there, not even an empty word between others.
fn is_blank(words: &Fact<Vec<String>>) -> bool {
    words.present().is_some_and(|words| words.iter().all(String::is_empty))
}

/// The name of a process, which everybody may see.
fn name(pid: u32) -> Option<String> {
    let name = Tree::default().read(&proc(pid, "comm"), 64);
    Some(name.present()?.trim_end().to_owned())
}

/// Whether systemd is the first process that is seen, and sees the same files, so that this is its host.
pub(crate) fn is_on_systemds_host() -> bool {
    // An ordinary user may not see that; containers that share a host's processes are few.
    name(1).is_some_and(|name| name == "systemd") && !matches!(Sight::of(1), Sight::Another { .. })
}

/// A process that /proc does not show may be hidden from this user rather than gone.
fn hidden_or_gone<T>(pid: u32) -> Fact<T> {
    let Ok(raw) = i32::try_from(pid) else { return Fact::Absent };
    match kill(Pid::from_raw(raw), None) {
        Err(Errno::ESRCH) => Fact::Absent,
        Ok(()) | Err(_) => Fact::Unreadable(Why::Denied),
    }
}

fn proc(pid: u32, name: &str) -> PathBuf {
    PathBuf::from(format!("/proc/{pid}/{name}"))
}

fn ticks_to_usec(ticks: u64) -> Option<Usec> {
    let per_second = nix::unistd::sysconf(SysconfVar::CLK_TCK).ok()??;
    ticks.checked_mul(1_000_000)?.checked_div(u64::try_from(per_second).ok()?)
}

fn executable(pid: u32) -> Fact<Executable> {
    match std::fs::read_link(proc(pid, "exe")) {
        Ok(path) => {
            let path = path.to_string_lossy();
            let deleted = path.strip_suffix(" (deleted)");
            Fact::Present(Executable {
                path: deleted.unwrap_or(&path).into(),
                deleted: deleted.is_some(),
                replaced_at: deleted.and_then(|path| replaced_at(pid, path)),
                managed: Fact::NotApplicable,
            })
        }
        Err(error) => files::failed(&error),
    }
}

/// When the file at `path` was deleted or replaced: the change of what is there now, or of the nearest folder that
/// is still there, which changed when what it held went.
fn replaced_at(pid: u32, path: &str) -> Option<Timestamp> {
    let tree = Sight::of(pid).tree(pid).unwrap_or_default();
    if let Ok(metadata) = tree.metadata(Path::new(path)) {
        return Timestamp::new(metadata.ctime(), 0).ok();
    }
    let mut folders = Path::new(path).ancestors().skip(1);
    let nearest = folders.find_map(|folder| tree.metadata(folder).ok())?;
    Timestamp::new(nearest.mtime(), 0).ok()
}

/// The words of its command line. A word `@FILE` stands for words in a file, which are not read.
fn words(pid: u32) -> Fact<Vec<String>> {
    split(pid, "cmdline").and_read(|words| {
        let stands_for_others = |word: &String| word.starts_with('@');
        if words.iter().skip(1).any(stands_for_others) { Err(Why::Invalid) } else { Ok(words) }
    })
}

/// What an agent was told to read its configuration from. Absent: nothing was said.
pub(crate) fn config_of(process: &Process) -> Fact<Named> {
    let pid = process.pid;
    let in_environment = process.environment.present().is_some_and(|environment| environment.config_string);
    match &process.command_line {
        Fact::Present(line) if !line.config_string && !in_environment => match &line.config {
            None => return Fact::Absent,
            Some(path) if is_whole(path.as_str()) => return path_of(pid, path.as_str()).map(Named::File),
            Some(_) => {}
        },
        Fact::Unreadable(why) => return Fact::Unreadable(*why),
        _ => {}
    }
    // What was kept of it is cut, or is no more than that it is there.
    let words = match words(pid) {
        Fact::Present(words) => words,
        Fact::Unreadable(why) => return Fact::Unreadable(why),
        Fact::Absent | Fact::NotApplicable => return Fact::Unreadable(Why::Gone), // it has ended meanwhile
    };
    let said = Arguments::of_process(&words, &process.executable);
    let variables = split(pid, "environ").present().cloned().unwrap_or_default();
    said.config_of(variable(&variables, VARIABLE)).and_then(|named| match named {
        Named::File(path) => path_of(pid, &path.to_string_lossy()).map(Named::File),
        string => Fact::Present(string),
    })
}

/// The NUL-separated strings of a file of the process, as far as they are UTF-8.
fn split(pid: u32, name: &str) -> Fact<Vec<String>> {
    Tree::default()
        .read_lossy(&proc(pid, name), LIMIT)
        .map(|text| text.split('\0').map(str::to_owned).collect())
}

fn environment(variables: &[String]) -> Environment {
    let value = |name: &str| variable(variables, name).map(Text::new);
    Environment {
        ext_upgrader: value("TELEPORT_EXT_UPGRADER").and_then(UpdaterKind::named),
        ext_upgrader_version: value("TELEPORT_EXT_UPGRADER_VERSION"),
        update_config_file: value("TELEPORT_UPDATE_CONFIG_FILE"),
        awsoidc_deploy_service: value("TELEPORT_INSTALL_METHOD_AWSOIDC_DEPLOYSERVICE"),
        helm_kube_agent: value("TELEPORT_INSTALL_METHOD_HELM_KUBE_AGENT"),
        release_name: value("RELEASE_NAME"),
        kube_namespace: value("KUBE_NAMESPACE"),
        replica_name: value("TELEPORT_REPLICA_NAME"),
        config_string: variable(variables, VARIABLE).is_some(),
    }
}

/// Whether a kept text is what it was before it was cleaned and cut.
fn is_whole(text: &str) -> bool {
    !text.ends_with('…') && !text.contains(char::REPLACEMENT_CHARACTER)
}

/// The value of an environment variable that says something.
pub(crate) fn variable<'a>(variables: &'a [String], name: &str) -> Option<&'a str> {
    let found = variables.iter().find_map(|variable| variable.strip_prefix(name)?.strip_prefix('='));
    found.filter(|value| !value.is_empty())
}

/// Whether it executes systemd's own program, as a service does for a moment before it becomes what it is to be.
pub(crate) fn is_systemds(process: &Process) -> bool {
    process.executable.present().is_some_and(|executable| {
        let path = executable.path.as_str();
        path.ends_with("/systemd/systemd") || path.ends_with("/systemd/systemd-executor")
    })
}

/// The service of the system's service manager that the process `pid` belongs to, as its control group tells. Absent: to
/// none, as a session's or a user's own service does not.
fn unit(pid: u32) -> Fact<Text> {
    match Tree::default().read(&proc(pid, "cgroup"), LIMIT) {
        Fact::Present(groups) => unit_of_groups(&groups),
        Fact::Absent | Fact::NotApplicable => Fact::NotApplicable,
        Fact::Unreadable(why) => Fact::Unreadable(why),
    }
}

/// The service in a list of control groups, of which systemd keeps that of the second version or one named after itself.
fn unit_of_groups(groups: &str) -> Fact<Text> {
    let paths = groups.lines().filter_map(|line| {
        let (controllers, path) = line.split_once(':')?.1.split_once(':')?;
        matches!(controllers, "" | "name=systemd").then_some(path)
    });
    let mut none = Fact::NotApplicable; // a container sees of its own group no more than that there is one
    for path in paths.filter(|path| *path != "/") {
        match path.rsplit('/').find(|part| part.ends_with(".service")) {
            Some(service) if !path.contains("/user@") => return Fact::Present(Text::new(service)),
            _ => none = Fact::Absent,
        }
    }
    none
}

/// Whether the updater of `versions` replaces the program that `process` executes.
pub(crate) fn managed(process: &Process, versions: &Versions<'_>) -> Fact<Text> {
    let Some(executable) = process.executable.present() else { return Fact::NotApplicable };
    let path = Path::new(executable.path.as_str());
    let name = path.file_name().and_then(OsStr::to_str).unwrap_or_default();
    if starts_others(name) {
        return Fact::NotApplicable; // a script that has not come to the agent yet, or starts it again
    }
    if executable.deleted {
        let place = Text::new(executable.path.as_str());
        return if versions.contains(path) { Fact::Present(place) } else { Fact::Absent };
    }
    match std::fs::metadata(proc(process.pid, "exe")) {
        Ok(metadata) => versions.place_of_file(path, &metadata),
        // It has ended meanwhile.
        Err(error) if files::failed::<()>(&error).is_absent() => Fact::NotApplicable,
        Err(error) => Fact::Unreadable(files::why(&error)),
    }
}

/// A path as the process `pid` means it: relative to its own working directory.
pub(crate) fn path_of(pid: u32, path: &str) -> Fact<PathBuf> {
    if path.starts_with('/') {
        return Fact::Present(path.into());
    }
    match std::fs::read_link(proc(pid, "cwd")) {
        Ok(folder) => Fact::Present(folder.join(path)),
        Err(error) => Fact::Unreadable(files::why(&error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<String> {
        line.split(' ').map(str::to_owned).collect()
    }

    #[test]
    fn keeps_named_variables_only() {
        let seen = environment(&words("SECRET=x TELEPORT_EXT_UPGRADER=unit TELEPORT_EXT_UPGRADER_VERSION="));
        assert_eq!(seen, Environment { ext_upgrader: Some(UpdaterKind::Unit), ..Environment::default() });
    }

    #[test]
    fn tells_the_service_of_a_control_group() {
        let present = |name: &str| Fact::Present(Text::new(name));
        for (groups, expected) in [
            ("0::/system.slice/teleport-node.service\n", present("teleport-node.service")),
            ("0::/system.slice/teleport.service/sessions/1\n", present("teleport.service")),
            ("0::/system.slice/system-teleport.slice/teleport@a.service\n", present("teleport@a.service")),
            (
                "12:cpu:/x.service\n1:name=systemd:/system.slice/teleport.service\n0::/\n",
                present("teleport.service"),
            ),
            ("0::/user.slice/user-0.slice/user@0.service/app.slice/teleport.service\n", Fact::Absent),
            ("0::/user.slice/user-0.slice/session-1.scope\n", Fact::Absent),
            ("0::/\n", Fact::NotApplicable),
            ("", Fact::NotApplicable),
        ] {
            assert_eq!(unit_of_groups(groups), expected, "{groups}");
        }
    }

    #[test]
    fn sees_itself_and_not_a_process_that_is_gone() {
        let own = look(std::process::id());
        let own = own.present().expect("running");
        assert!(own.started_boottime.is_some());
        assert!(own.executable.is_present() && own.environment.is_present());
        assert_eq!(look(u32::MAX), Fact::Absent);
    }
}
