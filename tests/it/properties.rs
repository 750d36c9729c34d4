//! What holds for every observation, not only for those that somebody thought of.
//!
//! Observations are bred from the cases: facts of one case are put into another, made unreadable, reordered.

use proptest::prelude::*;
use proptest::sample::Index;
use selfcheck_core::Clock;
use selfcheck_core::Observation;
use selfcheck_core::Policy;
use selfcheck_core::Status;
use selfcheck_core::Verdict;
use selfcheck_core::Why;
use selfcheck_core::assess;
use selfcheck_protocol::Report;
use selfcheck_tests::Case;
use selfcheck_tests::case;
use selfcheck_tests::cases;
use serde_json::Value;
use std::collections::BTreeMap;

/// The paths of all facts in a document, outer ones before those inside them.
fn facts(document: &Value) -> Vec<String> {
    fn walk(value: &Value, path: &str, found: &mut Vec<String>) {
        if is_fact(value) {
            found.push(path.to_owned());
        }
        for (key, inner) in value.as_object().into_iter().flatten() {
            walk(inner, &format!("{path}/{key}"), found);
        }
    }
    let mut found = Vec::new();
    walk(document, "", &mut found);
    found
}

fn is_fact(value: &Value) -> bool {
    match value {
        Value::String(word) => matches!(word.as_str(), "absent" | "not-applicable"),
        Value::Object(fields) => {
            fields.len() == 1 && (fields.contains_key("present") || fields.contains_key("unreadable"))
        }
        _ => false,
    }
}

/// Everything the cases hold at each path where any of them has a fact.
struct Pool {
    cases: &'static [Case],
    values: BTreeMap<String, Vec<Value>>,
}

fn pool() -> Pool {
    let cases = cases();
    let mut values: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for case in cases {
        // Written out again, so that every fact is there even where the case left it out.
        let whole = serde_json::to_value(&case.observation).expect("json");
        for path in facts(&whole) {
            let value = whole.pointer(&path).expect("fact").clone();
            let known = values.entry(path).or_default();
            if !known.contains(&value) {
                known.push(value);
            }
        }
    }
    Pool { cases, values }
}

/// A case with facts of others in it.
#[derive(Debug, Clone)]
struct Bred {
    document: Value,
    policy: Policy,
    later: u64,
}

impl Bred {
    /// As it was recorded.
    fn of(case: &Case) -> Self {
        let document = serde_json::to_value(&case.observation).expect("json");
        Self { document, policy: case.policy.clone(), later: case.later }
    }

    fn observation(&self) -> Observation {
        serde_json::from_value(self.document.clone())
            .unwrap_or_else(|error| panic!("{error}: {}", self.document))
    }

    fn clock(&self) -> Clock {
        self.observation().clock.after(self.later)
    }

    fn status(&self) -> Status {
        assess(&self.observation(), &self.policy, self.clock())
    }
}

fn bred() -> impl Strategy<Value = Bred> {
    thread_local! {
        static POOL: Pool = pool();
    }
    let changes = prop::collection::vec((any::<Index>(), any::<Index>()), 0..8);
    // Up to two hours, and now and then years.
    let later = prop_oneof![Just(0), 0..7_200_000_000_u64, 0..100_000_000_000_000_u64];
    (any::<Index>(), any::<Index>(), changes, later).prop_map(|(base, policy, changes, later)| {
        POOL.with(|pool| {
            let mut document = serde_json::to_value(&base.get(pool.cases).observation).expect("json");
            let paths: Vec<_> = pool.values.iter().collect();
            for (path, value) in changes {
                let (path, values) = path.get(&paths);
                if let Some(place) = document.pointer_mut(path) {
                    *place = value.get(values).clone();
                }
            }
            Bred { document, policy: policy.get(pool.cases).policy.clone(), later }
        })
    })
}

/// Makes the facts chosen unreadable, the inner ones first.
fn blind(document: &mut Value, chosen: &[(Index, Why)]) {
    for (index, why) in chosen {
        let paths = facts(document);
        let path = index.get(&paths);
        if let Some(place) = document.pointer_mut(path) {
            *place = serde_json::json!({ "unreadable": why.code() });
        }
    }
}

fn why() -> impl Strategy<Value = Why> {
    prop::sample::select(vec![Why::Denied, Why::Timeout, Why::Missing, Why::Protocol, Why::Yaml, Why::Io])
}

/// JSON with the keys of every object in reverse.
fn reversed(value: &Value) -> String {
    match value {
        Value::Object(fields) => {
            let parts: Vec<_> = fields
                .iter()
                .rev()
                .map(|(key, value)| format!("{}:{}", Value::String(key.clone()), reversed(value)))
                .collect();
            format!("{{{}}}", parts.join(","))
        }
        Value::Array(items) => format!("[{}]", items.iter().map(reversed).collect::<Vec<_>>().join(",")),
        scalar => scalar.to_string(),
    }
}

