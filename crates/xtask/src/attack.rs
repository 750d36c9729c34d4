//! `cargo xtask attack`: the attacks on an auth server, for longer and with stricter bounds than among the tests.

use crate::Outcome;
use crate::run::cargo;
use crate::run::must;

pub(crate) fn run() -> Outcome {
    must(&mut cargo(&["build", "--locked", "--release"]))?;
    must(&mut cargo(&[
        "test",
        "--locked",
        "--release",
        "--package",
        "selfcheck-tests",
        "--test",
        "attacks",
        "--",
        "--thorough",
    ]))
}
