//! What a working updater looks like.

use selfcheck_core::Status;
use selfcheck_core::UpdaterKind;
use selfcheck_tests::Followed;
use selfcheck_tests::Host;
use selfcheck_tests::User;

#[test]
fn is_accompanied_for_root_and_for_ordinary_users() {
    let Some(host) = Host::accompanied() else { return };
    for user in [User::Root, User::Ordinary] {
        host.expect_with(user, &[], "accompanied", &[]);
        let output = host.look(user, &[]);
        assert_eq!(output.status.code(), Some(0));
        assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    }
}

#[test]
fn the_systemd_asked_is_that_of_the_guest() {
    let Some(host) = Host::accompanied() else { return };
    host.status(User::Root, &["--save-observation", "/run/seen.json"]);
    let saved = std::fs::read_to_string(host.guest.path("/run/seen.json")).expect("saved");
    let observation: selfcheck_core::Observation = serde_json::from_str(&saved).expect("observation");
    let manager = observation.systemd.manager.present().cloned().expect("manager");
    let version = manager.version.expect("version");
    // `systemd 252 (252.38-1~deb12u1)`
    let told = host.guest.systemctl(&["--version"]);
    let number = told.split_ascii_whitespace().nth(1).expect("number");
    assert!(version.as_str().starts_with(number), "{version} is not {told}");
    if std::env::var_os("SELFCHECK_GUEST_ROOT").is_some() {
        assert_eq!(number, "257");
    }
}

#[test]
fn the_status_names_agent_updater_proof_and_what_stock_teleport_is_told() {
    let Some(host) = Host::accompanied() else { return };
    let status = host.status(User::Root, &[]);
    assert_eq!(status.agent.version.as_ref().map(selfcheck_core::Text::as_str), Some("18.2.0"));
    assert_eq!(status.agent.services, [selfcheck_core::Text::new("Node")]);
    assert_eq!(status.agent.hostname.as_ref().map(selfcheck_core::Text::as_str), Some("guest"));
    let updater = status.updater.expect("updater");
    assert_eq!(updater.kind, UpdaterKind::Binary);
    assert_eq!(updater.version.as_ref().map(selfcheck_core::Text::as_str), Some("18.2.0"));
    assert_eq!(updater.group.as_ref().map(selfcheck_core::Text::as_str), Some("production"));
    let proof = status.proof;
    assert_eq!(proof.last_run, proof.last_success);
    assert!(proof.last_run.expect("run") <= status.observed_at);
    assert!(proof.next_run.expect("armed") > status.observed_at);
    assert!(status.holds_until.expect("a timer is overdue one day") > status.observed_at);
    assert!(status.unseen.is_empty(), "{:?}", status.unseen);
    let view = status.reporting.stock_view.expect("seen");
    assert_eq!(view.external_upgrader, Some(UpdaterKind::Binary));
    assert_eq!(view.updater_status, Some(selfcheck_core::UpdaterStatus::Ok.into()));
    assert!(status.remedy.is_none());
}

#[test]
fn the_unit_and_the_pid_file_lead_to_the_same_process() {
    let Some(host) = Host::accompanied() else { return };
    let by_unit = host.status(User::Root, &[]).agent.pid.expect("agent");
    host.expect_with(User::Root, &["--pid", &by_unit.to_string()], "accompanied", &[]);
    // Without the bus the pid file is what remains; a number that belongs to another program is not believed.
    let no_bus = ["--bus", "unix:path=/run/none"];
    host.guest.write("/run/teleport.pid", &format!("{by_unit}\n"));
    assert_eq!(host.status(User::Root, &no_bus).agent.pid, Some(by_unit));
    host.guest.write("/run/teleport.pid", "1\n");
    assert_eq!(host.status(User::Root, &no_bus).agent.pid, None);
}

#[test]
fn a_label_is_one_word_and_always_succeeds() {
    let Some(host) = Host::accompanied() else { return };
    let label = |flags: &[&str]| {
        let output = host.look(User::Root, &[&["--format", "label"], flags].concat());
        assert_eq!(output.status.code(), Some(0));
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    assert_eq!(label(&[]), "accompanied\n");
    host.guest.systemctl(&["disable", "--now", "teleport-update.timer"]);
    assert_eq!(label(&[]), "impaired.timer-disabled\n");
    assert_eq!(label(&["--policy", "/none.yaml"]), "unknown\n");
}

#[test]
fn an_observation_saved_here_is_judged_the_same_anywhere() {
    let Some(host) = Host::accompanied() else { return };
    host.guest.write("/var/lib/teleport/host_uuid", "6e1d5f2a-0000-4000-8000-000000000001\n");
    let seen = host.status(User::Root, &["--save-observation", "/run/seen.json"]);
    let saved = std::fs::read_to_string(host.guest.path("/run/seen.json")).expect("saved");
    assert!(
        !saved.contains("6e1d5f2a") && !saved.contains(&host.proxy.address()) && !saved.contains("\"guest\"")
    );
    let again = host.status(User::Root, &["--observation", "/run/seen.json"]);
    assert_eq!((again.verdict, again.observed_at, again.proof), (seen.verdict, seen.observed_at, seen.proof));
    assert_eq!(again.holds_until, seen.holds_until);
    let later = (seen.observed_at + jiff::SignedDuration::from_mins(30)).to_string();
    host.expect_with(
        User::Root,
        &["--observation", "/run/seen.json", "--now", &later],
        "impaired",
        &["timer-never-fired"],
    );
    host.look(User::Root, &["--save-observation", "/run/named.json", "--include-identifiers"]);
    let named = std::fs::read_to_string(host.guest.path("/run/named.json")).expect("saved");
    assert!(named.contains("6e1d5f2a") && named.contains(&host.proxy.address()));
}

#[test]
fn watching_prints_changes_and_ends_when_interrupted() {
    let Some(host) = Host::accompanied() else { return };
    let argv = ["teleport-selfcheck", "debug", "updater-status", "--watch", "--format=json"];
    let watch = Followed::start(&host.guest, "watch", User::Root, &argv);
    let label = || {
        let status = serde_json::from_str::<Status>(&watch.line()).expect("status");
        assert_eq!(status.sequence, None, "no daemon counts");
        status.label()
    };
    assert_eq!(label(), "accompanied");
    host.run_updater(); // changes times only
    host.guest.systemctl(&["disable", "--now", "teleport-update.timer"]);
    assert_eq!(label(), "impaired.timer-disabled");
    host.guest.systemctl(&["enable", "--now", "teleport-update.timer"]);
    assert_eq!(label(), "accompanied");
    host.guest.systemctl(&["kill", "--signal=INT", "watch.service"]);
    assert_eq!(watch.next_line(), None);
    let ended =
        host.guest.systemctl(&["show", "--value", "-p", "ExecMainStatus", "-p", "Result", "watch.service"]);
    assert_eq!(ended.split_whitespace().collect::<Vec<_>>(), ["success", "0"]);
}