/// Reverses the lists whose order means nothing.
fn reorder(document: &mut Value) {
    match document {
        Value::Object(fields) => {
            for (key, value) in fields {
                if let (
                    Value::Array(items),
                    "other_services" | "roles" | "other_installations" | "calendar",
                ) = (&mut *value, key.as_str())
                {
                    items.reverse();
                }
                reorder(value);
            }
        }
        Value::Array(items) => items.iter_mut().for_each(reorder),
        _ => {}
    }
}

/// Whether it is a pod of a Deployment that is called like one of a StatefulSet, by a number. There is none: a Deployment's end
/// in five characters at random.
fn is_misnamed(document: &Value) -> bool {
    let text = |path| document.pointer(path).and_then(Value::as_str).unwrap_or_default();
    let name = text("/agent/process/present/environment/present/replica_name");
    let number = name.rsplit_once('-').map_or("", |(_, end)| end);
    text("/kubernetes/present/api/present/workload/present/kind") == "Deployment"
        && (1..5).contains(&number.len())
        && number.bytes().all(|byte| byte.is_ascii_digit())
}

fn reasons(status: &Status) -> Vec<&'static str> {
    status.findings.iter().map(|finding| finding.reason.code()).collect()
}

/// What every look answers. Where one does not, nobody looked, and nothing follows from it.
const ALWAYS_LOOKED_AT: [&str; 7] = [
    "/host/os",
    "/systemd/booted",
    "/agent/config",
    "/agent/process",
    "/agent/process/present/command_line",
    "/agent/process/present/environment",
    "/v2/config",
];
/// The same where systemd runs.
const LOOKED_AT_WITH_SYSTEMD: [&str; 5] =
    ["/agent/unit", "/v2/timer", "/v2/service", "/v1/timer", "/v1/service"];

