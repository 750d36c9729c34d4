//! What a stock agent tells its cluster by itself, beside what is so: environments, releases and updaters.

use selfcheck_tests::Host;
use selfcheck_tests::User;
use serde_json::Value;

const UNIT: &str = "Environment=TELEPORT_EXT_UPGRADER=unit";
const REDEPLOYED: &str = "Environment=TELEPORT_INSTALL_METHOD_AWSOIDC_DEPLOYSERVICE=true";
const NOTHING: &str = "UnsetEnvironment=TELEPORT_EXT_UPGRADER";

/// The agent, as a release of its own with this environment, or as the package has it.
fn restart(host: &Host, release: Option<&str>, environment: &str) {
    let start = release.map(|release| {
        let program = format!("/srv/versions/{release}/bin/teleport");
        if !host.guest.path(&program).exists() {
            host.guest.install("standin-teleport", &program);
        }
        format!("ExecStart=\nExecStart={program} start --config /etc/teleport.yaml\n")
    });
    host.drop_in(
        "teleport.service",
        &format!("[Unit]\nStartLimitIntervalSec=0\n[Service]\n{}{environment}\n", start.unwrap_or_default()),
    );
    host.guest.systemctl(&["restart", "teleport.service"]);
}

/// What the text says of the cluster, and what is told by JSON.
fn believed(host: &Host) -> (String, Value) {
    let text = host.text().split_whitespace().collect::<Vec<_>>().join(" ");
    let of_cluster = text.split("cluster not reported; ").nth(1).unwrap_or_else(|| panic!("{text}"));
    let end = of_cluster.find(" Findings").unwrap_or(of_cluster.len());
    let json = host.look(User::Root, &["--format", "json"]).stdout;
    let mut json: Value = serde_json::from_slice(&json).expect("json");
    (of_cluster[..end].to_owned(), json["reporting"]["cluster_view"].take())
}

/// That the agent tells this, and the text says so; `truth` is what the text adds where it is not so.
fn expect(host: &Host, kind: &str, status: Option<&str>, truth: Option<&str>) {
    let (text, view) = believed(host);
    let told = match (kind, status) {
        ("", _) => "that it has no updater".to_owned(),
        (kind, Some(status)) => format!("`{kind}`, {status}"),
        (kind, None) => format!("`{kind}`"),
    };
    let truth_told = truth.map(|truth| format!(", which is not true: it has {truth}")).unwrap_or_default();
    assert_eq!(text, format!("this agent tells the cluster {told}{truth_told}"));
    let expected = serde_json::json!({"external_upgrader": kind, "updater_status": status, "true": truth.is_none(), "before": null});
    assert_eq!(view, expected);
}

#[test]
fn where_nothing_is_installed() {
    let Some(host) = Host::bare() else { return };
    host.install_package();
    host.guest.must(&["rm", "/usr/local/bin/teleport-update", "/opt/teleport/system/bin/teleport-update"]);
    host.configure("", "auth_service: {enabled: no}\nproxy_service: {enabled: no}\n");
    // Before the updater's version had a field, the environment counted as it was.
    restart(&host, Some("14.0.0-dev"), NOTHING);
    expect(&host, "", None, None);
    restart(&host, Some("14.0.0-dev"), UNIT);
    expect(&host, "unit", None, Some("no updater"));
    // Since then it takes a version, which that updater's script would tell.
    restart(&host, Some("17.5.2"), UNIT);
    expect(&host, "", None, None);
    restart(&host, Some("17.5.2"), REDEPLOYED);
    expect(&host, "integration_awsoidc", None, None);
    // Of which release a package's agent is, its path does not tell; and of some releases nobody knows how they detected.
    for release in [None, Some("14.3.33")] {
        restart(&host, release, UNIT);
        let (text, view) = believed(&host);
        let unless = "(unless it is of a release that detects otherwise, as all from 15.0 on do)";
        assert_eq!(
            text,
            format!("this agent tells the cluster `unit`, which is not true: it has no updater {unless}")
        );
        assert_eq!(
            (&view["external_upgrader"], &view["true"], &view["before"]),
            (&"unit".into(), &false.into(), &"15.0".into())
        );
    }
    restart(&host, None, NOTHING);
    expect(&host, "", None, None);
    host.guest.systemctl(&["stop", "teleport.service"]);
    let (text, view) = believed(&host);
    assert_eq!(
        (text.as_str(), view),
        ("in stock Teleport's terms no updater", Value::Null),
        "nobody tells anything"
    );
}

#[test]
fn where_the_older_updater_works() {
    let Some(host) = Host::with_v1() else { return };
    restart(&host, Some("14.0.0-dev"), "");
    expect(&host, "unit", None, None);
    restart(&host, Some("14.0.0-dev"), NOTHING);
    expect(&host, "", None, Some("`unit`"));
    restart(&host, Some("17.5.2"), "");
    expect(&host, "unit", None, None);
    restart(&host, None, "");
    expect(&host, "unit", None, None);
}

#[test]
fn where_the_newer_updater_works_and_where_it_does_not() {
    let Some(host) = Host::accompanied() else { return };
    expect(&host, "binary", Some("OK"), None);
    host.guest.systemctl(&["stop", "teleport-update.timer"]);
    expect(&host, "binary", Some("OK"), Some("`binary`, DISABLED"));
    host.guest.systemctl(&["start", "teleport-update.timer"]);
    host.guest.must(&["teleport-update", "disable"]);
    expect(&host, "binary", Some("DISABLED"), None);
    host.guest.must(&["teleport-update", "enable"]);
    host.guest.must(&["teleport-update", "pin"]);
    expect(&host, "binary", Some("PINNED"), None);
    host.guest.must(&["teleport-update", "unpin"]);
    // What an older updater left behind in the environment counts for nothing beside it.
    host.drop_in("teleport.service", &format!("[Unit]\nStartLimitIntervalSec=0\n[Service]\n{UNIT}\n"));
    host.guest.systemctl(&["restart", "teleport.service"]);
    expect(&host, "binary", Some("OK"), None);
}
