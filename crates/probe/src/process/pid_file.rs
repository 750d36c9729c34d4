//! The process that a pid file names, if it can be the one that the file was written for.

use std::os::unix::fs::MetadataExt;
use std::path::Path;

use jiff::SignedDuration;
use jiff::Timestamp;
use selfcheck_core::Clock;
use selfcheck_core::Fact;
use selfcheck_core::Usec;
use selfcheck_core::observation::Process;

use crate::clock;
use crate::files::Tree;

use super::is_teleport;
use super::look;
use super::trust;
use super::trust::Users;

/// How exactly the kernel and a file system tell when something began or was written.
const GRAIN: SignedDuration = SignedDuration::from_secs(2);

/// The agent that the pid file at `path` leads to. Such a file may outlive its process, and the number may have gone to another
/// one, of whatever user: then there is none.
pub(crate) fn agent_of_pid_file(path: &str, users: Users) -> Fact<Process> {
    let (text, metadata) = match Tree::default().read_with_metadata(Path::new(path), 64) {
        Fact::Present(read) => read,
        Fact::Absent | Fact::NotApplicable => return Fact::Absent,
        Fact::Unreadable(why) => return Fact::Unreadable(why),
    };
    let Ok(pid) = text.trim().parse() else { return Fact::Absent };
    // Where everybody writes, the file is anybody's.
    let owner = Path::new(path).parent().filter(|folder| trust::is_roots_place(&Tree::default(), folder));
    let owner = owner.map(|_| metadata.uid());
    let written = Timestamp::new(metadata.mtime(), 0).ok();
    look(pid).and_then(|process| {
        let can_be = is_teleport(&process)
            && users.include(pid, owner)
            && trust::executes_what_is_installed(&process)
            && written
                .is_none_or(|written| may_have_begun_by(process.started_boottime, written, clock::now()));
        if can_be { Fact::Present(process) } else { Fact::Absent }
    })
}

/// Whether a process that started then may have been there when something was `written`. By a clock that was set since the boot
/// nothing is known.
fn may_have_begun_by(started: Option<Usec>, written: Timestamp, now: Clock) -> bool {
    let Some(started) = started.and_then(|started| now.boottime.checked_sub(started)) else { return true };
    let before =
        |usec: Usec| now.realtime - SignedDuration::from_micros(i64::try_from(usec).unwrap_or(i64::MAX));
    let is_of_this_clock = (before(now.boottime)..=now.realtime + GRAIN).contains(&written);
    !is_of_this_clock || before(started) <= written + GRAIN
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_older_than_the_file_that_names_it() {
        let seconds = 1_000_000;
        let realtime = Timestamp::from_second(1_800_000_000).expect("an instant");
        let now = Clock { realtime, monotonic: 5_000 * seconds, boottime: 5_000 * seconds };
        let ago = |seconds| realtime - SignedDuration::from_secs(seconds);
        for (started, written, may_be) in [
            (Some(1_000 * seconds), ago(3_999), true),  // just before
            (Some(1_000 * seconds), ago(4_001), true),  // by clocks of this grain at the same time
            (Some(4_000 * seconds), ago(3_999), false), // long after
            (Some(4_000 * seconds), ago(999), true),
            (Some(4_000 * seconds), ago(6_000), true), // before the boot: the clock was set since
            (Some(4_000 * seconds), ago(-60), true),   // and back
            (Some(6_000 * seconds), ago(3_999), true), // of another boot, as a recording may be
            (None, ago(3_999), true),
        ] {
            assert_eq!(may_have_begun_by(started, written, now), may_be, "{started:?} {written}");
        }
    }
}
