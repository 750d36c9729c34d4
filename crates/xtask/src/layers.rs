//! Which crate may depend on which, and what the small ones must not bring to those who link them.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::Outcome;
use crate::run::cargo;
use crate::run::output;

/// Each library, and the crates of the project that it may use. Dependencies point downwards.
const LAYERS: [(&str, &[&str]); 9] = [
    ("selfcheck-core", &[]),
    ("selfcheck-probe", &["selfcheck-core"]),
    ("selfcheck-protocol", &["selfcheck-core"]),
    ("selfcheck-reporter", &["selfcheck-core", "selfcheck-protocol"]),
    ("selfcheck-fleet", &["selfcheck-core", "selfcheck-protocol"]),
    ("selfcheck-server", &["selfcheck-core", "selfcheck-protocol", "selfcheck-fleet"]),
    ("selfcheck-authority", &["selfcheck-core", "selfcheck-protocol"]),
    ("selfcheck-daemon", &["selfcheck-core", "selfcheck-probe", "selfcheck-reporter"]),
    ("selfcheck-cases", &["selfcheck-core", "selfcheck-probe"]),
];
/// The programs, which may use all of them.
const PROGRAMS: [&str; 5] =
    ["teleport-selfcheck", "xtask", "selfcheck-tests", "selfcheck-idle", "selfcheck-examples"];

/// What is small, as it is without features.
const SMALL: [&str; 5] =
    ["selfcheck-core", "selfcheck-probe", "selfcheck-protocol", "selfcheck-fleet", "selfcheck-daemon"];
/// What it must not bring: TLS, cryptography, gRPC.
const LARGE: [&str; 7] = ["aws-lc-rs", "aws-lc-sys", "openssl", "openssl-sys", "ring", "rustls", "tonic"];

/// Those that may be published: all but the recorded hosts.
pub(crate) fn libraries() -> impl Iterator<Item = &'static str> {
    LAYERS.iter().map(|(name, _)| *name).filter(|name| *name != "selfcheck-cases")
}

/// Requires that it is so.
pub(crate) fn check() -> Outcome {
    let metadata = output(&mut cargo(&["metadata", "--locked", "--no-deps", "--format-version", "1"]))?;
    let metadata: Value = serde_json::from_str(&metadata).map_err(|error| format!("error: {error}"))?;
    let packages = metadata["packages"].as_array().ok_or("error: cargo tells of no packages")?;
    let names: BTreeSet<_> = packages.iter().filter_map(|package| package["name"].as_str()).collect();
    let known = LAYERS.iter().map(|(name, _)| *name).chain(PROGRAMS).collect();
    if names != known {
        let differ: Vec<_> = names.symmetric_difference(&known).collect();
        return Err(format!("error: the table in crates/xtask/src/layers.rs is wrong about {differ:?}"));
    }
    for package in packages {
        let name = package["name"].as_str().unwrap_or_default();
        let Some((_, allowed)) = LAYERS.iter().find(|(layer, _)| *layer == name) else { continue };
        let used = package["dependencies"].as_array().into_iter().flatten();
        let mut used = used.filter(|used| used["kind"] != "dev").filter_map(|used| used["name"].as_str());
        if let Some(used) = used.find(|used| names.contains(used) && !allowed.contains(used)) {
            return Err(format!("error: {name} must not depend on {used}"));
        }
    }
    SMALL.into_iter().try_for_each(is_small)
}

fn is_small(name: &str) -> Outcome {
    let words = ["tree", "--locked", "--package", name, "--no-default-features", "--edges", "normal,build"];
    let tree = output(cargo(&words).args(["--prefix", "none", "--format", "{p}"]))?;
    let brought: BTreeSet<_> = tree.lines().filter_map(|line| line.split_whitespace().next()).collect();
    if !brought.contains(name) {
        return Err(format!("error: `cargo tree` tells nothing of {name}"));
    }
    match LARGE.iter().find(|large| brought.contains(*large)) {
        Some(large) => {
            Err(format!("error: {name} brings {large}; see `cargo tree --package {name} --invert {large}`"))
        }
        None => Ok(()),
    }
}
