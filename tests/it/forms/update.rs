//! update.yaml in 200 forms.

use selfcheck_core::Fact;
use selfcheck_core::Observation;
use selfcheck_core::Revision;
use selfcheck_core::Text;
use selfcheck_core::Why;
use serde_json::Value;
use serde_json::json;

use super::Looker;
use super::ask;
use super::product;
use super::require_same;

const PATH: &str = "/opt/teleport/default/update.yaml";

const BOOLEANS: &[&str] = &[
    "true",
    "True",
    "TRUE",
    "tRue",
    "\"true\"",
    "'true'",
    "yes",
    "Yes",
    "YES",
    "yEs",
    "\"yes\"",
    "y",
    "Y",
    "'y'",
    "on",
    "On",
    "ON",
    "'on'",
    "off",
    "Off",
    "OFF",
    "no",
    "No",
    "NO",
    "\"no\"",
    "n",
    "N",
    "false",
    "False",
    "FALSE",
    "\"false\"",
    "1",
    "0",
    "~",
    "null",
    "",
    "\"\"",
    "[true]",
    "{}",
    "!!bool true",
    "!!bool \"true\"",
    "!!str true",
    "true # so",
    "enable",
    "t",
    "&here true",
];
const TEXTS: &[&str] = &[
    "production",
    "two words",
    "123",
    "1.10",
    "0x1F",
    "010",
    "true",
    "yes",
    "null",
    "~",
    "",
    "''",
    "\"\"",
    "'it''s'",
    "\"a\\tb\"",
    "|-\n      one\n      two",
    ">-\n      one\n      two",
    "2026-01-01",
    ".inf",
    "[a]",
    "{a: b}",
    "!!str 12",
    "!custom x",
    "a#b",
    "a #b",
    "é",
    "\"\\u00e9\"",
    "@x",
    "`x`",
    "%x",
    "a: b",
    "*none",
    "&here prod",
    "!!binary cHJvZA==",
    "'a",
    "\"a\\q\"",
];
const TIMES: &[&str] = &[
    "2026-11-20T10:00:00Z",
    "2026-11-20T10:00:00.123456789Z",
    "2026-11-20T11:00:00+01:00",
    "2026-11-20T09:30:00-00:30",
    "\"2026-11-20T10:00:00Z\"",
    "'2026-11-20T11:00:00+01:00'",
    "\"2026-11-20t10:00:00Z\"",
    "2026-11-20t10:00:00Z",
    "2026-11-20 10:00:00",
    "\"2026-11-20 10:00:00\"",
    "2026-11-20 10:00:00.5",
    "2026-11-20 10:00:00Z",
    "2026-11-20 10:00:00 +0000",
    "2026-11-20",
    "\"2026-11-20\"",
    "2026-1-2",
    "2026-1-2T3:4:5Z",
    "\"2026-1-2T3:4:5Z\"",
    "20261120",
    "2026-11",
    "2026-13-01",
    "2026-02-30",
    "2026-11-20T25:00:00Z",
    "2026-11-20T10:00:00",
    "~",
    "null",
    "",
    "\"\"",
    "never",
    "1763632800",
    "1.5",
    "true",
    "[2026-11-20]",
    "0001-01-01T00:00:00Z",
    "2026-11-20T10:00Z",
    "2026-11-20T10:00:00+0100",
];
const ADDRESSES: &[&str] = &[
    "https://cdn.example.com",
    "HTTPS://cdn.example.com",
    "hTTpS://",
    "http://cdn.example.com",
    "cdn.example.com",
    "https:/cdn",
    "ftp://x",
    "\"\"",
    "~",
    "default",
    "\" https://x\"",
    "[https://x]",
    "https://é",
    "é",
];
const REVISIONS: &[&str] = &[
    "{version: 18.2.0}",
    "{version: v18.2.0}",
    "{version: 18.2.0, flags: [Enterprise]}",
    "{version: 18.2.0, flags: [Enterprise, FIPS]}",
    "{version: 18.2.0, flags: []}",
    "{version: 18.2.0, flags: Enterprise}",
    "{version: 18.2.0, flags: ~}",
    "{version: 18.2.0, flags: [~]}",
    "{version: 18.2.0, flags: [1, yes]}",
    "{version: 18.2.0, flags: {}}",
    "{version: 18}",
    "{version: 18.2}",
    "{version: ~}",
    "{version: ''}",
    "{}",
    "~",
    "",
    "18.2.0",
    "[]",
    "{version: [18]}",
    "{version: 18.2.0, version: 18.3.0}",
    "{Version: 18.2.0}",
    "''",
];
const DOCUMENTS: &[&str] = &[
    "",
    "# nothing\n",
    "---\n",
    "~\n",
    "version: v1\nkind: update_config\n",
    "version: v1\nkind: update_config",
    "version: v1\r\nkind: update_config\r\nspec:\r\n  enabled: false\r\n",
    "---\nversion: v1\nkind: update_config\n---\n",
    "---\nversion: v1\nkind: update_config\n...\n",
    "version: v1\nkind: update_config\n---\nversion: v2\nkind: [\n",
    "version: v1\nkind: update_config\n...\n] broken\n",
    "---\n---\nversion: v1\nkind: update_config\n",
    "--- {version: v1, kind: update_config}\n--- 2\n",
    "%YAML 1.1\n---\nversion: v1\nkind: update_config\n",
    "version: v2\nkind: update_config\n",
    "version: 1\nkind: update_config\n",
    "version: v1\nkind: other\n",
    "version: v1\n",
    "kind: update_config\n",
    "kind: [update_config]\nversion: v1\n",
    "{version: v1, kind: update_config, spec: {enabled: true, proxy: p}}",
    "{version: v1, kind: update_config",
    "[version, kind]",
    "text",
    "version: v1\nkind: update_config\nspec: text\n",
    "version: v1\nkind: update_config\nspec: []\n",
    "version: v1\nkind: update_config\nspec: ''\n",
    "version: v1\nkind: update_config\nspec:\nstatus:\n",
    "version: v1\nkind: update_config\nfuture: {anything: [1, 2]}\nspec: {future: {a: b}}\n",
    "version: v1\nkind: update_config\nspec: {enabled: true, enabled: false, proxy: p}\n",
    "version: v1\nkind: update_config\nkind: update_config\n",
    "base: &base {enabled: true, proxy: p}\nversion: v1\nkind: update_config\nspec:\n  <<: *base\n  group: g\n",
    "version: v1\nkind: update_config\nspec: {enabled: yes}\n",
    "version: v1\nkind: update_config\nspec: {enabled: no}\n",
    "version: v1\nkind: update_config\nspec: {enabled: true, pinned: true}\n",
    "version: v1\nkind: update_config\nspec: {enabled: true, proxy: ''}\n",
    "version: v1\nkind: update_config\nspec:\n  proxy: p\n enabled: true\n",
    "version: v1\nkind: update_config\nstatus: {id_file: [x]}\n",
    "version: v1\nkind: update_config\nstatus: {last_update: {success: maybe}}\n",
    "version: v1\nkind: update_config\nstatus: {last_update: ~}\n",
    "version: v1\nkind: update_config\nstatus: {last_update: {}}\n",
    "\u{feff}version: v1\nkind: update_config\n",
    "1: one\nversion: v1\nkind: update_config\n",
    "\"version\": v1\n'kind': update_config\n",
    "version: &v v1\nkind: update_config\nspec: {group: *v}\n",
    "version: v1\nkind: update_config\nspec: {group: *later}\nx: &later y\n",
    "? version\n: v1\n? kind\n: update_config\n",
    "version:\tv1\nkind: update_config\n",
    "version: v1\nkind: update_config\nspec:\n\tenabled: true\n",
    "\tversion: v1\n\tkind: update_config\n",
    "version: v1\nkind: update_config\nspec:\n  proxy: \"a\n---\nb\"\n",
    "version: v1\nkind: update_config\nspec:\n  group: |\n    a\n---\nb\n",
    "version: v1 \nkind: update_config \n \n",
    "  # managed\n---\nversion: v1\nkind: update_config\n",
    "\u{feff}# managed\n---\nversion: v1\nkind: update_config\n",
    "\n \n---\nversion: v1\nkind: update_config\n",
    "--- # here\nversion: v1\nkind: update_config\n",
    "VERSION: v1\nKIND: update_config\n",
];

