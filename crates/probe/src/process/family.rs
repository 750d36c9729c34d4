//! Which process is the agent, among those that one process started.

use std::collections::VecDeque;
use std::path::Path;

use selfcheck_core::Fact;
use selfcheck_core::Text;
use selfcheck_core::observation::Process;

use crate::files::Tree;

use super::LIMIT;
use super::PROGRAM;
use super::look;
use super::name;
use super::trust;

/// A container, and what a supervisor started, has a handful of processes.
const CHILDREN: usize = 256;

/// What the first process of a whole system is called.
const INITS: [&str; 4] = ["systemd", "init", "runit", "openrc-init"];

/// The process itself where it executes Teleport, or the nearest one that it started and that does; else itself.
pub(crate) fn agent_of(supervisor: Process) -> Process {
    // What a whole system's first process started is everything.
    let is_init = name(supervisor.pid).is_some_and(|name| INITS.contains(&name.as_str()));
    if is_init || is_teleport(&supervisor) {
        return supervisor;
    }
    let mut started: VecDeque<u32> = children(supervisor.pid).into();
    for _ in 0..CHILDREN {
        let Some(pid) = started.pop_front() else { break };
        if name(pid).is_some_and(|name| name == PROGRAM)
            && let Fact::Present(process) = look(pid)
            && is_teleport(&process)
            // What runs in another unit, or in a container, is not this one's agent.
            && process.unit == supervisor.unit
            // Nor is what somebody runs in a session of this agent.
            && (trust::user(pid) == trust::user(supervisor.pid) || trust::executes_what_is_installed(&process))
        {
            return Process { supervisor: Some(supervisor.pid), ..process };
        }
        started.extend(children(pid));
    }
    supervisor
}

/// Whether it executes a program of Teleport's name; by the name of the process where the program may not be seen.
pub(crate) fn is_teleport(process: &Process) -> bool {
    match process.executable.present() {
        Some(executable) => executable.path.as_str().ends_with("/teleport"),
        None => name(process.pid).is_some_and(|name| name == PROGRAM),
    }
}

/// The processes that `pid` started, in any of its threads.
fn children(pid: u32) -> Vec<u32> {
    let threads = Tree::default().names(&format!("/proc/{pid}/task"), CHILDREN).unwrap_or_default();
    let of_thread = |thread: String| {
        let path = format!("/proc/{pid}/task/{thread}/children");
        let started = Tree::default().read(Path::new(&path), LIMIT);
        let started = started.present().map(String::as_str).unwrap_or_default();
        started.split_ascii_whitespace().filter_map(|pid| pid.parse().ok()).collect::<Vec<_>>()
    };
    threads.into_iter().flat_map(of_thread).take(CHILDREN).collect()
}

/// A process id that was given for an agent's and is not.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NotAnAgent {
    /// There is no such process.
    #[error("there is no process {0}")]
    Gone(
        /// Its id.
        u32,
    ),
    /// It executes something else, and nothing that it started executes Teleport.
    #[error("process {pid} executes `{program}`, which is not Teleport")]
    Other {
        /// Its id.
        pid: u32,
        /// What it executes.
        program: Text,
    },
}

/// Checks that the process `pid`, or one that it started, executes Teleport, as far as that can be seen.
///
/// # Errors
///
/// Where there is no such process, or it is another program.
pub fn check_agent(pid: u32) -> Result<(), NotAnAgent> {
    match look(pid) {
        Fact::Absent | Fact::NotApplicable => Err(NotAnAgent::Gone(pid)),
        Fact::Unreadable(_) => Ok(()),
        Fact::Present(process) => {
            let program = process.executable.present().map(|executable| executable.path.clone());
            let program = program.or_else(|| name(pid).map(|name| Text::new(&name)));
            match program {
                Some(program) if !is_teleport(&agent_of(process)) => Err(NotAnAgent::Other { pid, program }),
                _ => Ok(()),
            }
        }
    }
}
