//! The cases of `tests/cases`, read once.

use std::sync::OnceLock;

use selfcheck_cases::Case;
use selfcheck_cases::CaseFile;

/// All cases of `tests/cases`.
pub fn cases() -> &'static [Case] {
    static CASES: OnceLock<Vec<Case>> = OnceLock::new();
    CASES.get_or_init(|| selfcheck_cases::read(CaseFile::ALL).expect("cases that can be read"))
}

/// The case of this name.
pub fn case(name: &str) -> &'static Case {
    selfcheck_cases::find(cases(), name).expect("a case of that name")
}
