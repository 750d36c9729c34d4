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

    /// The words by which the test program runs what is in this suite and in no other.
    pub(crate) fn filters(self) -> Vec<String> {
        let own = self.modules().iter().map(|module| format!("{module}::"));
        let others = Self::ALL.into_iter().filter(|other| *other != self).flat_map(Self::modules);
        let within = others.filter(|module| {
            self.modules()
                .iter()
                .any(|own| module.strip_prefix(own).is_some_and(|rest| rest.starts_with("::")))
        });
        let skipped = within.flat_map(|module| ["--skip".to_owned(), format!("{module}::")]);
        own.chain(skipped).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn suites_take_nothing_of_each_other() {
        assert_eq!(Suite::Wire.filters(), ["inventory::", "stock::", "--skip", "inventory::interop::"]);
        assert_eq!(Suite::Go.filters(), ["forms::", "inventory::interop::"]);
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
