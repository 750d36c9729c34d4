//! The agent of a container, among all processes that are seen from there.

use std::ffi::OsStr;
use std::path::Path;
use std::path::PathBuf;

use nix::dir::Dir;
use nix::fcntl::OFlag;
use nix::sys::stat::Mode;
use selfcheck_core::Fact;
use selfcheck_core::Text;
use selfcheck_core::Why;
use selfcheck_core::observation::Process;

use crate::files;
use crate::files::Tree;

use super::LIMIT;
use super::PROGRAM;
use super::look;
use super::proc;
use super::sight::Sight;
use super::trust;
use super::trust::Users;

/// More processes than this are not looked through. A container seldom may have so many.
const MOST: usize = 65_536;
/// More agents than this are not told apart.
const MOST_AGENTS: usize = 64;

/// What was found among the processes.
pub(crate) struct Found {
    /// The agent. Unreadable and ambiguous where several differ.
    pub(crate) agent: Fact<Process>,
    /// Those that differ, of which none was chosen.
    pub(crate) several: Vec<u32>,
}

/// A process that may be the agent.
#[derive(Clone)]
struct Candidate {
    process: Process,
    sight: Sight,
}

/// Looks for the agent of a container, or of a host without systemd: a process of one of `users` that executes Teleport, whoever
/// started it. Those that see the same files as whoever looks go before those of other containers of a pod.
///
/// `known` is a process that was looked at just now, and is not looked at again.
pub(crate) fn agent(users: Users, known: Option<&Process>) -> Found {
    let pids = match pids() {
        Ok(pids) => pids,
        Err(why) => return Found { agent: Fact::Unreadable(why), several: Vec::new() },
    };
    // The first process of a container is always there; where it is not shown, others are not either.
    if !pids.contains(&1) {
        return Found { agent: Fact::Unreadable(Why::Denied), several: Vec::new() };
    }
    let others = pids.into_iter().filter(|pid| *pid != std::process::id());
    let mut hidden = None;
    let candidates = others.filter_map(|pid| match candidate(pid, users, known) {
        Fact::Unreadable(why) => {
            hidden = Some(why);
            None
        }
        found => found.present().cloned(),
    });
    let candidates: Vec<_> = candidates.take(MOST_AGENTS).collect();
    if let (true, Some(why)) = (candidates.is_empty(), hidden) {
        return Found { agent: Fact::Unreadable(why), several: Vec::new() };
    }
    chosen(prefer(candidates, |candidate| candidate.sight == Sight::Same))
}

/// Those for which `is_so` is true, if there are any; else all.
fn prefer(candidates: Vec<Candidate>, is_so: impl Fn(&Candidate) -> bool) -> Vec<Candidate> {
    let (such, others): (Vec<_>, Vec<_>) = candidates.into_iter().partition(is_so);
    if such.is_empty() { others } else { such }
}

/// The eldest, if all are alike in what is judged.
fn chosen(mut candidates: Vec<Candidate>) -> Found {
    candidates.sort_by_key(|candidate| (candidate.process.started_boottime, candidate.process.pid));
    let differ = |one: &Candidate, other: &Candidate| {
        one.sight != other.sight
            || one.process.executable != other.process.executable
            || one.process.command_line != other.process.command_line
            || one.process.environment != other.process.environment
            || has_config_not_kept(&one.process)
    };
    if candidates.windows(2).any(|pair| differ(&pair[0], &pair[1])) {
        let several = candidates.iter().map(|candidate| candidate.process.pid).collect();
        return Found { agent: Fact::Unreadable(Why::Ambiguous), several };
    }
    let first = candidates.into_iter().next();
    Found { agent: first.map_or(Fact::Absent, |first| Fact::Present(first.process)), several: Vec::new() }
}

/// Whether its configuration is not known well enough to compare it: a string, of which nothing is kept, or a relative path.
fn has_config_not_kept(process: &Process) -> bool {
    let line = process.command_line.present();
    let is_relative = |path: &Text| !path.as_str().starts_with('/');
    process.environment.present().is_some_and(|environment| environment.config_string)
        || line.is_some_and(|line| line.config_string || line.config.as_ref().is_some_and(is_relative))
}

/// The process, if it may be the agent.
fn candidate(pid: u32, users: Users, known: Option<&Process>) -> Fact<Candidate> {
    let path = match program(pid) {
        Fact::Present(path) => Some(path),
        Fact::Absent | Fact::NotApplicable => return Fact::Absent,
        Fact::Unreadable(why) => match Tree::default().read(&proc(pid, "comm"), 64) {
            // Where the program may not be seen the name of the process counts.
            Fact::Present(name) if name.trim_end() == PROGRAM => None,
            Fact::Unreadable(_) => return Fact::Unreadable(why),
            _ => return Fact::Absent,
        },
    };
    let sight = Sight::of(pid);
    if !users.include(pid, None) || path.is_some_and(|path| !trust::is_installed(pid, &path, sight)) {
        return Fact::Absent;
    }
    let known = known.filter(|known| known.pid == pid);
    let process = known.map_or_else(|| look(pid), |known| Fact::Present(known.clone()));
    process.and_then(|process| {
        let is_one = may_start_an_agent(&process) && !is_in_another_container(pid);
        if is_one { Fact::Present(Candidate { process, sight }) } else { Fact::Absent }
    })
}

/// Whether its command is one that starts an agent, as far as that may be seen. Teleport also starts itself for each session, and
/// serves as a tool.
fn may_start_an_agent(process: &Process) -> bool {
    process.command_line.present().is_none_or(|line| line.command.is_some())
}

/// The path of what it executes, if that is called like Teleport's program.
fn program(pid: u32) -> Fact<PathBuf> {
    match std::fs::read_link(proc(pid, "exe")) {
        Ok(path) => {
            let name = path.file_name().and_then(OsStr::to_str).unwrap_or_default();
            let is_teleport = name.strip_suffix(" (deleted)").unwrap_or(name) == PROGRAM;
            if is_teleport { Fact::Present(path) } else { Fact::Absent }
        }
        // Absent: it has ended, or is none of a user's.
        Err(error) => files::failed(&error),
    }
}

/// Whether it runs in process namespaces below the one that is seen: in a container that was started from here.
fn is_in_another_container(pid: u32) -> bool {
    let status = Tree::default().read_lossy(&proc(pid, "status"), LIMIT);
    let of_line = |line: &str| line.strip_prefix("NSpid:").map(|pids| pids.split_whitespace().count());
    status.present().and_then(|status| status.lines().find_map(of_line)).is_some_and(|pids| pids > 1)
}

/// The processes that /proc shows.
fn pids() -> Result<Vec<u32>, Why> {
    let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
    let mut folder =
        Dir::open(Path::new("/proc"), flags, Mode::empty()).map_err(|errno| files::why(&errno.into()))?;
    let mut pids = Vec::new();
    for entry in folder.iter() {
        let entry = entry.map_err(|errno| files::why(&errno.into()))?;
        pids.extend(entry.file_name().to_str().ok().and_then(|name| name.parse::<u32>().ok()));
        if pids.len() > MOST {
            return Err(Why::TooLarge); // what lies beyond is not known to be absent
        }
    }
    Ok(pids)
}
