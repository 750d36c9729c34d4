//! What befalls a daemon on a real host: buses that die or hang, systemd executed anew, storms.

use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;
use std::time::Duration;

use selfcheck_tests::Followed;
use selfcheck_tests::Host;
use selfcheck_tests::Sidecar;
use selfcheck_tests::User;
use tokio::time::Instant;

use crate::hostile;

const CONFIG: &str = "/opt/teleport/default/update.yaml";
const TIMER: &str = "teleport-update.timer";

/// A host whose sidecar has told that all is well.
fn watched(host: &Host) -> Sidecar<'_> {
    let mut sidecar = Sidecar::start(host);
    let first = sidecar.next_change();
    assert_eq!((first.label(), first.sequence), ("accompanied".to_owned(), Some(1)));
    sidecar
}

/// The next change, with the number it must have: none was told in between.
fn tells_next(sidecar: &mut Sidecar<'_>, sequence: u64, label: &str) {
    let status = sidecar.next_change();
    assert_eq!(
        (status.sequence, status.label()),
        (Some(sequence), label.to_owned()),
        "{:#?}",
        status.findings
    );
}

/// Waits for a look after the one whose status is `seen`: the daemon sees again.
fn sees_again(sidecar: &Sidecar<'_>) {
    let before = sidecar.status().observed_at;
    let began = Instant::now();
    while sidecar.status().observed_at == before {
        assert!(began.elapsed() < Duration::from_secs(20), "it does not see again");
        sidecar.recheck();
    }
}

#[test]
fn a_bus_that_is_killed_changes_nothing() {
    let Some(host) = Host::accompanied() else { return };
    let mut sidecar = watched(&host);
    for _ in 0..3 {
        host.guest.systemctl(&["kill", "--signal=KILL", "dbus.service"]);
        host.guest.systemctl(&["restart", "dbus.service"]);
        sees_again(&sidecar);
    }
    host.guest.systemctl(&["stop", TIMER]);
    tells_next(&mut sidecar, 2, "impaired.timer-inactive");
    host.guest.systemctl(&["start", TIMER]);
    tells_next(&mut sidecar, 3, "accompanied");
}

#[test]
fn a_systemd_that_is_executed_anew_changes_nothing() {
    let Some(host) = Host::accompanied() else { return };
    // It is started more often than systemd likes.
    let drop_in = "/etc/systemd/system/teleport-update.timer.d/often.conf";
    host.guest.write(drop_in, "[Unit]\nStartLimitIntervalSec=0\n");
    host.guest.systemctl(&["daemon-reload"]);
    let mut sidecar = watched(&host);
    host.guest.systemctl(&["daemon-reexec"]);
    sees_again(&sidecar);
    // Nobody asks it to look: it subscribes to the new one by itself, whenever that comes.
    for change in (2..12).step_by(2) {
        host.guest.systemctl(&["daemon-reexec"]);
        host.guest.systemctl(&["stop", TIMER]);
        tells_next(&mut sidecar, change, "impaired.timer-inactive");
        host.guest.systemctl(&["start", TIMER]);
        tells_next(&mut sidecar, change + 1, "accompanied");
    }
}

#[test]
fn who_is_not_systemd_is_not_listened_to() {
    let Some(host) = Host::accompanied() else { return };
    let sidecar = watched(&host);
    let looks = sidecar.looks();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("runtime");
    runtime.block_on(async {
        let address = host.guest.bus_address();
        let bus = zbus::connection::Builder::address(address.as_str()).build().await.expect("bus");
        let (driver, path) = ("org.freedesktop.DBus", "/org/freedesktop/systemd1");
        let call = |method: &'static str| bus.call_method(Some(driver), "/", Some(driver), method, &());
        let names = call("ListNames").await.expect("names");
        let names: Vec<String> = names.body().deserialize().expect("names");
        let began = Instant::now();
        while began.elapsed() < Duration::from_secs(1) {
            for everybody in names.iter().filter(|name| name.starts_with(':')) {
                let to = Some(everybody.as_str());
                let manager = "org.freedesktop.systemd1.Manager";
                bus.emit_signal(to, path, manager, "UnitFilesChanged", &()).await.expect("sent");
                let owner = ("org.freedesktop.systemd1", ":1.0", ":1.666");
                bus.emit_signal(to, path, driver, "NameOwnerChanged", &owner).await.expect("sent");
            }
            call("GetId").await.expect("all is passed on");
        }
    });
    assert_eq!(sidecar.looks(), looks);
}

