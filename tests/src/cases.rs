//! Cases as data: what was seen, and what must be said about it.

use std::fs;
use std::path::PathBuf;
use std::sync::OnceLock;

use selfcheck_core::Observation;
use selfcheck_core::Policy;
use serde::Deserialize;
use serde_json::Value;

/// One case: an observation, a policy, a time, and what must be said.
#[derive(Debug, Clone)]
pub struct Case {
    /// The file and the case's own name.
    pub name: String,
    /// What was seen.
    pub observation: Observation,
    /// The same as JSON, for tests that change it.
    pub document: Value,
    /// The policy.
    pub policy: Policy,
    /// How long after the observation it is judged, in microseconds.
    pub later: u64,
    /// Reasons that almost hold here and must not be found.
    pub near_miss_of: Vec<String>,
    /// What must be said.
    pub expect: Expectation,
}

/// What must be said.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expectation {
    /// The verdict's code.
    pub verdict: String,
    /// The codes of all reasons, worst first.
    #[serde(default)]
    pub reasons: Vec<String>,
    /// The severity of the first reason, where it is not the catalogue's.
    pub severity: Option<String>,
    /// The remedy's command line; null where there is none.
    pub remedy: Option<String>,
    /// What the summary must contain.
    pub words: Option<String>,
    /// What stock Teleport is told, as `binary OK`; `none` where it is told of no updater.
    pub stock: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    cases: Vec<Row>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    name: String,
    host: String,
    #[serde(default)]
    but: serde_json::Map<String, Value>,
    #[serde(default)]
    policy: Policy,
    later: Option<selfcheck_core::policy::Length>,
    #[serde(default)]
    near_miss_of: Vec<String>,
    expect: Expectation,
}

/// All cases of `tests/cases`.
pub fn cases() -> &'static [Case] {
    static CASES: OnceLock<Vec<Case>> = OnceLock::new();
    CASES.get_or_init(read)
}

fn read() -> Vec<Case> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("cases");
    let mut files: Vec<_> =
        fs::read_dir(&folder).expect("cases").map(|entry| entry.expect("entry").path()).collect();
    files.sort();
    let mut cases = Vec::new();
    for file in files.iter().filter(|file| file.extension().is_some_and(|end| end == "yaml")) {
        let stem = file.file_stem().expect("name").to_string_lossy();
        let text = fs::read_to_string(file).expect("case file");
        let document: Document =
            selfcheck_probe::from_yaml(&text).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        cases.extend(document.cases.into_iter().map(|row| row.into_case(&stem, &folder)));
    }
    cases
}

impl Row {
    fn into_case(self, stem: &str, folder: &std::path::Path) -> Case {
        let name = format!("{stem}: {}", self.name);
        let host = fs::read_to_string(folder.join("hosts").join(format!("{}.yaml", self.host)))
            .unwrap_or_else(|error| panic!("{name}: host {}: {error}", self.host));
        let mut document: Value =
            selfcheck_probe::from_yaml(&host).unwrap_or_else(|error| panic!("{name}: {error}"));
        for (path, value) in self.but {
            *at(&mut document, &path, &name) = value;
        }
        let observation =
            serde_json::from_value(document.clone()).unwrap_or_else(|error| panic!("{name}: {error}"));
        Case {
            name,
            observation,
            document,
            policy: self.policy,
            later: self.later.map_or(0, selfcheck_core::policy::Length::usec),
            near_miss_of: self.near_miss_of,
            expect: self.expect,
        }
    }
}

/// The place that a path like `v2.timer.unit_file_state` names; the values of facts are stepped into.
fn at<'a>(document: &'a mut Value, path: &str, case: &str) -> &'a mut Value {
    let mut place = document;
    for step in path.split('.') {
        if place.get("present").is_some() {
            place = place.get_mut("present").unwrap_or_else(|| panic!("{case}: {path}"));
        }
        let fields = place.as_object_mut().unwrap_or_else(|| panic!("{case}: {path} leads through a value"));
        place = fields.entry(step).or_insert(Value::Null);
    }
    place
}
