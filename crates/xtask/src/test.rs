//! `cargo xtask test`: everything that must hold before a change is handed in.

use std::fs;
use std::io::Write;
use std::path::Path;

use crate::Outcome;
use crate::documents;
use crate::fuzz;
use crate::layers;
use crate::packages;
use crate::proto;
use crate::run::cargo;
use crate::run::must;
use crate::run::root;
use crate::trixie;

/// What can be had alone, package and features; each must build without the others, and without what the tests bring.
const PARTS: [(&str, &str); 9] = [
    ("selfcheck-protocol", ""),
    ("selfcheck-reporter", ""),
    ("selfcheck-fleet", ""),
    ("selfcheck-server", ""),
    ("selfcheck-authority", ""),
    ("selfcheck-daemon", ""),
    ("selfcheck-daemon", "report"),
    ("selfcheck-probe", ""),
    ("teleport-selfcheck", "kubernetes"),
];
/// How long each reader is fuzzed.
const FUZZ_SECONDS: u32 = 10;

/// Nobody who links one end of the inventory stream pays for the other, or for Kubernetes.
fn each_part_alone() -> Outcome {
    for (package, features) in PARTS {
        must(&mut cargo(&[
            "clippy",
            "--locked",
            "--package",
            package,
            "--no-default-features",
            "--features",
            features,
            "--",
            "--deny",
            "warnings",
        ]))?;
    }
    Ok(())
}

pub(crate) fn run() -> Outcome {
    packages::install()?;
    fuzz::check_lock()?;
    must(&mut cargo(&["fmt", "--all", "--check"]))?;
    must(&mut cargo(&["clippy", "--locked", "--workspace", "--all-targets", "--", "--deny", "warnings"]))?;
    must(cargo(&["doc", "--locked", "--workspace", "--no-deps"]).env("RUSTDOCFLAGS", "--deny warnings"))?;
    layers::check()?;
    documents::check()?;
    proto::check()?;
    each_part_alone()?;
    // The tests run the workspace's programs, which cargo does not build for tests of another package.
    must(&mut cargo(&["build", "--locked", "--workspace", "--bins", "--examples"]))?;
    let skips = root().join("target/skips.txt");
    let _ = fs::remove_file(&skips);
    must(cargo(&["test", "--locked", "--workspace"]).env("SELFCHECK_SKIPS", &skips))?;
    guests_of_a_newer_systemd(&skips)?;
    fuzzed_for_a_moment(&skips)?;
    tell_skips(&fs::read_to_string(&skips).unwrap_or_default());
    Ok(())
}

/// The tests in guests once more, by another systemd than this machine's.
fn guests_of_a_newer_systemd(skips: &Path) -> Outcome {
    match trixie::guest_root() {
        Ok(root) => must(
            cargo(&["test", "--locked", "--package", "selfcheck-tests", "--test", "it", "guests::"])
                .env("SELFCHECK_GUEST_ROOT", root)
                .env("SELFCHECK_SKIPS", skips),
        ),
        Err(why) => skip(skips, "run of all guests by the systemd of Debian 13", &why),
    }
}

/// Every reader of hostile input, for some seconds.
fn fuzzed_for_a_moment(skips: &Path) -> Outcome {
    match fuzz::missing() {
        None => fuzz::run(FUZZ_SECONDS),
        Some(why) => skip(skips, "run of the fuzzers", why),
    }
}

/// Notes what is skipped, for the summary; in CI nothing may be.
fn skip(skips: &Path, what: &str, why: &str) -> Outcome {
    if std::env::var_os("CI").is_some() {
        return Err(format!("error: the {what} is required in CI: {why}"));
    }
    let told = |error: std::io::Error| error.to_string();
    let mut list = fs::OpenOptions::new().create(true).append(true).open(skips).map_err(told)?;
    writeln!(list, "SKIPPED the {what}: {why}").map_err(told)
}

/// Says last, where nobody overlooks it, what was not tested.
fn tell_skips(skips: &str) {
    if skips.is_empty() {
        println!("==> all tests ran, nothing was skipped");
        return;
    }
    let mut notes: Vec<_> = skips.lines().collect();
    notes.sort_unstable();
    println!("==> NOT EVERYTHING WAS TESTED:");
    for same in notes.chunk_by(|one, other| one == other) {
        println!("    {} times {}", same.len(), same[0]);
    }
}