#[test]
fn what_cannot_be_listened_to_is_said_and_looked_at_more_often() {
    let Some(host) = Host::accompanied() else { return };
    // The kernel gives it no inotify.
    let settings = "SystemCallFilter=~inotify_init1\nSystemCallErrorNumber=EMFILE\n";
    let mut sidecar = Sidecar::start_with(&host, settings);
    assert_eq!(sidecar.next_change().label(), "accompanied");
    let untold = || sidecar.metric::<u64>("teleport_updater_probe_errors_total{kind=\"watch\"}");
    assert!(untold() >= 1);
    // systemd still tells.
    host.guest.systemctl(&["stop", TIMER]);
    sidecar.tells("impaired.timer-inactive");
    host.guest.systemctl(&["start", TIMER]);
    sidecar.tells("accompanied");
    host.edit(CONFIG, "enabled: true", "enabled: false");
    sidecar.recheck();
    assert_eq!(sidecar.next_change().label(), "held.updates-disabled");
}

#[test]
fn a_bus_that_hangs_changes_nothing_and_is_waited_for() {
    let Some(host) = Host::accompanied() else { return };
    let mut sidecar = watched(&host);
    host.guest.systemctl(&["kill", "--signal=STOP", "dbus.service"]);
    let before = sidecar.status();
    host.edit(CONFIG, "enabled: true", "enabled: false");
    sidecar.recheck(); // ends at the deadline of a look
    assert_eq!(sidecar.status(), before, "the last status stays, with its age");
    host.guest.systemctl(&["kill", "--signal=CONT", "dbus.service"]);
    tells_next(&mut sidecar, 2, "held.updates-disabled");
}

#[test]
fn a_bus_that_comes_late_is_found() {
    let Some(host) = Host::accompanied() else { return };
    host.guest.systemctl(&["stop", "dbus.socket", "dbus.service"]);
    let mut sidecar = Sidecar::start(&host);
    assert_eq!(sidecar.next_change().label(), "unknown.bus-unavailable");
    host.guest.systemctl(&["start", "dbus.socket"]);
    sidecar.tells("accompanied");
    host.guest.systemctl(&["stop", TIMER]);
    sidecar.tells("impaired.timer-inactive");
}

#[test]
fn ten_thousand_rewrites_cost_ten_looks_in_a_second_at_most() {
    let Some(host) = Host::accompanied() else { return };
    let mut sidecar = watched(&host);
    let text = std::fs::read_to_string(host.guest.path(CONFIG)).expect("config");
    let looks = sidecar.looks();
    let began = Instant::now();
    let (path, new) = (host.guest.path(CONFIG), host.guest.path(&format!("{CONFIG}.new")));
    for _ in 0..10_000 {
        std::fs::write(&new, &text).expect("written");
        std::fs::rename(&new, &path).expect("renamed");
    }
    let took = began.elapsed();
    host.edit(CONFIG, "enabled: true", "enabled: false");
    tells_next(&mut sidecar, 2, "held.updates-disabled");
    let most = began.elapsed().as_millis() / 100 + 2;
    let cost = u128::from(sidecar.looks() - looks);
    assert!(cost >= 1 && cost <= most, "{cost} looks in {took:?}");
}

#[test]
fn what_the_kernel_could_not_tell_is_looked_for() {
    let Some(host) = Host::accompanied() else { return };
    let mut sidecar = watched(&host);
    let most = std::fs::read_to_string("/proc/sys/fs/inotify/max_queued_events").expect("limit");
    let most: usize = most.trim().parse().expect("a number");
    host.guest.systemctl(&["kill", "--signal=STOP", "teleport-selfcheck.service"]);
    let (one, other) = (host.guest.path("/etc/unrelated-1"), host.guest.path("/etc/unrelated-2"));
    std::fs::write(&one, "").expect("written");
    for _ in 0..most / 4 + 1_000 {
        std::fs::rename(&one, &other).expect("renamed");
        std::fs::rename(&other, &one).expect("renamed");
    }
    // This one no longer has a place in the queue.
    host.edit(CONFIG, "enabled: true", "enabled: false");
    host.guest.systemctl(&["kill", "--signal=CONT", "teleport-selfcheck.service"]);
    tells_next(&mut sidecar, 2, "held.updates-disabled");
}

