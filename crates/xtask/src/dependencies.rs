//! What the dependencies are allowed: their licences, and to come in more than one version.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use serde_json::Value;
use spdx::Expression;
use spdx::ParseMode;

use crate::Outcome;
use crate::run::cargo;
use crate::run::output;

/// Licences that this project's own, Apache-2.0, may be combined with in one program.
const LICENCES: [&str; 7] = ["Apache-2.0", "BSD-3-Clause", "ISC", "MIT", "Unicode-3.0", "Unlicense", "Zlib"];

/// What comes in two versions, and why.
const SEVERAL: [(&str, &str); 7] = [
    ("base64", "tonic has the older one, and so has the probe; the tests' certificates bring the newer"),
    ("foldhash", "hashbrown"),
    ("getrandom", "ring has the older one, tempfile and uuid the newer"),
    ("hashbrown", "petgraph, which writes the code of services, has the older one"),
    ("prettyplease", "tonic-build and prost-build differ"),
    ("syn", "derives of tracing and others have the older one, those of serde the newer"),
    ("unicode-width", "miette, by which protox tells of errors, has the older one"),
];

/// Requires that it is so, on Linux.
pub(crate) fn check() -> Outcome {
    let words =
        ["metadata", "--locked", "--format-version", "1", "--filter-platform", "x86_64-unknown-linux-gnu"];
    let metadata: Value =
        serde_json::from_str(&output(&mut cargo(&words))?).map_err(|error| format!("error: {error}"))?;
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let used: BTreeSet<_> =
        list(&metadata["resolve"]["nodes"]).iter().map(|node| node["id"].to_string()).collect();
    let mut versions: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for package in
        list(&metadata["packages"]).iter().filter(|package| used.contains(&package["id"].to_string()))
    {
        let text = |key: &str| package[key].as_str().unwrap_or_default().to_owned();
        let (name, licence) = (text("name"), text("license"));
        if !is_permitted(&licence) {
            return Err(format!(
                "error: the licence of {name} is `{licence}`; crates/xtask/src/dependencies.rs lists those that may be"
            ));
        }
        versions.entry(name).or_default().insert(text("version"));
    }
    let several = versions.iter().filter(|(_, versions)| versions.len() > 1);
    let several: BTreeSet<_> = several.map(|(name, _)| name.as_str()).collect();
    let explained: BTreeSet<_> = SEVERAL.iter().map(|(name, _)| *name).collect();
    let is_twice = |name: &&str| versions[*name].len() == 2;
    if several == explained && several.iter().all(is_twice) {
        return Ok(());
    }
    let differ: Vec<_> = several
        .symmetric_difference(&explained)
        .map(|name| format!("{name} {:?}", versions.get(*name)))
        .collect();
    Err(format!(
        "error: crates/xtask/src/dependencies.rs explains other crates, and two versions of each: {differ:?}"
    ))
}

fn is_permitted(licence: &str) -> bool {
    let is_listed = |requirement: &spdx::LicenseReq| {
        requirement.license.id().is_some_and(|id| LICENCES.contains(&id.name))
    };
    Expression::parse_mode(licence, ParseMode::LAX).is_ok_and(|expression| expression.evaluate(is_listed))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_several_licences_one_or_all_are_to_be_listed() {
        for permitted in
            ["MIT", "MIT/Apache-2.0", "LGPL-2.1-or-later OR MIT", "(MIT OR GPL-3.0-only) AND ISC"]
        {
            assert!(is_permitted(permitted), "{permitted}");
        }
        for refused in ["", "GPL-3.0-only", "MIT AND GPL-3.0-only", "Whatever"] {
            assert!(!is_permitted(refused), "{refused}");
        }
    }
}