fn forms() -> impl Iterator<Item = String> {
    let head = "version: v1\nkind: update_config\n";
    let spec = move |key: &'static str, others: &'static str| {
        move |value: &&str| format!("{head}spec:\n    {others}\n    {key}: {value}\n")
    };
    let enabled = BOOLEANS.iter().map(spec("enabled", "proxy: teleport.example.com"));
    let pinned = BOOLEANS.iter().step_by(3).map(spec("pinned", "proxy: p"));
    let group = TEXTS.iter().map(spec("group", "proxy: p"));
    let proxy = TEXTS.iter().step_by(4).map(spec("proxy", "enabled: true"));
    let address = ADDRESSES.iter().map(spec("base_url", "proxy: p"));
    let time = TIMES.iter().map(move |value| {
        format!("{head}status:\n    last_update:\n        success: true\n        time: {value}\n        target: {{version: 18.2.0}}\n")
    });
    let status = ["active", "backup", "skip"].into_iter().cycle();
    let revision =
        status.zip(REVISIONS).map(move |(key, value)| format!("{head}status:\n    {key}: {value}\n"));
    let documents = DOCUMENTS.iter().map(|text| (*text).to_owned());
    enabled
        .chain(pinned)
        .chain(group)
        .chain(proxy)
        .chain(address)
        .chain(time)
        .chain(revision)
        .chain(documents)
}