#[test]
fn where_nobody_looked_nothing_is_well_and_nothing_is_missing() {
    for (name, verdict, units) in [
        ("schedule: all is well", Verdict::Accompanied, &LOOKED_AT_WITH_SYSTEMD[..]),
        ("applicability: nothing updates this agent", Verdict::Unaccompanied, &LOOKED_AT_WITH_SYSTEMD),
        ("applicability: a container without systemd", Verdict::Unsupported, &[]),
    ] {
        let mut bred = Bred::of(case(name));
        assert_eq!(bred.status().verdict, verdict, "{name}");
        let document = bred.document.clone();
        for pointer in ALWAYS_LOOKED_AT.iter().chain(units) {
            bred.document = document.clone();
            let nothing = if *pointer == "/host/os" { "" } else { "not-applicable" };
            *bred.document.pointer_mut(pointer).expect(pointer) = nothing.into();
            let status = bred.status();
            assert_eq!(status.verdict, Verdict::Unknown, "{name}, {pointer}: {:?}", reasons(&status));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1024, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn judging_is_total_and_json_round_trips(bred in bred()) {
        let observation = bred.observation();
        let text = serde_json::to_string(&observation).expect("json");
        prop_assert_eq!(&serde_json::from_str::<Observation>(&text).expect("observation"), &observation);
        let status = bred.status();
        let text = serde_json::to_string(&status).expect("json");
        prop_assert_eq!(&serde_json::from_str::<Status>(&text).expect("status"), &status);
        prop_assert!(!status.differs_from(&status));
        let label = status.label();
        prop_assert!(label.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b".-".contains(&byte)));
    }

    #[test]
    fn the_verdict_is_that_of_the_first_finding(bred in bred()) {
        let status = bred.status();
        let first = status.findings.first().and_then(selfcheck_core::Finding::verdict);
        prop_assert_eq!(status.verdict, first.unwrap_or(Verdict::Accompanied));
    }

    #[test]
    fn what_cannot_be_read_never_makes_an_agent_unaccompanied(
        bred in bred(),
        chosen in prop::collection::vec((any::<Index>(), why()), 1..6),
    ) {
        let before = bred.status();
        let mut blinded = bred.clone();
        blind(&mut blinded.document, &chosen);
        let after = blinded.status();
        // A pod's own environment says that its chart enables no updater, whatever the API would tell.
        if before.verdict != Verdict::Unaccompanied && !reasons(&before).contains(&"restart-needed") {
            prop_assert_ne!(after.verdict, Verdict::Unaccompanied, "{:?} -> {:?}", reasons(&before), reasons(&after));
        }
    }

    #[test]
    fn what_cannot_be_read_never_makes_an_agent_impaired(
        bred in bred(),
        chosen in prop::collection::vec((any::<Index>(), why()), 1..6),
    ) {
        // Corruption is something seen; and what decides alone may hide a fault that stands on its own.
        let chosen: Vec<_> = chosen.into_iter().filter(|(_, why)| !why.is_corruption()).collect();
        let before = bred.status();
        if matches!(before.verdict, Verdict::Exempt | Verdict::Impaired) {
            return Ok(());
        }
        let mut blinded = bred.clone();
        blind(&mut blinded.document, &chosen);
        let after = blinded.status();
        // An environment that is a pod's decides that units are not looked at, which may be at fault.
        if before.agent.kubernetes.is_some() && after.agent.kubernetes.is_none() {
            return Ok(());
        }
        // A pause that may never be seen is not known, so that what follows from it counts as a fault.
        let is_denied = blinded.document.pointer("/kubernetes/unreadable") == Some(&"denied".into())
            || reasons(&after).contains(&"kubernetes-denied");
        let may_be_paused =
            reasons(&before).iter().any(|reason| ["kube-paused", "kubernetes-unreachable"].contains(reason));
        if may_be_paused && is_denied {
            return Ok(());
        }
        // Whose updater is there is told by the name of the workload, else by that of the release.
        if before.verdict == Verdict::Unaccompanied && reasons(&after).contains(&"restart-needed") {
            return Ok(());
        }
        // Without its workload, a pod's name tells what makes it. One that was bred may be called after something else.
        if is_misnamed(&bred.document) && reasons(&after).contains(&"kube-never-ran") {
            return Ok(());
        }
        prop_assert_ne!(after.verdict, Verdict::Impaired, "{:?} -> {:?}", reasons(&before), reasons(&after));
    }

    #[test]
    fn nothing_is_accompanied_without_timer_and_service_or_in_a_pod_without_state_and_api(bred in bred()) {
        let mut blinded = bred.clone();
        let hidden = [
            ("/v2/timer", "denied"),
            ("/v1/service", "timeout"),
            ("/v2/config", "denied"),
            ("/kubernetes/present/api", "timeout"),
        ];
        for (path, why) in hidden {
            let is_of_pod = bred.status().agent.kubernetes.is_some();
            if let Some(place) = blinded.document.pointer_mut(path).filter(|_| is_of_pod || path != "/v2/config") {
                *place = serde_json::json!({ "unreadable": why });
            }
        }
        prop_assert_ne!(blinded.status().verdict, Verdict::Accompanied);
    }

    /// An auth server takes a remedy where the catalogue names it for what was found; so it must name every one that is given.
    #[test]
    fn every_remedy_is_one_that_the_catalogue_names_for_what_was_found(bred in bred()) {
        let status = bred.status();
        let report = Report::from(&status);
        let taken = Report::from_wire(&report.to_wire()).expect("valid");
        prop_assert_eq!(&taken.remedy, &report.remedy, "{:?} {:?} {:?}", status.verdict, reasons(&status), status.updater);
    }

    #[test]
    fn order_means_nothing(bred in bred()) {
        let mut other = bred.clone();
        reorder(&mut other.document);
        let text = reversed(&other.document);
        let observation: Observation = serde_json::from_str(&text).expect("observation");
        let other = assess(&observation, &bred.policy, bred.clock());
        let status = bred.status();
        prop_assert_eq!((status.verdict, reasons(&status), &status.remedy), (other.verdict, reasons(&other), &other.remedy));
    }

    #[test]
    fn a_status_holds_until_it_says_and_is_judged_anew_then(bred in bred(), share in 0.0..1.0_f64) {
        let observation = bred.observation();
        let now = bred.clock();
        let status = bred.status();
        let judge = |later: u64| assess(&observation, &bred.policy, now.after(later));
        let Some(until) = status.holds_until else {
            let years = judge(100 * 365 * 86_400 * 1_000_000);
            prop_assert!(!status.differs_from(&years), "{:?} -> {:?}", reasons(&status), reasons(&years));
            return Ok(());
        };
        let left = u64::try_from(until.duration_since(now.realtime).as_micros()).expect("ahead");
        prop_assert!(left > 0);
        #[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "any instant between will do")]
        let between = ((left - 1) as f64 * share) as u64;
        for later in [between, left - 1] {
            let earlier = judge(later);
            prop_assert!(!status.differs_from(&earlier), "{:?} -> {:?}", reasons(&status), reasons(&earlier));
            prop_assert_eq!(earlier.holds_until, Some(until));
        }
        prop_assert!(judge(left).holds_until.is_none_or(|next| next > until));
    }
}
