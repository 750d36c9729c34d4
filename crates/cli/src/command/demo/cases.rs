//! Recorded observations, as the project's own tests judge them.

use std::collections::BTreeMap;

use selfcheck_core::Observation;
use serde::Deserialize;
use serde_json::Value;

use crate::error::CliError;

/// The recorded hosts.
const HOSTS: [(&str, &str); 2] = [
    ("healthy", include_str!("../../../../../tests/cases/hosts/healthy.yaml")),
    ("bare", include_str!("../../../../../tests/cases/hosts/bare.yaml")),
];
/// What differs from them in each case.
const CASES: [&str; 4] = [
    include_str!("../../../../../tests/cases/agent.yaml"),
    include_str!("../../../../../tests/cases/applicability.yaml"),
    include_str!("../../../../../tests/cases/config.yaml"),
    include_str!("../../../../../tests/cases/schedule.yaml"),
];

#[derive(Debug, Deserialize)]
struct Document {
    cases: Vec<Row>,
}

/// A case. What must be said of it is for the tests.
#[derive(Debug, Deserialize)]
struct Row {
    name: String,
    host: String,
    #[serde(default)]
    but: serde_json::Map<String, Value>,
}

/// Recorded observations by the names of their cases.
#[derive(Debug)]
pub(super) struct Cases(BTreeMap<String, Row>);

impl Cases {
    pub(super) fn read() -> Result<Self, CliError> {
        let mut cases = BTreeMap::new();
        for text in CASES {
            let document: Document =
                selfcheck_probe::from_yaml(text).map_err(|_| CliError::Recorded("cases"))?;
            cases.extend(document.cases.into_iter().map(|row| (row.name.clone(), row)));
        }
        Ok(Self(cases))
    }

    /// What was seen in a case.
    pub(super) fn observation(&self, case: &'static str) -> Result<Observation, CliError> {
        let missing = || CliError::Recorded(case);
        let row = self.0.get(case).ok_or_else(missing)?;
        let (_, host) = HOSTS.iter().find(|(name, _)| *name == row.host).ok_or_else(missing)?;
        let mut seen: Value = selfcheck_probe::from_yaml(host).map_err(|_| missing())?;
        for (path, value) in &row.but {
            *at(&mut seen, path).ok_or_else(missing)? = value.clone();
        }
        serde_json::from_value(seen).map_err(|_| missing())
    }
}

/// The place that a path like `v2.timer.unit_file_state` names; the values of facts are stepped into.
fn at<'a>(document: &'a mut Value, path: &str) -> Option<&'a mut Value> {
    let mut place = document;
    for step in path.split('.') {
        if place.get("present").is_some() {
            place = place.get_mut("present")?;
        }
        place = place.as_object_mut()?.entry(step).or_insert(Value::Null);
    }
    Some(place)
}
