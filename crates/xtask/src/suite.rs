//! What can be tested by itself.

use std::collections::BTreeSet;
use std::fs;

use crate::Outcome;
use crate::run::root;

/// A part of the tests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Suite {
    Quick,
    Host,
    Daemon,
    Wire,
    Fleet,
    Pods,
    Go,
    Fuzz,
}

impl Suite {
    pub(crate) const ALL: [Self; 8] =
        [Self::Quick, Self::Host, Self::Daemon, Self::Wire, Self::Fleet, Self::Pods, Self::Go, Self::Fuzz];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Quick => "quick",
            Self::Host => "host",
            Self::Daemon => "daemon",
            Self::Wire => "wire",
            Self::Fleet => "fleet",
            Self::Pods => "pods",
            Self::Go => "go",
            Self::Fuzz => "fuzz",
        }
    }

    /// The modules of `tests/it` that it runs.
    pub(crate) const fn modules(self) -> &'static [&'static str] {
        match self {
            Self::Quick => {
                &["cases", "command", "documents", "hostile", "newer", "privacy", "properties", "snapshots"]
            }
            Self::Host => &["guests", "images"],
            Self::Daemon => &["daemon"],
            Self::Wire => &["inventory", "stock"],
            Self::Fleet => &["fleet"],
            Self::Pods => &["pods"],
            Self::Go => &["forms", "inventory::interop"],
            Self::Fuzz => &[],
        }
    }

    /// Whether it needs parts of the system that are not there everywhere.
    pub(crate) const fn needs_system(self) -> bool {
        !matches!(self, Self::Quick | Self::Fleet | Self::Go | Self::Fuzz)
    }

    /// The suites of these names, or all where there are none.
    pub(crate) fn named(words: &[&str]) -> Result<Vec<Self>, String> {
        if words.is_empty() {
            return Ok(Self::ALL.to_vec());
        }
        let named = |word: &&str| {
            Self::ALL.into_iter().find(|suite| suite.name() == *word).ok_or_else(|| {
                let known = Self::ALL.map(Self::name).join(", ");
                format!("error: `{word}` is no suite; these are: {known}")
            })
        };
        words.iter().map(named).collect()
    }

    /// Requires that every module of `tests/it` is one of a suite, so that all suites are all tests.
    pub(crate) fn check() -> Outcome {
        let main = root().join("tests/it/main.rs");
        let main =
            fs::read_to_string(&main).map_err(|error| format!("error: {}: {error}", main.display()))?;
        let there = main.lines().filter_map(|line| line.strip_prefix("mod ")?.strip_suffix(';'));
        let there: BTreeSet<_> = there.collect();
        let modules = Self::ALL.into_iter().flat_map(Self::modules);
        let known: BTreeSet<_> = modules.filter(|module| !module.contains("::")).copied().collect();
        if there == known {
            return Ok(());
        }
        let differ: Vec<_> = there.symmetric_difference(&known).collect();
        Err(format!("error: the table in crates/xtask/src/suite.rs is wrong about {differ:?} of tests/it"))
    }

    /// The words by which the test program runs what is in this suite and in no other. It takes them for parts of names, so
    /// that a module of the same name within another one has to be skipped.
    pub(crate) fn filters(self) -> Vec<String> {
        let modules = || Self::ALL.into_iter().flat_map(Self::modules).copied();
        let is_within =
            |inner: &str, outer: &str| inner.strip_prefix(outer).is_some_and(|rest| rest.starts_with("::"));
        let mut skipped = Vec::new();
        for own in self.modules() {
            skipped.extend(modules().filter(|other| is_within(other, own)).map(|other| format!("{other}::")));
            let others = modules().filter(|other| other != own && !other.contains("::"));
            skipped.extend(others.filter(|_| !own.contains("::")).map(|other| format!("{other}::{own}::")));
        }
        let own = self.modules().iter().map(|module| format!("{module}::"));
        own.chain(skipped.into_iter().flat_map(|skipped| ["--skip".to_owned(), skipped])).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn suites_take_nothing_of_each_other() {
        let wire = Suite::Wire.filters();
        let skips = |words: &[String], name: &str| words.windows(2).any(|pair| pair == ["--skip", name]);
        assert_eq!(wire[..2], ["inventory::", "stock::"]);
        assert!(skips(&wire, "inventory::interop::") && skips(&wire, "guests::inventory::"), "{wire:?}");
        assert!(skips(&Suite::Daemon.filters(), "guests::daemon::"));
        assert!(!skips(&Suite::Host.filters(), "guests::daemon::"));
        assert_eq!(Suite::check(), Ok(()));
    }

    #[test]
    fn a_suite_is_named() {
        assert_eq!(Suite::named(&["fuzz", "quick"]), Ok(vec![Suite::Fuzz, Suite::Quick]));
        assert_eq!(Suite::named(&[]).map(|all| all.len()), Ok(8));
        assert!(
            Suite::named(&["slow"]).is_err_and(|why| why.contains("`slow`") && why.contains("quick, host"))
        );
    }
}
