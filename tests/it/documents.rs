//! What the documentation says, held against the code.

use std::fs;
use std::path::PathBuf;

use selfcheck_core::Policy;
use selfcheck_core::Verdict;
use selfcheck_tests::selfcheck;
use serde_json::Value;

fn page(path: &str) -> String {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..").join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Every key of a policy with its default, as the page writes them.
fn keys(value: &Value, path: &str, found: &mut Vec<(String, String)>) {
    match value {
        Value::Object(fields) => {
            for (key, inner) in fields {
                keys(inner, &if path.is_empty() { key.clone() } else { format!("{path}.{key}") }, found);
            }
        }
        Value::Null => found.push((path.to_owned(), "none".to_owned())),
        Value::Array(items) if items.is_empty() => found.push((path.to_owned(), "none".to_owned())),
        Value::String(text) => found.push((path.to_owned(), format!("`{text}`"))),
        other => found.push((path.to_owned(), format!("`{other}`"))),
    }
}

#[test]
fn the_policy_page_lists_every_key_with_its_default_and_no_other() {
    let mut known = Vec::new();
    keys(&serde_json::to_value(Policy::default()).expect("json"), "", &mut known);
    let page = page("docs/policy.md");
    let rows = page.lines().filter_map(|line| line.strip_prefix("| `")?.split_once("` | "));
    let mut listed: Vec<_> =
        rows.filter_map(|(key, rest)| Some((key.to_owned(), rest.split_once(" |")?.0.to_owned()))).collect();
    known.sort();
    listed.sort();
    assert_eq!(listed, known);
}

#[test]
fn the_policy_pages_example_is_valid() {
    let page = page("docs/policy.md");
    let example = page.split("```yaml\n").nth(1).and_then(|rest| rest.split("```").next()).expect("example");
    let policy: Policy = selfcheck_probe::from_yaml(example).expect("valid");
    assert!(policy.acknowledged.is_some());
}

#[test]
fn the_status_page_names_every_field() {
    let case = selfcheck_tests::case("schedule: the timer is masked");
    let status = crate::cases::judge(case);
    let page = page("docs/status.md");
    for field in serde_json::to_value(&status).expect("json").as_object().expect("object").keys() {
        assert!(page.contains(&format!("| `{field}` |")), "{field}");
    }
    for verdict in Verdict::ALL {
        assert!(page.contains(&format!("`{verdict}`")), "{verdict}");
    }
}

#[test]
fn the_command_pages_name_every_flag() {
    for (command, page_of_it) in [
        (&["debug", "updater-status"][..], "docs/updater-status.md"),
        (&["daemon"], "docs/sidecar.md"),
        (&["auth", "init"], "docs/auth.md"),
        (&["auth", "issue"], "docs/auth.md"),
        (&["auth", "serve"], "docs/auth.md"),
        (&["inventory", "status"], "docs/inventory.md"),
        (&["inventory", "ls"], "docs/inventory.md"),
        (&["inventory", "show"], "docs/inventory.md"),
        (&["inventory", "remedies"], "docs/inventory.md"),
        (&["alerts", "ls"], "docs/alerts.md"),
        (&["alerts", "ack"], "docs/alerts.md"),
        (&["demo"], "docs/demo.md"),
    ] {
        let help = selfcheck(&[command, &["--help"]].concat(), "");
        let help = String::from_utf8_lossy(&help.stdout);
        let page = page(page_of_it);
        let flags = help.split_whitespace().filter(|word| word.starts_with("--"));
        for flag in flags.map(|flag| flag.trim_end_matches(|end: char| !end.is_ascii_alphanumeric())) {
            let known = page.contains(flag) || matches!(flag, "--help" | "--verbose" | "--color" | "--live");
            assert!(known, "{page_of_it}: {flag}");
        }
    }
}

#[test]
fn the_readmes_transcript_is_what_the_command_prints() {
    let case = selfcheck_tests::case("schedule: the timer is masked");
    let observation = serde_json::to_string(&case.observation).expect("json");
    let printed = selfcheck(&["debug", "updater-status", "--observation", "-"], &observation);
    let page = page("README.md");
    assert!(page.contains(String::from_utf8_lossy(&printed.stdout).as_ref()));
}