/// What was seen, in the words of the Go program.
fn seen(observation: &Observation) -> Value {
    let config = match &observation.v2.config {
        Fact::Present(config) => config,
        Fact::Unreadable(why @ (Why::Yaml | Why::Invalid | Why::Kind | Why::Version)) => {
            return json!({"refused": why.code()});
        }
        other => return json!({"refused": format!("{other:?}")}),
    };
    let (spec, status) = (&config.spec, &config.status);
    if spec.insecure_base_url {
        return json!({"refused": "base_url"});
    }
    if spec.enabled && spec.proxy.is_none() {
        return json!({"refused": "proxy"});
    }
    let text = |text: &Option<Text>| text.as_ref().map_or("", Text::as_str).to_owned();
    let version =
        |revision: &Option<Revision>| revision.as_ref().map(|revision| revision.version.as_str().to_owned());
    let last = status.last_update.as_ref().map(|last| {
        let time = last.time.map(|time| format!("{time:.9}"));
        json!({"success": last.success, "time": time, "target": version(&last.target)})
    });
    json!({
        "proxy": text(&spec.proxy), "group": text(&spec.group), "enabled": spec.enabled, "pinned": spec.pinned,
        "active": version(&status.active), "backup": version(&status.backup), "skip": version(&status.skip),
        "last": last,
    })
}

#[test]
fn update_yaml_is_read_as_the_updater_reads_it() {
    let Some(mut product) = product() else { return };
    let looker = Looker::new();
    let read = forms().map(|text| {
        let mut theirs = ask(&mut product, "update.yaml", &text);
        if let Some(group) = theirs["group"].as_str().map(Text::new) {
            theirs["group"] = json!(group); // no control characters are kept
        }
        (text.clone(), seen(&looker.look(PATH, &text)), theirs)
    });
    require_same(read, 200);
}
