//! Cases as data: what was seen on a host, and what must be said about it. The tests judge them, and the demo replays some.

use selfcheck_core::Observation;
use selfcheck_core::Policy;
use selfcheck_probe::YamlError;
use serde::Deserialize;
use serde_json::Value;

/// A file of cases.
#[derive(Debug, Clone, Copy)]
pub struct CaseFile {
    /// Its name, without the ending.
    pub name: &'static str,
    text: &'static str,
}

/// Makes the files of cases, and all of them.
macro_rules! files {
    ($($(#[$doc:meta])* $constant:ident = $name:literal,)*) => {
        impl CaseFile {
            $($(#[$doc])* pub const $constant: Self = Self { name: $name, text: include_str!(concat!("../", $name, ".yaml")) };)*

            /// All of them, by name.
            pub const ALL: &[Self] = &[$(Self::$constant),*];
        }
    };
}

files! {
    /// What becomes of the agent.
    AGENT = "agent",
    /// Who needs an updater, and who none.
    APPLICABILITY = "applicability",
    /// The system bus, and what it does not tell.
    BUSES = "buses",
    /// update.yaml.
    CONFIG = "config",
    /// Pods.
    KUBERNETES = "kubernetes",
    /// How runs of the updater ended.
    RUNS = "runs",
    /// Whether the timer will fire.
    SCHEDULE = "schedule",
    /// The older updater.
    V1 = "v1",
}

/// The hosts that cases start from, by name.
const HOSTS: [(&str, &str); 6] = [
    ("bare", include_str!("../hosts/bare.yaml")),
    ("both", include_str!("../hosts/both.yaml")),
    ("container", include_str!("../hosts/container.yaml")),
    ("healthy", include_str!("../hosts/healthy.yaml")),
    ("pod", include_str!("../hosts/pod.yaml")),
    ("v1", include_str!("../hosts/v1.yaml")),
];

/// One case: an observation, a policy, a time, and what must be said.
#[derive(Debug, Clone)]
pub struct Case {
    /// The file and the case's own name, as `schedule: the timer is masked`.
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

/// Why a case cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum InvalidCase {
    /// A file is no list of cases.
    #[error("`{name}` is no list of cases")]
    Parse {
        /// Which.
        name: String,
        /// Why.
        source: YamlError,
    },
    /// There is no case of this name.
    #[error("there is no case `{0}`")]
    Missing(
        /// Which.
        String,
    ),
    /// A case starts from a host that there is none of.
    #[error("case `{case}` starts from host `{host}`, which there is none of")]
    Host {
        /// Which case.
        case: String,
        /// From which host.
        host: String,
    },
    /// A path leads nowhere.
    #[error("case `{case}`: `{path}` leads through a value")]
    Path {
        /// Of which case.
        case: String,
        /// Which.
        path: String,
    },
    /// What comes of host and differences is no observation.
    #[error("case `{case}` is no observation")]
    Observation {
        /// Which.
        case: String,
        /// Why.
        source: serde_json::Error,
    },
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

/// Reads the cases of these files.
///
/// # Errors
///
/// Of the first case that cannot be read. That is a mistake in the files, for whoever changes them.
pub fn read(files: &[CaseFile]) -> Result<Vec<Case>, InvalidCase> {
    let mut cases = Vec::new();
    for CaseFile { name, text } in files {
        let document: Document = selfcheck_probe::from_yaml(text)
            .map_err(|source| InvalidCase::Parse { name: (*name).to_owned(), source })?;
        for row in document.cases {
            cases.push(row.into_case(name)?);
        }
    }
    Ok(cases)
}

/// The case of this name.
///
/// # Errors
///
/// Where there is none.
pub fn find<'c>(cases: &'c [Case], name: &str) -> Result<&'c Case, InvalidCase> {
    let found = cases.iter().find(|case| case.name == name);
    found.ok_or_else(|| InvalidCase::Missing(name.to_owned()))
}

impl Row {
    fn into_case(self, file: &str) -> Result<Case, InvalidCase> {
        let name = format!("{file}: {}", self.name);
        let Some((_, host)) = HOSTS.iter().find(|(host, _)| *host == self.host) else {
            return Err(InvalidCase::Host { case: name, host: self.host });
        };
        let parsed = selfcheck_probe::from_yaml(host);
        let mut document: Value =
            parsed.map_err(|source| InvalidCase::Parse { name: format!("hosts/{}", self.host), source })?;
        for (path, value) in self.but {
            let Some(place) = at(&mut document, &path) else {
                return Err(InvalidCase::Path { case: name, path });
            };
            *place = value;
        }
        let observation = serde_json::from_value(document.clone())
            .map_err(|source| InvalidCase::Observation { case: name.clone(), source })?;
        Ok(Case {
            name,
            observation,
            document,
            policy: self.policy,
            later: self.later.map_or(0, selfcheck_core::policy::Length::usec),
            near_miss_of: self.near_miss_of,
            expect: self.expect,
        })
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs;
    use std::path::Path;

    use super::*;

    fn names(folder: &str) -> BTreeSet<String> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
        let entries = fs::read_dir(folder).expect("folder").map(|entry| entry.expect("entry").path());
        let files = entries.filter(|path| path.extension().is_some_and(|end| end == "yaml"));
        files.map(|path| path.file_stem().expect("name").to_string_lossy().into_owned()).collect()
    }

    #[test]
    fn no_file_is_left_out() {
        assert_eq!(names("."), CaseFile::ALL.iter().map(|file| file.name.to_owned()).collect());
        assert_eq!(names("hosts"), HOSTS.iter().map(|(host, _)| (*host).to_owned()).collect());
    }

    #[test]
    fn what_is_wrong_with_a_case_is_said() {
        let why = |text| {
            let cases = read(&[CaseFile { name: "x", text }]);
            cases.map(|cases| cases.len()).map_err(|why| why.to_string())
        };
        let case = |host: &str, but: &str| {
            let text =
                format!("cases: [{{name: a, host: {host}, but: {but}, expect: {{verdict: unknown}}}}]");
            why(text.leak())
        };
        let missing = find(&[], "y: b").map(|_| ()).map_err(|why| why.to_string());
        assert_eq!(missing, Err("there is no case `y: b`".to_owned()));
        assert_eq!(case("healthy", "{}"), Ok(1));
        assert_eq!(why("cases: 3"), Err("`x` is no list of cases".to_owned()));
        let none = "case `x: a` starts from host `nowhere`, which there is none of";
        assert_eq!(case("nowhere", "{}"), Err(none.to_owned()));
        let through = "case `x: a`: `clock.realtime.more` leads through a value";
        assert_eq!(case("healthy", "{clock.realtime.more: 1}"), Err(through.to_owned()));
        assert_eq!(case("healthy", "{clock: often}"), Err("case `x: a` is no observation".to_owned()));
    }
}
