//! The table of which auth servers have which fields.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use selfcheck_protocol::FIELDS;
use selfcheck_protocol::Since;

/// The calls that a stock auth server is asked by, and the message that its stream begins with.
const CALLS: [&str; 5] = ["Ping", "GetInventoryStatus", "GetInstances", "GetClusterAlerts", "CreateAlertAck"];
const FIRST: &str = "DownstreamInventoryHello";
/// Messages that are passed over unread.
const UNREAD: [&str; 3] = ["SystemClockMeasurement", "InstanceControlLogEntry", "SupportedCapabilities"];

fn page(path: &str) -> String {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

type Declared = BTreeMap<String, Vec<(u32, String, String)>>;

/// The fields of the messages in the .proto files, by message: number, name and type. Enums have none.
fn declared() -> Declared {
    let mut fields = Declared::new();
    for file in ["authservice.proto", "types.proto"] {
        let mut within: Vec<Option<String>> = Vec::new();
        for line in page(&format!("crates/protocol/proto/{file}")).lines() {
            let line = line.split("//").next().unwrap_or_default().trim();
            if line.ends_with('{') {
                let name = line.strip_prefix("message ").and_then(|rest| rest.split_whitespace().next());
                within.push(name.map(str::to_owned));
            } else if line == "}" {
                within.pop();
            } else if let (Some(Some(message)), Some((declaration, number))) =
                (within.last(), line.trim_end_matches(';').split_once(" = "))
                && let (Ok(number), Some((kind, name))) = (number.parse(), declaration.rsplit_once(' '))
            {
                let kind = kind.rsplit(' ').next().unwrap_or_default().to_owned();
                fields.entry(message.clone()).or_default().push((number, name.to_owned(), kind));
            }
            if line.ends_with("{}")
                && let Some(rest) = line.strip_prefix("message ")
            {
                fields.entry(rest.trim_end_matches(" {}").to_owned()).or_default();
            }
        }
    }
    fields
}

/// The messages of those calls, and all within them.
fn reachable(declared: &Declared) -> BTreeSet<String> {
    let service = page("crates/protocol/proto/authservice.proto");
    let mut waiting = vec![FIRST.to_owned()];
    for call in CALLS {
        let line = service.lines().find(|line| line.contains(&format!("rpc {call}("))).expect("the call");
        waiting.extend(line.split(['(', ')']).skip(1).step_by(2).map(|word| word.replace("stream ", "")));
    }
    let mut found = BTreeSet::new();
    while let Some(message) = waiting.pop() {
        let message = message.rsplit('.').next().unwrap_or_default().to_owned();
        if let Some(fields) = declared.get(&message).filter(|_| !UNREAD.contains(&message.as_str()))
            && found.insert(message)
        {
            waiting.extend(fields.iter().map(|(.., kind)| kind.clone()));
        }
    }
    found
}

#[test]
fn every_field_of_every_message_has_its_line() {
    let declared = declared();
    let reachable = reachable(&declared);
    let named: BTreeSet<_> = FIELDS.iter().map(|field| field.message.to_owned()).collect();
    let with_fields: BTreeSet<_> =
        reachable.into_iter().filter(|message| !declared[message].is_empty()).collect();
    assert_eq!(named, with_fields);
    assert!(with_fields.len() > 12, "{with_fields:?}");
    for message in with_fields {
        let known: Vec<_> = FIELDS
            .iter()
            .filter(|field| field.message == message)
            .map(|field| (field.number, field.name.to_owned()))
            .collect();
        let wanted: Vec<_> =
            declared[&message].iter().map(|(number, name, _)| (*number, name.clone())).collect();
        assert_eq!(known, wanted, "{message}");
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
