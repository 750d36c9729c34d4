//! Looking again, with more rights or more time.

use super::RemedyTarget;
use super::plan::Plan;
use super::plan::UPDATES;
use super::plan::words;

pub(super) fn as_root(target: &RemedyTarget<'_>) -> Plan {
    Plan::new(command(target, &[]), "looks again with the rights to see everything", UPDATES)
}

pub(super) fn longer(target: &RemedyTarget<'_>) -> Plan {
    Plan::new(command(target, &["--timeout", "30s"]), "looks again and waits up to 30 seconds", UPDATES)
}

pub(super) fn denials() -> Plan {
    let effect = "lists what SELinux refused even root lately; a local policy module can permit it";
    Plan::new(words(&["ausearch", "-m", "avc", "-ts", "recent"]), effect, UPDATES)
}

fn command(target: &RemedyTarget<'_>, arguments: &[&str]) -> Vec<String> {
    let mut argv = words(&["teleport-selfcheck", "debug", "updater-status"]);
    if let Some(suffix) = target.namespace.suffix() {
        argv.extend(words(&["--install-suffix", suffix]));
    }
    argv.extend(words(arguments));
    argv
}