#[test]
fn a_storm_of_reloads_costs_ten_looks_in_a_second_at_most() {
    let Some(host) = Host::accompanied() else { return };
    let mut sidecar = watched(&host);
    let (looks, began) = (sidecar.looks(), Instant::now());
    let ends = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            // Those who ask meanwhile are answered.
            while !ends.load(Ordering::Relaxed) {
                assert_eq!(sidecar.get("/healthz"), "{\"status\":\"ok\"}");
            }
        });
        host.guest.must(&["sh", "-c", "for n in $(seq 40); do systemctl daemon-reload; done"]);
        ends.store(true, Ordering::Relaxed);
    });
    let most = began.elapsed().as_millis() / 100 + 2;
    let cost = u128::from(sidecar.looks() - looks);
    assert!((1..=most).contains(&cost), "{cost} looks in {:?}", began.elapsed());
    assert_eq!(sidecar.status().sequence, Some(1), "{:#?}", sidecar.status().findings);
    host.guest.systemctl(&["stop", TIMER]);
    tells_next(&mut sidecar, 2, "impaired.timer-inactive");
}

#[test]
fn an_ordinary_users_daemon_is_told_as_well() {
    let Some(host) = Host::accompanied() else { return };
    let argv = ["teleport-selfcheck", "debug", "updater-status", "--watch", "--format=label"];
    let watch = Followed::start(&host.guest, "watch", User::Ordinary, &argv);
    assert_eq!(watch.line(), "accompanied");
    host.guest.systemctl(&["stop", TIMER]);
    assert_eq!(watch.line(), "impaired.timer-inactive");
    host.edit(CONFIG, "enabled: true", "enabled: false");
    host.guest.systemctl(&["start", TIMER]);
    while watch.line() != "held.updates-disabled" {}
    assert!(host.guest.run(User::Root, &["systemctl", "stop", "watch.service"]).status.success());
}

#[test]
fn a_thousand_starts_and_ends_leave_nothing_behind() {
    let Some(host) = Host::accompanied() else { return };
    let told = host.guest.must(&["/usr/local/libexec/selfcheck/start-stop"]);
    let told: serde_json::Value = serde_json::from_str(&told).expect("json");
    let held = |when: &str, what: usize| told[when][what].as_u64().expect("a number");
    for (what, name) in [(0, "descriptors"), (1, "tasks")] {
        assert_eq!(held("after", what), held("before", what), "{name}: {told}");
    }
    let grown = held("after", 2).saturating_sub(held("before", 2));
    assert!(grown < 1_024, "{grown} kB: {told}");
}

/// Its unit has `MemoryMax=64M`.
#[test]
fn small_files_that_take_much_memory_take_none_of_the_daemons() {
    let Some(host) = Host::accompanied() else { return };
    let mut sidecar = Sidecar::start(&host);
    let peak = || -> u64 {
        let said = host.guest.must(&[
            "sh",
            "-ec",
            "grep VmHWM /proc/$(systemctl show -P MainPID teleport-selfcheck.service)/status",
        ]);
        said.split_whitespace().nth(1).and_then(|kilobytes| kilobytes.parse().ok()).expect("a number")
    };
    let before = peak();
    for bomb in [hostile::bomb(), hostile::merges(), hostile::merges_of_merges(), hostile::many_merges()] {
        assert!(bomb.len() < 64 << 10);
        host.guest.write("/opt/teleport/default/update.yaml", &bomb);
        sidecar.recheck();
    }
    sidecar.tells("impaired.config-corrupt");
    let (after, most) = (peak(), 64 << 10);
    assert!(after < most && after < before + (20 << 10), "{before} kB before, {after} kB after");
}
