//! Command lines of the agent: what they say, by the product's parser, and which roles follow.

use selfcheck_core::Fact;
use selfcheck_core::Observation;
use selfcheck_core::observation::AgentCommand;
use selfcheck_core::observation::ConfigSource;
use serde_json::Value;
use serde_json::json;

use super::Looker;
use super::product;

const UNIT: &str = "/etc/systemd/system/teleport.service";
/// The base64 of `auth_service: {enabled: no}`, and of an empty mapping.
const WITHOUT_AUTH: &str = "YXV0aF9zZXJ2aWNlOiB7ZW5hYmxlZDogbm99";
const EMPTY: &str = "e30=";
/// The usual file of the image enables Node alone; that of `/etc/all.yaml` says nothing.
const USUAL: &str = "/etc/teleport.yaml";
const ALL: &str = "/etc/all.yaml";

/// The words after `teleport`, each in quotes as a unit file has them; the configuration; the roles. Roles of no agent are
/// none.
const LINES: &[(&str, &str, &str)] = &[
    ("start", USUAL, "Node"),
    ("start -d", USUAL, "Node"),
    ("start --debug --insecure", USUAL, "Node"),
    ("start -c /etc/all.yaml", ALL, "Auth Proxy Node"),
    ("start -c/etc/all.yaml", ALL, "Auth Proxy Node"),
    ("start -dc /etc/all.yaml", ALL, "Auth Proxy Node"),
    ("start -dc/etc/all.yaml", ALL, "Auth Proxy Node"),
    ("start -d -c /etc/all.yaml", ALL, "Auth Proxy Node"),
    ("start --config /etc/all.yaml", ALL, "Auth Proxy Node"),
    ("start --config=/etc/all.yaml", ALL, "Auth Proxy Node"),
    ("start --config /etc/teleport.yaml --config=/etc/all.yaml", ALL, "Auth Proxy Node"),
    ("start -c /etc/all.yaml -c /etc/teleport.yaml", USUAL, "Node"),
    ("-d start", "refused", ""),
    ("start --no-debug -c /etc/all.yaml", ALL, "Auth Proxy Node"),
    ("start --pid-file /run/teleport.pid -c /etc/all.yaml", ALL, "Auth Proxy Node"),
    ("start --pid-file=/run/teleport.pid --config=/etc/all.yaml", ALL, "Auth Proxy Node"),
    ("start --token start -c /etc/all.yaml", ALL, "Auth Proxy Node"),
    ("start --token=-c --roles=node", USUAL, "Node"),
    ("start --nodename app -c /etc/all.yaml", ALL, "Auth Proxy Node"),
    ("start --fips -c /etc/all.yaml --skip-version-check", ALL, "Auth Proxy Node"),
    ("start -l 0.0.0.0 -c /etc/all.yaml", ALL, "Auth Proxy Node"),
    ("start -l0.0.0.0 -c /etc/all.yaml", ALL, "Auth Proxy Node"),
    ("start -dl 0.0.0.0 -c /etc/all.yaml", ALL, "Auth Proxy Node"),
    ("start --labels c=d,-c=x -c /etc/all.yaml", ALL, "Auth Proxy Node"),
    ("start -r node", USUAL, "Node"),
    ("start -rnode", USUAL, "Node"),
    ("start -dr node", USUAL, "Node"),
    ("start -drnode -c/etc/all.yaml", ALL, "Node"),
    ("start -dr node -c /etc/all.yaml", ALL, "Node"),
    ("start --roles node,app -c /etc/all.yaml", ALL, "Node App"),
    ("start --roles=node,proxy", USUAL, "Node Proxy"),
    ("start --roles=proxy --roles=node", USUAL, "Node"),
    ("start --roles=auth", USUAL, "Auth"),
    ("start --roles= -c /etc/all.yaml", ALL, "Auth Proxy Node"),
    ("start --roles=db", USUAL, "Db"),
    ("start --auth-server=a:3025 -c /etc/all.yaml", ALL, "Proxy Node"),
    ("start --auth-server a:3025 --auth-server b:3025 -c /etc/all.yaml", ALL, "Proxy Node"),
    ("start --auth-server=a:3025 --roles=auth,node", USUAL, "Node"),
    ("start --ca-pin=sha256:a --ca-pin sha256:b -c /etc/all.yaml", ALL, "Auth Proxy Node"),
    ("start --config-string=e30=", "--config-string", "Auth Proxy Node"),
    ("start --config-string e30=", "--config-string", "Auth Proxy Node"),
    ("start --config-string=YXV0aF9zZXJ2aWNlOiB7ZW5hYmxlZDogbm99", "--config-string", "Proxy Node"),
    ("start --config-string=e30= -c /etc/teleport.yaml", "--config-string", "Auth Proxy Node"),
    ("start --config-string=e30= --roles=node", "--config-string", "Node"),
    ("start --config-string= -c /etc/all.yaml", ALL, "Auth Proxy Node"),
    (
        "start --config-string=YXV0aF9zZXJ2aWNlOiB7ZW5hYmxlZDogbm99 --config-string=e30=",
        "--config-string",
        "Auth Proxy Node",
    ),
    ("app start --name a --uri http://localhost", USUAL, "App"),
    ("app start -c /etc/all.yaml --token=t", ALL, "App"),
    ("app start -dc /etc/all.yaml", ALL, "App"),
    ("app -d start", "refused", ""),
    ("db start --name a --uri localhost:5432", USUAL, "Db"),
    ("db start --config=/etc/all.yaml", ALL, "Db"),
    ("db start --config-string=e30=", "--config-string", "Db"),
    ("app start --roles=node", "refused", ""),
    ("start -c", "refused", ""),
    ("start -c -d", "refused", ""),
    ("start --config", "refused", ""),
    ("start -x", "refused", ""),
    ("start extra", "refused", ""),
    ("--config=/etc/all.yaml start", "refused", ""),
    ("start --unknown=1", "refused", ""),
    ("start -- -c /etc/all.yaml", "refused", ""),
    ("start -c '/etc/with blank.yaml'", "/etc/with blank.yaml", ""),
    ("start \"--config=/etc/with blank.yaml\" -d", "/etc/with blank.yaml", ""),
];

