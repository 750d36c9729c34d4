//! teleport.yaml in 100 forms.

use selfcheck_core::Fact;
use selfcheck_core::Observation;
use selfcheck_core::Text;
use serde_json::Value;
use serde_json::json;

use super::Looker;
use super::ask;
use super::product;
use super::require_same;

const PATH: &str = "/etc/teleport.yaml";

const SWITCHES: &[&str] = &[
    "yes",
    "Yes",
    "YES",
    "yeah",
    "y",
    "true",
    "True",
    "\"true\"",
    "1",
    "'1'",
    "on",
    "ON",
    "no",
    "nope",
    "n",
    "false",
    "\"false\"",
    "0",
    "off",
    "OFF",
    "maybe",
    "enabled",
    "1.0",
    "0x1",
    "01",
    "2",
    "-1",
    "~",
    "null",
    "",
    "''",
    "' yes'",
    "[yes]",
    "{a: b}",
    "!!str yes",
    "yes # so",
    "|-\n    yes",
    "t",
    "f",
    "TRUE",
    "\"NO\"",
    ".inf",
    "tRuE",
    "2026-01-01",
];
const TEXTS: &[&str] = &[
    "teleport.example.com",
    "teleport.example.com:443",
    "\"teleport.example.com:3080\"",
    "https://teleport.example.com",
    "3080",
    "true",
    "~",
    "''",
    "[a]",
    "{a: b}",
    "a b",
    "a#b",
    "a #b",
    "[::1]:3080",
    "'[::1]:3080'",
    "@x",
    "\"\\x41\"",
];
const DOCUMENTS: &[&str] = &[
    "",
    "# nothing\n",
    "---\n",
    "~\n",
    "version: v3\nteleport:\n  nodename: a\n  join_params: {token_name: x, method: token}\n",
    "version: v3\nteleport:\n  proxy_server: p\n---\n",
    "teleport: {proxy_server: p}\n---\nteleport: [\n",
    "---\n---\nauth_service: {enabled: no}\n",
    "auth_service: {}\nproxy_service:\nssh_service: ~\n",
    "auth_service: text\n",
    "auth_service: ''\n",
    "auth_service: []\n",
    "teleport: text\n",
    "teleport: []\n",
    "teleport:\n",
    "[a]\n",
    "text\n",
    "auth_service: {enabled: no, listen_addr: 0.0.0.0:3025, tokens: [\"node:secret\"]}\n",
    "auth_service: {enabled: no, enabled: yes}\n",
    "off: &off {enabled: no}\nauth_service: *off\nproxy_service: *off\n",
    "off: &off {enabled: no}\nauth_service:\n  <<: *off\n",
    "auth_service: {enabled: no}\r\nproxy_service: {enabled: no}\r\n",
    "auth_service:\n  enabled: no\n proxy_service: x\n",
    "auth_service: {enabled: no\n",
    "\u{feff}auth_service: {enabled: no}\n",
    "Auth_service: {enabled: no}\n",
    "app_service: {enabled: yes, apps: [{name: a, uri: http://localhost}]}\ndb_service: {enabled: no}\n",
    "app_service: {}\ndb_service:\nkubernetes_service: {enabled: yes}\n",
    "app_service: {enabled: maybe}\nkubernetes_service: {enabled: yeah}\n",
    "ssh_service: {enabled: no, labels: {a: b}, commands: [{name: x, command: [hostname], period: 1m0s}]}\n",
    "teleport: {data_dir: /var/lib/other, proxy_server: p}\nauth_service: {enabled: off}\n",
    "teleport: {data_dir: [x]}\n",
    "{auth_service: {enabled: no}, proxy_service: {enabled: no}}",
    "%YAML 1.1\n---\nauth_service: {enabled: no}\n",
    "? auth_service\n: {enabled: no}\n",
    "proxy_service: {enabled: !!str no}\n",
    "ssh_service: {enabled: &no no}\nauth_service: {enabled: *no}\n",
    "  # managed\n---\nauth_service: {enabled: no}\n",
    "proxy_service:\tx\n",
    "auth_service:\n\tenabled: no\n",
    "auth_service: {enabled: no}   \n\n\n# end",
    "teleport:\n  log:\n    output: stderr\n    severity: INFO\n  ca_pin: \"\"\n  diag_addr: \"\"\n",
];

fn forms() -> impl Iterator<Item = String> {
    let sections = ["auth_service", "proxy_service", "ssh_service", "kubernetes_service"].into_iter().cycle();
    let switches = sections
        .zip(SWITCHES)
        .map(|(section, value)| format!("{section}:\n  enabled: {value}\nteleport: {{}}\n"));
    let texts = TEXTS.iter().map(|value| format!("teleport:\n  nodename: a\n  proxy_server: {value}\n"));
    switches.chain(texts).chain(DOCUMENTS.iter().map(|text| (*text).to_owned()))
}

/// What was seen, in the words of the Go program.
fn seen(observation: &Observation) -> Value {
    let Fact::Present(config) = &observation.agent.config else { return json!({"refused": true}) };
    let roles = config.roles();
    let has = |role: &str| roles.contains(&Text::new(role));
    let text = |text: &Option<Text>| text.as_ref().map_or("", Text::as_str).to_owned();
    json!({
        "proxy": text(&config.proxy_server), "data_dir": text(&config.data_dir),
        "auth": has("Auth"), "proxy_service": has("Proxy"), "ssh": has("Node"),
        "app": has("App"), "db": has("Db"), "kube": has("Kube"),
    })
}

#[test]
fn teleport_yaml_is_read_as_the_agent_reads_it() {
    let Some(mut product) = product() else { return };
    let looker = Looker::new();
    let read = forms().map(|text| {
        let theirs = ask(&mut product, "teleport.yaml", &text);
        (text.clone(), seen(&looker.look(PATH, &text)), theirs)
    });
    require_same(read, 100);
}
