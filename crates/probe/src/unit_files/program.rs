//! What a command line runs in the end, seen through programs that only start another one.

use std::path::Path;
use std::path::PathBuf;

use selfcheck_core::Fact;
use selfcheck_core::Moment;
use selfcheck_core::Text;
use selfcheck_core::observation::CONTAINER_TOOLS;
use selfcheck_core::observation::Exec;
use selfcheck_core::observation::Runs;
use selfcheck_core::observation::Started;
use selfcheck_core::observation::StartedKind;
use selfcheck_core::observation::UnitResult;

use crate::files;
use crate::files::Tree;

use super::shell;
use super::wrappers;

/// Programs that start programs that start programs are followed so far.
const DEEPEST: usize = 8;
/// The folders of programs, in systemd's order.
const PATH: [&str; 6] = ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"];

/// Commands of the updater that update nothing.
const DO_NOT_UPDATE: [&str; 8] =
    ["disable", "dry-run", "help", "pin", "status", "uninstall", "unpin", "version"];

/// One line of a service, and what is known of its last run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Line {
    pub(crate) program: String,
    /// Without the program.
    pub(crate) arguments: Vec<String>,
    pub(crate) started: Option<Moment>,
    pub(crate) exited: Option<Moment>,
    pub(crate) result: Option<UnitResult>,
    pub(crate) status: Option<i32>,
    /// Whether systemd forgot, at a reload, how its last run ended.
    pub(crate) is_forgotten: bool,
}

/// What a command line comes to.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Seen {
    /// The program wanted.
    Wanted {
        /// Its path, as the line names it.
        path: String,
        /// Whether what is around it may change how its run seems to have ended.
        hides_status: bool,
    },
    /// Another program.
    Other(String),
    /// Something that may start anything.
    Opaque(String),
}

/// The line that names the program `wanted`, or else the first one.
pub(crate) fn own_line<'a>(lines: &'a [Line], wanted: &str) -> Option<&'a Line> {
    let names = |line: &&Line| line.words().any(|word| word.contains(wanted));
    lines.iter().find(names).or_else(|| lines.first())
}

/// What a service with these lines executes, where `wanted` is the updater's program.
pub(crate) fn exec(tree: &Tree, lines: &[Line], wanted: &str) -> Exec {
    let seen: Vec<_> =
        lines.iter().map(|line| (line, see_through(tree, &line.all_words(), wanted, 0))).collect();
    let runs_it = seen.iter().find(|(_, seen)| matches!(seen, Seen::Wanted { .. }));
    let may_run_it = || seen.iter().find(|(_, seen)| matches!(seen, Seen::Opaque(_)));
    let Some((line, seen)) = runs_it.or_else(may_run_it).or(seen.first()) else {
        return Exec { runs: Some(Runs::Other), ..Exec::of_program("") };
    };
    let (path, runs, hides_status) = match seen {
        Seen::Wanted { hides_status, .. } => (&line.program, Runs::Updater, *hides_status),
        Seen::Other(_) => (&line.program, Runs::Other, false),
        Seen::Opaque(path) => (path, Runs::Opaque, false),
    };
    Exec {
        insecure: line.words().any(|word| word == "--insecure"),
        runs: Some(runs),
        hides_status,
        is_forgotten: line.is_forgotten,
        result: line.result,
        status: line.status,
        ..Exec::of_program(path)
    }
}

/// Whether a program that `lines` name is not there: that of the line which runs `wanted`, or `wanted` itself behind it.
pub(crate) fn is_missing(tree: &Tree, lines: &[Line], wanted: &str) -> bool {
    let is_absent = |path: &str| path.starts_with('/') && tree.exists(path).is_absent();
    let named = |line: &Line| match see_through(tree, &line.all_words(), wanted, 0) {
        Seen::Wanted { path, .. } => Some(is_absent(&line.program) || is_absent(&path)),
        Seen::Other(_) | Seen::Opaque(_) => None,
    };
    lines.iter().find_map(named).unwrap_or(false)
}

/// What a start of the agent's unit with these lines would execute. `managed` tells the place of a file below the
/// updater's versions.
pub(crate) fn agents_start(
    tree: &Tree,
    lines: &[Line],
    managed: impl Fn(&Path) -> Fact<Text>,
) -> Fact<Started> {
    let Some(line) = own_line(lines, "teleport") else { return Fact::Absent };
    let started = |path: &str, kind| Fact::Present(Started { path: Text::new(path), kind });
    let path = match see_through(tree, &line.all_words(), "teleport", 0) {
        Seen::Opaque(path) | Seen::Other(path) if CONTAINER_TOOLS.contains(&name_of(&path)) => {
            return started(&path, StartedKind::Container);
        }
        Seen::Opaque(path) => return started(&path, StartedKind::Opaque),
        Seen::Wanted { path, .. } | Seen::Other(path) => path,
    };
    let place = match tree.place(&in_path(tree, &path)) {
        Ok(file) => tree.true_name(&file).unwrap_or_else(|| path.clone().into()),
        Err(error) => return files::failed(&error),
    };
    match managed(&place) {
        Fact::Present(place) => Fact::Present(Started { path: place, kind: StartedKind::Managed }),
        Fact::Absent | Fact::NotApplicable => started(&place.to_string_lossy(), StartedKind::Unmanaged),
        Fact::Unreadable(why) => Fact::Unreadable(why),
    }
}

