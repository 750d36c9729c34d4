//! `cargo xtask fuzz`: inputs nobody thought of, guided by what code they reach.

use std::fs;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::process::Stdio;

use crate::Outcome;
use crate::run::cargo;
use crate::run::must;
use crate::run::output;
use crate::run::root;

const TARGETS: [&str; 12] = [
    "update_yaml",
    "pod_marks",
    "teleport_yaml",
    "v1_files",
    "dpkg_status",
    "unit_file",
    "observation",
    "policy",
    "inventory_messages",
    "inventory_stream",
    "identity_file",
    "inventory_connection",
];
/// How many run at once.
const AT_ONCE: usize = 2;
/// What makes the compiler count which code an input reaches.
const COVERAGE: &str = "--cfg fuzzing -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares";
/// An input that takes longer, in seconds, or more memory, in MB, is a finding.
const BOUNDS: [&str; 3] = ["-timeout=5", "-rss_limit_mb=512", "-max_len=65536"];

/// Fuzzes every target for so many seconds; an input that fails is kept in target/fuzz/findings.
pub(crate) fn run(seconds: u32) -> Outcome {
    let folder = root().join("target/fuzz");
    let programs = build(&folder)?;
    for pair in TARGETS.chunks(AT_ONCE) {
        let running: Vec<_> = pair
            .iter()
            .map(|target| Ok((*target, start(&folder, &programs, target, seconds)?)))
            .collect::<Result<_, String>>()?;
        for (target, process) in running {
            let output = process.wait_with_output().map_err(|error| error.to_string())?;
            let told = String::from_utf8_lossy(&output.stderr);
            let summary = told.lines().rev().find(|line| line.starts_with("Done ")).unwrap_or("no summary");
            println!("==> fuzz {target}: {summary}");
            if !output.status.success() {
                return Err(format!("{told}\nerror: fuzzing {target} found an input that fails"));
            }
        }
    }
    Ok(())
}

/// That the lock file of the fuzzers goes with the crates they fuzz, before anything slow is done.
pub(crate) fn check_lock() -> Outcome {
    let mut command = cargo(&["metadata", "--locked", "--format-version", "1", "--manifest-path"]);
    must(command.arg(root().join("tests/fuzz/Cargo.toml")).stdout(Stdio::null()))
}

/// Why fuzzing is not possible here, if so.
pub(crate) fn missing() -> Option<&'static str> {
    let compiles = Command::new("c++").arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    (!compiles.is_ok_and(|status| status.success())).then_some("there is no C++ compiler `c++`")
}

/// Builds the targets, and returns the folder of their programs.
fn build(folder: &Path) -> Result<PathBuf, String> {
    let host = host()?;
    let manifest = root().join("tests/fuzz/Cargo.toml");
    // Naming the target keeps the flags away from what runs while building.
    let mut command = cargo(&["build", "--locked", "--release", "--target", &host]);
    command.arg("--manifest-path").arg(manifest).arg("--target-dir").arg(folder);
    must(command.env("RUSTFLAGS", COVERAGE))?;
    Ok(folder.join(host).join("release"))
}

fn start(folder: &Path, programs: &Path, target: &str, seconds: u32) -> Result<std::process::Child, String> {
    let (corpus, findings) = (folder.join("corpus").join(target), folder.join("findings"));
    for folder in [&corpus, &findings] {
        fs::create_dir_all(folder).map_err(|error| error.to_string())?;
    }
    Command::new(programs.join(target))
        .arg(corpus)
        .arg(root().join("tests/fuzz/seeds").join(target))
        .arg(format!("-max_total_time={seconds}"))
        .arg(format!("-artifact_prefix={}/{target}-", findings.display()))
        .args(BOUNDS)
        .stdin(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| format!("error: {target} could not be run: {error}"))
}

/// The platform that this compiler builds for by itself.
fn host() -> Result<String, String> {
    let told = output(Command::new("rustc").arg("-vV"))?;
    let host = told.lines().find_map(|line| line.strip_prefix("host: "));
    host.map(str::to_owned).ok_or_else(|| "error: rustc does not say its host".to_owned())
}
