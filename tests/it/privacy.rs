//! docs/privacy.md lists every value that an observation and a status may hold, and nothing else; and no secret
//! planted anywhere on a host is in any output.

use std::collections::BTreeSet;
use std::path::PathBuf;

use selfcheck_tests::Host;
use selfcheck_tests::User;
use selfcheck_tests::cases;
use serde_json::Value;

/// Adds the paths of all values in `value`. A fact counts as its value, a list as one.
fn add(value: &Value, path: &str, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) if fields.len() == 1 && fields.contains_key("unreadable") => {}
        Value::Object(fields) if fields.len() == 1 && fields.contains_key("present") => {
            add(&fields["present"], path, found);
        }
        // An instant by two clocks, and a version with its edition, are one value.
        Value::Object(fields) if fields.contains_key("monotonic") && fields.len() == 2 => {
            found.insert(path.to_owned());
        }
        Value::Object(fields) if fields.contains_key("edition") => {
            found.insert(path.to_owned());
        }
        Value::Object(_) if path.ends_with(".evidence") => {
            found.insert(path.to_owned());
        }
        Value::Object(fields) => {
            for (name, value) in fields {
                add(value, &format!("{path}.{name}"), found);
            }
        }
        Value::Array(entries) if entries.iter().any(Value::is_object) => {
            for entry in entries {
                add(entry, path, found);
            }
        }
        _ => {
            found.insert(path.to_owned());
        }
    }
}

/// The paths of all values of all cases, those of both updaters' timers and services as one.
fn known() -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for case in cases() {
        add(&serde_json::to_value(&case.observation).expect("json"), "observation", &mut found);
        add(&serde_json::to_value(crate::cases::judge(case)).expect("json"), "status", &mut found);
    }
    let found: BTreeSet<_> = found
        .into_iter()
        .map(|path| path.replace(".v1.timer", ".timer").replace(".v2.timer", ".timer"))
        .map(|path| path.replace(".v1.service", ".service").replace(".v2.service", ".service"))
        .collect();
    // Where a value may be null or absent, what it holds otherwise says more.
    let holds_more = |path: &str| found.iter().any(|other| other.starts_with(&format!("{path}.")));
    found.iter().filter(|path| !holds_more(path)).cloned().collect()
}

#[test]
fn the_page_lists_every_value_and_no_other() {
    let page = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../docs/privacy.md");
    let page = std::fs::read_to_string(page).expect("page");
    let listed: BTreeSet<_> = page
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split_once("` |"))
        .map(|(path, _)| path.to_owned())
        .filter(|path| path.starts_with("observation.") || path.starts_with("status."))
        .collect();
    let known = known();
    let missing: Vec<_> = known.difference(&listed).collect();
    let stale: Vec<_> = listed.difference(&known).collect();
    assert!(missing.is_empty() && stale.is_empty(), "not listed: {missing:#?}\nno such value: {stale:#?}");
}

#[test]
fn a_secret_planted_anywhere_is_in_no_output() {
    const SECRET: &str = "pl4nted-s3cret";
    let Some(host) = Host::accompanied() else { return };
    let config = "/etc/teleport.yaml";
    host.edit(
        config,
        "teleport:\n",
        &format!(
            "teleport:\n  nodename: {SECRET}\n  auth_token: {SECRET}\n  ca_pin: {SECRET}\n  \
             join_params: {{token_name: {SECRET}, method: token}}\n  storage: {{type: {SECRET}}}\n"
        ),
    );
    host.guest.write(
        "/etc/systemd/system/teleport.service.d/secret.conf",
        &format!(
            "[Service]\nEnvironment=TELEPORT_AUTH_TOKEN={SECRET} AWS_SECRET_ACCESS_KEY={SECRET}\nExecStart=\n\
             ExecStart=/usr/local/bin/teleport start --config {config} --token={SECRET} --ca-pin {SECRET}\n"
        ),
    );
    host.guest.write(&format!("/var/lib/teleport/{SECRET}"), SECRET);
    host.guest.systemctl(&["daemon-reload"]);
    host.guest.systemctl(&["restart", "teleport.service"]);
    let breaks: [&dyn Fn(); 4] = [
        &|| {},
        // Each of these leads to errors that tell about a file.
        &|| host.edit(config, "auth_service: {enabled: no}", &format!("auth_service: {SECRET}: [")),
        &|| host.guest.write("/opt/teleport/default/update.yaml", &format!("spec: {{proxy: [{SECRET}\n")),
        &|| host.guest.must(&["rm", "-rf", "/etc/systemd/system/teleport-update.timer"]).clear(),
    ];
    for broken in breaks {
        broken();
        for user in [User::Root, User::Ordinary] {
            for flags in [
                &["-v"][..],
                &["-v", "--format", "json"],
                &["--format", "label"],
                &["-v", "--save-observation", "/tmp/seen.json", "--include-identifiers"],
                &["-v", "--root", "/"],
            ] {
                let output = host.look(user, flags);
                let told = selfcheck_tests::shown(&output);
                assert!(!told.contains(SECRET), "{flags:?} as {user:?}: {told}");
                if flags.contains(&"--save-observation") {
                    let saved = host.guest.must(&["cat", "/tmp/seen.json"]);
                    assert!(!saved.contains(SECRET), "as {user:?}: {saved}");
                    host.guest.must(&["rm", "/tmp/seen.json"]);
                }
            }
        }
    }
}

/// The fields of a message in a .proto file, as `Message.field`.
fn fields(file: &str, message: &str) -> Vec<String> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../crates/protocol/proto").join(file);
    let text = std::fs::read_to_string(path).expect(file);
    let (_, body) = text.split_once(&format!("\nmessage {message} {{")).expect(message);
    let (body, _) = body.split_once("\n}").expect(message);
    let lines = body.lines().map(str::trim).filter(|line| line.contains(" = ") && !line.starts_with("//"));
    let names = lines.filter_map(|line| line.split(" = ").next()?.split_whitespace().last());
    names.map(|name| format!("{message}.{name}")).collect()
}

#[test]
fn the_page_lists_every_value_that_is_sent() {
    let hello = "authservice.proto";
    let sent = [
        (hello, "UpstreamInventoryHello"),
        (hello, "UpstreamInventoryAgentMetadata"),
        (hello, "UpstreamInventoryPong"),
        (hello, "UpstreamInventoryGoodbye"),
        ("selfcheck.proto", "UpdaterSelfCheck"),
        ("selfcheck.proto", "Report"),
        ("selfcheck.proto", "Finding"),
        ("selfcheck.proto", "Updater"),
        ("selfcheck.proto", "Remedy"),
    ];
    let fields: Vec<_> = sent.iter().flat_map(|(file, message)| fields(file, message)).collect();
    let page = std::fs::read_to_string(PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../docs/privacy.md"));
    let page = page.expect("the page");
    let (_, section) = page.split_once("\n## Sent\n").expect("the section");
    let rows = section.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next());
    assert_eq!(rows.collect::<Vec<_>>(), fields);
}
