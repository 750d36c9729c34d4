//! No look falls between the two halves of a firing, and no look loses the agent while the bus is away.

use selfcheck_tests::Followed;
use selfcheck_tests::Host;
use selfcheck_tests::Sidecar;
use selfcheck_tests::User;

const PATIENT: &str = "/usr/local/libexec/selfcheck/looker";

/// Lets a real program run by the timer so often.
fn firing(host: &Host, interval: &str) {
    host.fire_again_after(interval);
    host.expect("accompanied", &[]);
}

#[test]
fn no_finding_in_thousands_of_looks_at_a_timer_that_fires_all_the_time() {
    let Some(host) = Host::accompanied() else { return };
    firing(&host, "100ms");
    let looks = std::env::var("SELFCHECK_LOOKS").unwrap_or_else(|_| "3000".to_owned());
    let told = host.guest.must(&[PATIENT, &looks]);
    let firings = told.trim().strip_suffix(" firings, no finding").unwrap_or_else(|| panic!("{told}"));
    assert!(firings.parse::<u32>().expect("a number") > 10, "{told}");
}

#[test]
fn the_daemon_tells_nothing_of_hundreds_of_firings() {
    let Some(host) = Host::accompanied() else { return };
    firing(&host, "50ms");
    let mut sidecar = Sidecar::start(&host);
    assert_eq!(sidecar.next_change().label(), "accompanied");
    let argv = ["teleport-selfcheck", "debug", "updater-status", "--probe", "--watch", "--format=label"];
    let watch = Followed::start(&host.guest, "watch", User::Root, &argv);
    assert_eq!(watch.line(), "accompanied");
    let fired = || {
        let runs = host.guest.must(&["sh", "-c", "cat /run/standin-runs 2>/dev/null | wc -l"]);
        runs.trim().parse::<u32>().expect("a number")
    };
    let before = fired();
    selfcheck_tests::eventually_within(std::time::Duration::from_secs(120), "300 firings", || {
        fired() > before + 300
    });
    // The next change that it tells is this one.
    host.guest.systemctl(&["disable", "teleport-update.timer"]);
    let change = sidecar.next_change();
    assert_eq!((change.label().as_str(), change.sequence), ("impaired.timer-disabled", Some(2)));
    assert_eq!(watch.line(), "impaired.timer-disabled");
}

#[test]
fn a_suffixed_agent_is_not_lost_while_the_bus_is_away() {
    let Some(host) = Host::only_suffixed("blue") else { return };
    host.guest.systemctl(&["start", "teleport-update_blue.service"]);
    let mut sidecar = Sidecar::start_at(
        &host,
        "/run/teleport-selfcheck/default.sock",
        "ExecStart=\nExecStart=/usr/local/bin/teleport-selfcheck daemon --socket /run/teleport-selfcheck/default.sock\n",
    );
    let before = sidecar.next_change();
    assert_eq!((before.agent.namespace.name(), before.label().as_str()), ("blue", "accompanied"));
    let pid = before.agent.pid;
    host.guest.systemctl(&["stop", "dbus.socket", "dbus.service"]);
    // Asked in the meantime, it still looks at the same agent.
    sidecar.recheck();
    let status = sidecar.status();
    assert_eq!((status.agent.namespace.name(), status.agent.pid), ("blue", pid));
    host.expect_with(User::Root, &["--install-suffix", "blue"], "unknown", &["bus-unavailable"]);
    host.guest.systemctl(&["start", "dbus.socket", "dbus.service"]);
    host.guest.systemctl(&["stop", "teleport-update_blue.timer"]);
    assert_eq!(sidecar.tells("impaired.timer-inactive").agent.namespace.name(), "blue");
}
