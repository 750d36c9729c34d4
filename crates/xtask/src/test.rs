//! `cargo xtask test`: everything that must hold before a change is handed in.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::thread;

use crate::Outcome;
use crate::circles;
use crate::dependencies;
use crate::documents;
use crate::front;
use crate::fuzz;
use crate::layers;
use crate::packages;
use crate::proto;
use crate::run::cargo;
use crate::run::must;
use crate::run::output;
use crate::run::root;
use crate::steps::Steps;
use crate::steps::timed;
use crate::suite::Suite;
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

/// Runs suites, those of these names or all, and tells last how long each step took.
pub(crate) fn run(words: &[&str]) -> Outcome {
    let suites = Suite::named(words)?;
    let mut steps = Steps::default();
    let skips = root().join("target/skips.txt");
    let _ = fs::remove_file(&skips);
    let outcome = all(&suites, &skips, &mut steps);
    print!("==> minutes:\n{steps}");
    outcome?;
    tell_skips(&fs::read_to_string(&skips).unwrap_or_default());
    Ok(())
}

fn all(suites: &[Suite], skips: &Path, steps: &mut Steps) -> Outcome {
    let newer = thread::scope(|scope| {
        let needs_system = suites.iter().any(|suite| suite.needs_system());
        // What is downloaded comes while the compiler works.
        let system = scope.spawn(move || {
            timed(|| if needs_system { packages::install() } else { Ok(()) }.map(|()| newer_root(suites)))
        });
        if suites.contains(&Suite::Quick) {
            steps.take("checks", checks)?;
        }
        // The tests run the workspace's programs, which cargo does not build for tests of another package.
        steps.take("build", || {
            must(&mut cargo(&["build", "--locked", "--workspace", "--bins", "--examples"]))?;
            must(&mut cargo(&["test", "--locked", "--workspace", "--no-run"]))?;
            in_one_suite()
        })?;
        let (newer, time) = system.join().map_err(|_| "error: installing packages panicked".to_owned())?;
        steps.note("packages and Debian 13 (beside those)", time);
        newer
    })?;
    for suite in suites {
        steps.take(suite.name(), || match suite {
            Suite::Fuzz => fuzzed_for_a_moment(skips),
            _ => tested(*suite, skips),
        })?;
        if let (Suite::Host, Some(newer)) = (suite, &newer) {
            steps.take("host, by the systemd of Debian 13", || guests_of_a_newer_systemd(newer, skips))?;
        }
    }
    Ok(())
}

/// The tests that cross crates.
const CROSSING: [&str; 7] = ["test", "--locked", "--package", "selfcheck-tests", "--test", "it", "--"];

/// What needs no test to run.
fn checks() -> Outcome {
    fuzz::check_lock()?;
    Suite::check()?;
    must(&mut cargo(&["fmt", "--all", "--check"]))?;
    must(&mut cargo(&["clippy", "--locked", "--workspace", "--all-targets", "--", "--deny", "warnings"]))?;
    must(cargo(&["doc", "--locked", "--workspace", "--no-deps"]).env("RUSTDOCFLAGS", "--deny warnings"))?;
    layers::check()?;
    dependencies::check()?;
    circles::check()?;
    documents::check()?;
    front::check()?;
    proto::check()?;
    each_part_alone()
}

/// The tests of a suite.
fn tested(suite: Suite, skips: &Path) -> Outcome {
    if suite == Suite::Quick {
        let words = ["test", "--locked", "--workspace", "--exclude", "selfcheck-tests"];
        must(cargo(&words).env("SELFCHECK_SKIPS", skips))?;
        must(
            cargo(&["test", "--locked", "--package", "selfcheck-tests", "--lib", "--bins"])
                .env("SELFCHECK_SKIPS", skips),
        )?;
    }
    must(crossing(suite).env("SELFCHECK_SKIPS", skips))?;
    if suite == Suite::Wire {
        let words = ["test", "--locked", "--package", "selfcheck-tests", "--test", "attacks"];
        must(cargo(&words).env("SELFCHECK_SKIPS", skips))?;
    }
    Ok(())
}

/// The tests of a suite that cross crates.
fn crossing(suite: Suite) -> Command {
    let mut command = cargo(&CROSSING);
    command.args(suite.filters());
    command
}

/// Requires that each test that crosses crates is in one suite.
fn in_one_suite() -> Outcome {
    let listed = |mut command: Command| {
        let told = output(command.arg("--list"))?;
        Ok::<_, String>(
            told.lines().filter_map(|line| Some(line.strip_suffix(": test")?.to_owned())).collect(),
        )
    };
    let mut all: Vec<_> = listed(cargo(&CROSSING))?;
    let of_suites: Result<Vec<Vec<_>>, _> = Suite::ALL
        .into_iter()
        .filter(|suite| !suite.modules().is_empty())
        .map(|suite| listed(crossing(suite)))
        .collect();
    let mut of_suites = of_suites?.concat();
    all.sort_unstable();
    of_suites.sort_unstable();
    if all == of_suites && !all.is_empty() {
        return Ok(());
    }
    let twice = of_suites.windows(2).find(|pair| pair[0] == pair[1]).map(|pair| &pair[0]);
    let wrong = twice.or_else(|| all.iter().find(|test| !of_suites.contains(test)));
    Err(format!("error: crates/xtask/src/suite.rs has {wrong:?} in two suites or in none"))
}

/// The root of a newer systemd, where it is wanted; else why there is none.
fn newer_root(suites: &[Suite]) -> Option<Result<PathBuf, String>> {
    suites.contains(&Suite::Host).then(trixie::guest_root)
}

/// The tests in guests once more, by another systemd than this machine's.
fn guests_of_a_newer_systemd(newer: &Result<PathBuf, String>, skips: &Path) -> Outcome {
    match newer {
        Ok(root) => must(
            cargo(&["test", "--locked", "--package", "selfcheck-tests", "--test", "it", "guests::"])
                .env("SELFCHECK_GUEST_ROOT", root)
                .env("SELFCHECK_SKIPS", skips),
        ),
        Err(why) => skip(skips, "run of all guests by the systemd of Debian 13", why),
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
