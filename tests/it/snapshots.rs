//! What a person reads, for every verdict. Review a change of these files as a tired admin would.

use selfcheck_tests::selfcheck;
use selfcheck_tests::shown;

/// What the command prints for a case.
fn text(name: &str, flags: &[&str]) -> String {
    let case = selfcheck_tests::case(name);
    let observation = serde_json::to_string(&case.observation).expect("json");
    let now = case.observation.clock.after(case.later).realtime.to_string();
    let mut policy = tempfile::NamedTempFile::new().expect("policy");
    serde_json::to_writer(&mut policy, &case.policy).expect("policy"); // JSON is YAML
    let policy = policy.path().to_str().expect("path");
    let judge = ["debug", "updater-status", "--observation", "-", "--now", &now, "--policy", policy];
    let shown = shown(&selfcheck(&[&judge, flags].concat(), &observation));
    let too_wide = shown.lines().find(|line| line.chars().count() > 80 && !line.contains("\":"));
    assert_eq!(too_wide, None, "wider than 80 columns");
    shown
}

macro_rules! snapshot {
    ($name:ident, $case:literal) => {
        #[test]
        fn $name() {
            insta::assert_snapshot!(text($case, &[]));
        }
    };
}

snapshot!(accompanied, "schedule: all is well");
snapshot!(accompanied_with_advice, "config: no group is configured");
snapshot!(impaired_timer_masked, "schedule: the timer is masked");
snapshot!(impaired_run_failed, "runs: one plain failure may be the network");
snapshot!(impaired_several, "config: disabled and masked, the worse of the two decides");
snapshot!(impaired_config_corrupt, "config: update.yaml is not YAML");
snapshot!(impaired_overdue, "schedule: the timer last fired 18 minutes ago");
snapshot!(impaired_rolled_back, "runs: an update failed and its version is skipped from now on");
snapshot!(impaired_without_remedy, "schedule: updates are enabled where systemd does not run");
snapshot!(held, "config: the version is pinned");
snapshot!(unaccompanied, "applicability: nothing updates this agent");
snapshot!(unaccompanied_not_enabled, "applicability: the package ships an updater that nobody enabled");
snapshot!(unknown_no_agent, "applicability: no agent at all, and so nothing to judge and nothing to install");
snapshot!(
    unknown_ordinary_user,
    "applicability: an ordinary user sees neither environment nor configuration"
);
snapshot!(unknown_bus, "buses: no bus");
snapshot!(exempt_control_plane, "applicability: the auth service is enabled");
snapshot!(exempt_acknowledged, "applicability: somebody acknowledged it until noon");
snapshot!(unsupported, "applicability: a container without systemd");
snapshot!(accompanied_v1, "v1: it works, and there is a newer one");

#[test]
fn json() {
    insta::assert_snapshot!(text("schedule: the timer is masked", &["--format", "json"]));
}

#[test]
fn colour_is_only_paint() {
    let plain = text("schedule: the timer is masked", &[]);
    let case = selfcheck_tests::case("schedule: the timer is masked");
    let observation = serde_json::to_string(&case.observation).expect("json");
    let flags = ["--color", "always", "debug", "updater-status", "--observation", "-"];
    let painted = shown(&selfcheck(&flags, &observation));
    assert!(painted.contains("\u{1b}[1;31mIMPAIRED:\u{1b}[0m"));
    let bare = painted.replace("\u{1b}[0m", "").replace("\u{1b}[1;31m", "").replace("\u{1b}[1m", "");
    assert_eq!(bare, plain);
}
