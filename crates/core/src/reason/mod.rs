//! The catalogue of reasons: the one table behind code, command line, documentation and remedies.
//!
//! Codes are stable and never reused. Adding a reason is a line in [`table`]; the generated page
//! `docs/reasons.md` and the cases under `tests/cases` are checked against it.

mod table;

use std::fmt;
use std::str::FromStr;

use crate::Code;
use crate::RemedyId;
use crate::Severity;
use crate::UnknownCode;
use crate::Verdict;

pub use table::Reason;

/// What a reason does to the verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// It leads to this verdict, unless a stronger one is proven.
    Leads(Verdict),
    /// It is only worth knowing.
    Advises,
}

/// Who can find a reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Finder {
    /// A look at the agent's own host.
    Host,
    /// Only the auth server.
    Auth,
}

/// One row of the catalogue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Entry {
    /// The reason.
    pub reason: Reason,
    /// Its stable code.
    pub code: &'static str,
    /// What it does to the verdict.
    pub effect: Effect,
    /// Its usual severity; a finding may carry another where the evidence says so.
    pub severity: Severity,
    /// Who finds it.
    pub finder: Finder,
    /// What is the case, in one line. `{updater}` stands for the updater's name.
    pub summary: &'static str,
    /// How it comes about and what it means for the agent.
    pub meaning: &'static str,
    /// The remedy, where one command helps.
    pub remedy: Option<RemedyId>,
    /// The remedies that evidence may call for instead.
    pub others: &'static [RemedyId],
    /// Teleport's own documentation.
    pub docs: &'static str,
}

impl Entry {
    /// Whether this remedy helps against the reason, on one host or another.
    pub fn names(&self, remedy: RemedyId) -> bool {
        self.remedies().any(|named| named == remedy || named.elsewhere() == Some(remedy))
    }

    /// The usual remedy, and those that evidence may call for instead.
    pub fn remedies(&self) -> impl Iterator<Item = RemedyId> {
        self.remedy.into_iter().chain(self.others.iter().copied())
    }

    /// The summary with the updater's name filled in.
    pub fn summary_for(&self, updater: &str) -> String {
        self.summary.replace("{updater}", updater)
    }
}

impl Reason {
    /// The catalogue, in the order of judgement.
    pub const fn catalogue() -> &'static [Entry] {
        table::CATALOGUE
    }

    /// The row of this reason.
    pub const fn entry(self) -> &'static Entry {
        &table::CATALOGUE[self as usize]
    }

    /// The stable code.
    pub const fn code(self) -> &'static str {
        self.entry().code
    }

    /// The verdict it leads to; `None` for an advisory one.
    pub const fn verdict(self) -> Option<Verdict> {
        match self.entry().effect {
            Effect::Leads(verdict) => Some(verdict),
            Effect::Advises => None,
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.code())
    }
}

impl FromStr for Reason {
    type Err = UnknownCode;

    fn from_str(code: &str) -> Result<Self, UnknownCode> {
        let entry = table::CATALOGUE.iter().find(|entry| entry.code == code);
        entry.map(|entry| entry.reason).ok_or_else(|| UnknownCode::new(code))
    }
}

impl Code for Reason {
    fn word(self) -> &'static str {
        self.code()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_stands_at_its_own_place_with_a_code_of_its_own() {
        let mut codes: Vec<_> = Reason::catalogue().iter().map(|entry| entry.code).collect();
        for (index, entry) in Reason::catalogue().iter().enumerate() {
            assert_eq!(entry.reason as usize, index, "{}", entry.code);
            assert_eq!(entry.code.parse(), Ok(entry.reason));
        }
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(codes.len(), Reason::catalogue().len());
    }

    #[test]
    fn texts_are_short_single_lines_and_links_lead_to_teleport() {
        for entry in Reason::catalogue() {
            assert!(entry.summary.len() <= 100, "{}", entry.code);
            assert!(!entry.summary.ends_with('.') && !entry.summary.contains('\n'), "{}", entry.code);
            assert!(entry.meaning.ends_with('.'), "{}", entry.code);
            assert!(entry.docs.starts_with("https://goteleport.com/docs/"), "{}", entry.code);
            assert!(
                entry
                    .code
                    .bytes()
                    .all(|byte| byte.is_ascii_lowercase() || matches!(byte, b'0'..=b'9' | b'-'))
            );
        }
    }
}