/// Where systemd finds a program that is named without a folder.
fn in_path(tree: &Tree, program: &str) -> PathBuf {
    let candidates = PATH.iter().map(|folder| Path::new(folder).join(program));
    let mut found = candidates.filter(|path| tree.metadata(path).is_ok());
    let named = || PathBuf::from(program);
    if program.contains('/') { named() } else { found.next().unwrap_or_else(named) }
}

impl Line {
    pub(crate) fn new(words: Vec<String>) -> Self {
        let mut words = words.into_iter();
        Self { program: words.next().unwrap_or_default(), arguments: words.collect(), ..Self::default() }
    }

    fn words(&self) -> impl Iterator<Item = &str> {
        [self.program.as_str()].into_iter().chain(self.arguments.iter().map(String::as_str))
    }

    /// The program and its arguments.
    pub(crate) fn all_words(&self) -> Vec<&str> {
        self.words().collect()
    }
}

/// What `words` run, where `wanted` is what the program looked for is called.
pub(super) fn see_through(tree: &Tree, words: &[&str], wanted: &str, depth: usize) -> Seen {
    let Some((&program, arguments)) = words.split_first() else { return Seen::Other(String::new()) };
    if is_called(tree, program, wanted) {
        // The updater may be told to do something else than to update.
        let told = arguments.iter().find(|word| !word.starts_with('-'));
        if told.is_some_and(|told| DO_NOT_UPDATE.contains(told)) {
            return Seen::Other(program.to_owned());
        }
        return Seen::Wanted { path: program.to_owned(), hides_status: false };
    }
    if program.starts_with('$') {
        return Seen::Opaque(program.to_owned());
    }
    if depth >= DEEPEST {
        return Seen::Opaque(program.to_owned());
    }
    let name = name_of(program);
    if shell::is_shell(name) {
        return shell::see_through(tree, program, arguments, wanted, depth + 1);
    }
    if let Some(command) = wrappers::command(name, arguments) {
        return match command {
            wrappers::Command::Words([]) => Seen::Other(program.to_owned()),
            wrappers::Command::Words(words) => see_through(tree, words, wanted, depth + 1),
            wrappers::Command::Shell(text) => shell::text(tree, program, text, wanted, depth + 1),
        };
    }
    let names_it = arguments.iter().any(|word| word.contains(wanted));
    if wrappers::is_inert(name) {
        return Seen::Other(program.to_owned());
    }
    if names_it || wrappers::may_start_anything(name) || is_script(tree, program) {
        return Seen::Opaque(program.to_owned());
    }
    Seen::Other(program.to_owned())
}

pub(super) fn name_of(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or_default()
}

/// Whether a program is called `wanted`, or is a link to one that is.
fn is_called(tree: &Tree, program: &str, wanted: &str) -> bool {
    if name_of(program) == wanted {
        return true;
    }
    let target = tree.place(&in_path(tree, program)).ok().and_then(|file| tree.true_name(&file));
    target.is_some_and(|path| path.file_name().is_some_and(|name| name == wanted))
}

