//! Programs that only start another one, by how their arguments say which.

/// The command that a wrapper starts.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Command<'a> {
    /// As words.
    Words(&'a [&'a str]),
    /// As text for a shell.
    Shell(&'a str),
}

/// A program that only starts another one.
struct Wrapper {
    name: &'static str,
    /// How many words that are no options come before the command.
    before: usize,
    /// Options whose value is the next word.
    valued: &'static [&'static str],
}

const fn wrapper(name: &'static str, before: usize, valued: &'static [&'static str]) -> Wrapper {
    Wrapper { name, before, valued }
}

const WRAPPERS: [Wrapper; 23] = [
    wrapper("chronic", 0, &[]),
    wrapper("chrt", 1, &["-T", "-P", "-D", "--sched-runtime", "--sched-period", "--sched-deadline"]),
    wrapper("doas", 0, &["-u", "-C"]),
    wrapper("env", 0, &["-u", "--unset", "-C", "--chdir"]),
    wrapper("flock", 1, &["-w", "--wait", "--timeout", "-E", "--conflict-exit-code"]),
    wrapper("gosu", 1, &[]),
    wrapper("ionice", 0, &["-c", "--class", "-n", "--classdata"]),
    wrapper("nice", 0, &["-n", "--adjustment"]),
    wrapper("nohup", 0, &[]),
    wrapper("numactl", 0, &["-N", "-m", "-C", "-i", "-p"]),
    wrapper("prlimit", 0, &[]),
    wrapper("runuser", 0, &["-u", "--user", "-g", "--group", "-G", "--supp-group"]),
    wrapper(
        "setpriv",
        0,
        &["--reuid", "--regid", "--groups", "--inh-caps", "--bounding-set", "--ambient-caps"],
    ),
    wrapper("setsid", 0, &[]),
    wrapper("su", 1, &["-s", "--shell", "-g", "--group", "-G"]),
    wrapper("stdbuf", 0, &["-i", "--input", "-o", "--output", "-e", "--error"]),
    wrapper("sudo", 0, &["-u", "--user", "-g", "--group", "-h", "-p", "-C", "-T", "-r", "-t", "-D", "-R"]),
    wrapper("systemd-cat", 0, &["-t", "--identifier", "-p", "--priority"]),
    wrapper("systemd-inhibit", 0, &["--what", "--who", "--why", "--mode"]),
    wrapper("taskset", 1, &[]),
    wrapper("time", 0, &["-f", "--format", "-o", "--output"]),
    wrapper("timeout", 1, &["-k", "--kill-after", "-s", "--signal"]),
    wrapper("tini", 0, &["-p", "-e"]),
];

/// Programs that start no other one, whatever their arguments name.
const INERT: [&str; 13] =
    [":", "[", "cat", "echo", "exit", "false", "logger", "ls", "printf", "sleep", "test", "touch", "true"];
/// Programs that run what a file or their arguments say.
const MAY_START_ANYTHING: [&str; 17] = [
    ".",
    "busybox",
    "chroot",
    "eval",
    "find",
    "ip",
    "make",
    "nsenter",
    "perl",
    "php",
    "python3",
    "ruby",
    "run-parts",
    "source",
    "systemd-run",
    "unshare",
    "xargs",
];

/// The command that the program `name` starts with these arguments, if it is one that only starts another.
pub(super) fn command<'a>(name: &str, arguments: &'a [&'a str]) -> Option<Command<'a>> {
    let wrapper = WRAPPERS.iter().find(|wrapper| wrapper.name == name)?;
    let mut before = wrapper.before;
    let mut at = 0;
    while let Some(word) = arguments.get(at) {
        let is_option = word.starts_with('-') && word.len() > 1;
        let takes_text = match name {
            "flock" | "su" | "runuser" => ["-c", "--command"].contains(word),
            "env" => ["-S", "--split-string"].contains(word),
            _ => false,
        };
        if takes_text {
            return Some(arguments.get(at + 1).map_or(Command::Words(&[]), |text| Command::Shell(text)));
        }
        if *word == "--" {
            // What follows is no option.
        } else if is_option {
            at += usize::from(wrapper.valued.contains(word));
        } else if is_assignment(word) && matches!(name, "env" | "sudo" | "doas") {
            // A variable for the command.
        } else if before > 0 {
            before -= 1;
        } else {
            break;
        }
        at += 1;
    }
    // `flock FILE -c TEXT`, `su USER -c TEXT`
    if let Some(["-c" | "--command", text, ..]) = arguments.get(at..) {
        return Some(Command::Shell(text));
    }
    Some(Command::Words(arguments.get(at..).unwrap_or_default()))
}

/// Whether a word sets a variable.
pub(super) fn is_assignment(word: &str) -> bool {
    word.split_once('=').is_some_and(|(name, _)| {
        !name.is_empty()
            && name.chars().all(|character| character.is_ascii_alphanumeric() || character == '_')
    })
}

/// Whether the program `name` only starts others, so that it is not what was to be started.
pub(crate) fn starts_others(name: &str) -> bool {
    const SUPERVISORS: [&str; 5] = ["dumb-init", "runsv", "s6-supervise", "supervise", "tini"];
    super::shell::is_shell(name)
        || WRAPPERS.iter().any(|wrapper| wrapper.name == name)
        || SUPERVISORS.contains(&name)
        || is_inert(name)
        || may_start_anything(name)
}

pub(super) fn is_inert(name: &str) -> bool {
    INERT.contains(&name)
}

pub(super) fn may_start_anything(name: &str) -> bool {
    MAY_START_ANYTHING.contains(&name) || name.starts_with("python")
}
