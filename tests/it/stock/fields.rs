//! The table of which auth servers have which fields.

use std::collections::BTreeMap;

use selfcheck_inventory::FIELDS;
use selfcheck_inventory::Since;

/// The messages that are asked with or answered with, and of which every field has to have its line.
const MESSAGES: [&str; 10] = [
    "PingResponse",
    "InstanceSpecV1",
    "UpstreamInventoryHello",
    "UpdaterV2Info",
    "InventoryStatusSummary",
    "InventoryStatusRequest",
    "InstanceFilter",
    "GetClusterAlertsRequest",
    "ClusterAlert",
    "ClusterAlertSpec",
];

fn page(path: &str) -> String {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The fields of the messages in a .proto file, by message.
fn declared() -> BTreeMap<String, Vec<(u32, String)>> {
    let mut fields = BTreeMap::<String, Vec<_>>::new();
    for file in ["authservice.proto", "types.proto"] {
        let mut message = String::new();
        for line in page(&format!("crates/inventory/proto/{file}")).lines() {
            let begins = ["message ", "enum "].iter().find_map(|word| line.strip_prefix(word));
            if let Some(rest) = begins {
                rest.split_whitespace().next().unwrap_or_default().clone_into(&mut message);
            }
            let Some((declaration, number)) = line.trim().trim_end_matches(';').split_once(" = ") else {
                continue;
            };
            let (Some(name), Ok(number)) = (declaration.split_whitespace().last(), number.parse()) else {
                continue;
            };
            fields.entry(message.clone()).or_default().push((number, name.to_owned()));
        }
    }
    fields
}

#[test]
fn every_field_of_every_message_has_its_line() {
    let declared = declared();
    for message in MESSAGES {
        let known: Vec<_> = FIELDS
            .iter()
            .filter(|field| field.message == message)
            .map(|field| (field.number, field.name.to_owned()))
            .collect();
        assert_eq!(known, declared[message], "{message}");
        assert!(!known.is_empty());
    }
}

#[test]
fn the_page_has_the_table() {
    let page = page("docs/usage/stock-clusters.md");
    for field in FIELDS {
        let since = match field.since {
            Since::Always => "always".to_owned(),
            Since::Release(major, minor) => format!("{major}.{minor}"),
            Since::Unconfirmed => "unconfirmed".to_owned(),
        };
        let line = format!(
            "| `{}.{}` ({}) | {since} | {} |\n",
            field.message, field.name, field.number, field.absence
        );
        assert!(page.contains(&line), "{line}");
    }
    let lines = page.lines().filter(|line| line.starts_with("| `") && line.contains("` (")).count();
    assert_eq!(lines, FIELDS.len(), "and no line of a field that there is not");
}