/// Whether a file starts another program that it names in its first line, or cannot be read.
fn is_script(tree: &Tree, program: &str) -> bool {
    match tree.starts_with(&in_path(tree, program), b"#!") {
        Fact::Present(is_script) => is_script,
        Fact::Unreadable(_) => true,
        Fact::Absent | Fact::NotApplicable => false,
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    const UPDATER: &str = "/usr/local/bin/teleport-update";

    /// What a service with this line runs, and whether it may hide how that ended.
    fn runs(tree: &Tree, line: &str) -> (Runs, bool) {
        let settings = crate::unit_files::settings(&format!("[Service]\nExecStart={line}\n"), "");
        let lines = crate::unit_files::command_lines(&settings);
        let lines: Vec<_> = lines.into_iter().map(|(_, words)| Line::new(words)).collect();
        let exec = exec(tree, &lines, "teleport-update");
        (exec.runs.expect("looked"), exec.hides_status)
    }

    #[test]
    fn a_line_is_seen_through_to_the_program_that_it_runs() {
        let folder = tempfile::tempdir().expect("folder");
        let at = |name: &str| folder.path().join(name);
        let write = |name: &str, text: &[u8]| std::fs::write(at(name), text).expect("written");
        write("script", b"#!/bin/sh\nexec teleport-update update\n");
        write("program", b"\x7fELF");
        write("teleport-update", b"\x7fELF");
        symlink("teleport-update", at("tu")).expect("linked");
        symlink("program", at("other")).expect("linked");
        let tree = Tree::within(folder.path()).expect("tree");
        let own = |line: &str| line.replace("UPDATER", UPDATER);
        for line in [
            "UPDATER update",
            "-UPDATER --install-suffix=blue update",
            "@UPDATER another-name update",
            "/tu update",
            "/usr/bin/env HTTPS_PROXY=http://proxy:3128 UPDATER update",
            "/usr/bin/env -u HTTPS_PROXY -i A=b UPDATER update",
            "/usr/bin/nice -n 10 /usr/bin/ionice -c 3 -t UPDATER update",
            "/usr/bin/nice -10 UPDATER update",
            "/usr/bin/timeout -k 5 --signal=TERM 30m UPDATER update",
            "/usr/bin/flock -w 60 /run/lock/updates UPDATER update",
            "/usr/bin/flock /run/lock/updates -c 'UPDATER update'",
            "/usr/bin/systemd-inhibit --what=sleep --why updates UPDATER update",
            "/usr/bin/systemd-inhibit --why 'updates of Teleport' UPDATER update",
            "/usr/bin/sudo -u root HTTPS_PROXY=x -- UPDATER update",
            "/usr/bin/setpriv --reuid 0 UPDATER update",
            "/bin/sh -c 'UPDATER update'",
            "/bin/su -s /bin/sh root -c 'UPDATER update'",
            "/usr/bin/systemd-cat -t updates UPDATER update",
            "/usr/bin/env -S 'A=b UPDATER update'",
            "/bin/bash -euo pipefail -c 'exec UPDATER update 2>&1'",
            "/bin/sh -c 'sleep 5; UPDATER update'",
            "/bin/sh -c 'test -x UPDATER && UPDATER update'",
            "/bin/sh -c 'if [ -x UPDATER ]; then nice UPDATER update; fi'",
        ] {
            assert_eq!(runs(&tree, &own(line)).0, Runs::Updater, "{line}");
        }
        for line in [
            "/bin/true",
            "/other",
            "/program --for teleport",
            "/bin/echo 'replaced by teleport-update'",
            "/bin/echo UPDATER update",
            "/usr/bin/logger -t x UPDATER",
            "/usr/bin/env UPDATER=1 /bin/true",
            "/usr/bin/flock /run/lock/teleport-update /bin/true",
            "/usr/bin/timeout 5 /bin/true",
            "/bin/sh -c 'echo teleport-update is off'",
            "/bin/sh -c 'exit 0'",
            "/bin/sh -c ':'",
            "/usr/bin/nice",
            "/usr/local/bin/teleport-updater update",
            "/nowhere",
            "UPDATER status",
            "UPDATER --install-suffix=blue version",
        ] {
            assert_eq!(runs(&tree, &own(line)).0, Runs::Other, "{line}");
        }
        for line in [
            "/script",
            "/usr/bin/env /script",
            "/bin/sh /script",
            "/bin/sh -c /script",
            "/bin/sh -c '$UPDATE update'",
            "/bin/sh -c 'eval \"$CMD\"'",
            "/usr/bin/python3 /opt/update.py",
            "/program UPDATER update",
            "/usr/bin/systemd-run UPDATER update",
            "/usr/bin/env $UPDATE",
            "/usr/bin/unheard-of -c 'UPDATER update'",
        ] {
            assert_eq!(runs(&tree, &own(line)).0, Runs::Opaque, "{line}");
        }
    }

    #[test]
    fn a_shell_may_hide_how_the_updater_ended() {
        let tree = Tree::default();
        for (text, hides) in [
            ("teleport-update update", false),
            ("sleep 5; teleport-update update", false),
            ("test -d /opt && teleport-update update", false),
            ("teleport-update update || true", true),
            ("teleport-update update; exit 0", true),
            ("teleport-update update | logger", true),
            ("teleport-update update &", true),
            ("! teleport-update update", true),
        ] {
            let line = format!("/bin/sh -c '{text}'");
            assert_eq!(runs(&tree, &line), (Runs::Updater, hides), "{text}");
        }
    }

    #[test]
    fn of_several_lines_that_of_the_updater_counts() {
        let lines = ["/bin/false", UPDATER, "/bin/true"].map(|program| Line::new(vec![program.to_owned()]));
        assert_eq!(own_line(&lines, "teleport-update").expect("line").program, UPDATER);
        assert_eq!(exec(&Tree::default(), &lines, "teleport-update").path.as_str(), UPDATER);
        assert_eq!(exec(&Tree::default(), &[], "teleport-update").runs, Some(Runs::Other));
    }
}
