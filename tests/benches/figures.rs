//! Samples, and the machine they come from.

use std::fmt;

use serde::Deserialize;
use serde::Serialize;

/// Durations of repeated runs, in microseconds.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Sample(Vec<f64>);

impl Sample {
    pub(crate) fn new(mut runs: Vec<f64>) -> Self {
        runs.sort_by(f64::total_cmp);
        Self(runs)
    }

    pub(crate) fn median(&self) -> f64 {
        self.at(50)
    }

    /// What so many percent of the runs do not exceed.
    pub(crate) fn at(&self, percent: usize) -> f64 {
        self.0[(self.0.len() - 1) * percent / 100]
    }
}

impl fmt::Display for Sample {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "n={}, median {:.0} µs, p10 {:.0} µs, p90 {:.0} µs",
            self.0.len(),
            self.median(),
            self.at(10),
            self.at(90)
        )
    }
}

/// Processor, cores and kernel.
pub(crate) fn machine() -> String {
    let cpus = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpus
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(": "))
        .map_or("?", |(_, name)| name);
    let cores = std::thread::available_parallelism().map_or(0, std::num::NonZero::get);
    let kernel = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    format!("{model}, {cores} cores, Linux {}", kernel.trim())
}

/// Bytes as megabytes.
#[expect(clippy::cast_precision_loss, reason = "a size to be shown")]
pub(crate) fn mega(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}

/// Prints a figure beside its target.
pub(crate) fn verdict(what: &str, figure: f64, relation: &str, target: f64) {
    let met = if relation == "at least" { figure >= target } else { figure <= target };
    let word = if met { "met" } else { "MISSED" };
    println!("{what}: {figure:.2} ({relation} {target}: {word})");
}