/// The words of a line, of which some are quoted.
fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut rest = line;
    while let Some(start) = rest.find(|character| character != ' ') {
        rest = &rest[start..];
        let quote = rest.chars().next().filter(|first| matches!(first, '\'' | '"'));
        let (from, end) = quote.map_or((0, ' '), |quote| (1, quote));
        let until = rest[from..].find(end).map_or(rest.len(), |at| at + from);
        words.push(rest[from..until].to_owned());
        rest = rest.get(until + from..).unwrap_or_default();
    }
    words
}

/// What was kept of the unit's command line, in the words of the Go program.
fn seen(observation: &Observation) -> Value {
    let unit = observation.agent.unit.present().expect("unit");
    let line = unit.command_line.as_ref().expect("command line");
    let command = match line.command {
        Some(AgentCommand::Start) => "start",
        Some(AgentCommand::AppStart) => "app start",
        Some(AgentCommand::DbStart) => "db start",
        None => "none",
    };
    let roles =
        line.roles.iter().flatten().map(|role| role.as_str().to_owned()).collect::<Vec<_>>().join(",");
    json!({
        "command": command,
        "config": line.config.as_ref().map_or("", |path| path.as_str()),
        "config_string": line.config_string,
        "roles": roles,
        "auth_server": line.auth_server,
    })
}

#[test]
fn command_lines_lead_to_the_configuration_and_the_roles_of_the_agent() {
    let mut product = product();
    let looker = Looker::new();
    looker.folder.write(ALL, "{}\n");
    let off = "auth_service: {enabled: no}\nproxy_service: {enabled: no}\n";
    looker.folder.write(USUAL, off);
    looker.folder.write("/etc/with blank.yaml", format!("{off}ssh_service: {{enabled: no}}\n"));
    assert!(LINES.len() >= 60, "{}", LINES.len());
    for (line, config, roles) in LINES {
        let text = format!("[Service]\nExecStart=/usr/local/bin/teleport {line}\n");
        let observation = looker.look(UNIT, &text);
        if let Some(product) = &mut product {
            product.write(&json!({"kind": "command line", "words": words(line)}).to_string());
            let mut theirs = product.tells("read");
            assert_eq!(theirs.get("refused").is_some(), *config == "refused", "{line}: {theirs}");
            if *config != "refused" {
                theirs["config_string"] = json!(theirs["config_string"] != "");
                assert_eq!(seen(&observation), theirs, "{line}");
            }
        }
        if *config == "refused" {
            continue; // no agent runs like this
        }
        let agent = &observation.agent;
        let place = if agent.config_source == ConfigSource::File {
            agent.config_path.as_str()
        } else {
            agent.config_place()
        };
        assert_eq!(place, *config, "{line}");
        let status =
            selfcheck_core::assess(&observation, &selfcheck_core::Policy::default(), observation.clock);
        let mut found: Vec<_> = status.agent.services.iter().map(selfcheck_core::Text::as_str).collect();
        let mut expected: Vec<_> = roles.split_whitespace().collect();
        found.sort_unstable();
        expected.sort_unstable();
        assert_eq!(found, expected, "{line}");
        assert!(matches!(agent.config, Fact::Present(_)), "{line}: {:?}", agent.config);
    }
}

#[test]
fn a_configuration_in_the_units_environment_goes_before_a_file() {
    let looker = Looker::new();
    looker.folder.write("/etc/default/teleport", format!("# set by hand\nTELEPORT_CONFIG={EMPTY}\n"));
    let unit = |more: &str| format!("[Service]\nExecStart=/usr/local/bin/teleport start -c {USUAL}\n{more}");
    for (more, roles) in [
        ("", 1),
        ("EnvironmentFile=-/etc/default/teleport\n", 3),
        ("EnvironmentFile=-/etc/default/nothing\n", 1),
        (&format!("Environment=A=b \"TELEPORT_CONFIG={WITHOUT_AUTH}\"\n"), 2),
        ("Environment=TELEPORT_CONFIG=\n", 1),
        ("Environment=TELEPORT_CONFIGURATION=e30=\n", 1),
    ] {
        let observation = looker.look(UNIT, &unit(more));
        let config = observation.agent.config.present().expect("configuration");
        assert_eq!(config.roles().len(), roles, "{more}");
    }
    for broken in ["Environment=TELEPORT_CONFIG=!\n", "Environment=TELEPORT_CONFIG=WyA=\n"] {
        let observation = looker.look(UNIT, &unit(broken));
        assert!(observation.agent.config.is_unreadable(), "{broken}: {:?}", observation.agent.config);
    }
}
