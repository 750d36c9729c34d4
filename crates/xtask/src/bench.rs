//! `cargo xtask bench`: the figures, measured on this machine in one run.

use crate::Outcome;
use crate::run::cargo;
use crate::run::must;

pub(crate) fn run() -> Outcome {
    must(&mut cargo(&["build", "--locked", "--release", "--workspace", "--bins"]))?;
    must(&mut cargo(&[
        "bench",
        "--locked",
        "--package",
        "selfcheck-tests",
        "--bench",
        "look",
        "--bench",
        "daemon",
        "--bench",
        "inventory",
        "--bench",
        "fleet",
    ]))
}
