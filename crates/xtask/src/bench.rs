//! `cargo xtask bench`: the figures, measured on this machine in one run.

use crate::Outcome;
use crate::run::cargo;
use crate::run::must;

pub(crate) fn run() -> Outcome {
    must(&mut cargo(&["build", "--locked", "--release", "--package", "selfcheck-tests", "--bins"]))?;
    // Alone, so that it has the features of an agent that only watches.
    must(&mut cargo(&["build", "--locked", "--release", "--package", "selfcheck-idle"]))?;
    // The command as it is by default: without what the tests bring.
    must(&mut cargo(&["build", "--locked", "--release"]))?;
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
        "kubernetes",
        "--bench",
        "inventory",
        "--bench",
        "stock",
        "--bench",
        "fleet",
    ]))
}
