//! A systemd that is old, lies about types, or misbehaves in the middle: never taken for absence, never waited for.

use std::collections::HashMap;

use selfcheck_tests::FakeBus;
use selfcheck_tests::Host;
use selfcheck_tests::Listing;
use selfcheck_tests::Trouble;
use selfcheck_tests::User;
use zbus::OwnedVariant;
use zbus::Variant;

/// What the agent, and nothing of its updater, is judged by.
const NOT_NEEDED: [&str; 3] = ["Version", "SystemState", "MainPID"];

fn label(host: &Host, fake: FakeBus, name: &str) -> String {
    let flags = fake.serve(host, name);
    host.status(User::Ordinary, &flags.each_ref().map(String::as_str)).label()
}

fn value(value: Variant<'_>) -> OwnedVariant {
    OwnedVariant::try_from(value).expect("value")
}

#[test]
fn of_this_time_and_of_2015() {
    let Some(host) = Host::accompanied() else { return };
    assert_eq!(label(&host, FakeBus::default(), "now"), "accompanied");
    // systemd 219 cannot list units by name and lacks some properties.
    let old = || FakeBus { listing: Listing::Unknown, ..FakeBus::default() };
    assert_eq!(label(&host, old(), "old"), "accompanied");
    let masked = HashMap::from([("LoadState", Some(value(Variant::from("masked"))))]);
    assert_eq!(label(&host, FakeBus { properties: masked, ..old() }, "old-masked"), "impaired.timer-masked");
    let flags = old().serve(&host, "old-version");
    let flags =
        [&flags.each_ref().map(String::as_str)[..], &["--save-observation", "/run/seen.json"]].concat();
    host.status(User::Root, &flags);
    let seen = std::fs::read_to_string(host.guest.path("/run/seen.json")).expect("saved");
    assert!(seen.contains("\"219\""), "{seen}");
}

#[test]
fn a_property_of_another_type() {
    let Some(host) = Host::accompanied() else { return };
    for name in FakeBus::ASKED {
        let wrong =
            if name == "NeedDaemonReload" { value(Variant::from("no")) } else { value(Variant::from(true)) };
        let fake = FakeBus { properties: HashMap::from([(name, Some(wrong))]), ..FakeBus::default() };
        let needed = !NOT_NEEDED.contains(&name);
        let expected = if needed { "unknown.bus-unavailable" } else { "accompanied" };
        assert_eq!(label(&host, fake, &format!("wrong-{name}")), expected, "{name}");
    }
}

#[test]
fn a_property_that_is_not_there() {
    let Some(host) = Host::accompanied() else { return };
    for name in FakeBus::ASKED {
        let fake = FakeBus { properties: HashMap::from([(name, None)]), ..FakeBus::default() };
        let expected = match name {
            // Every systemd has these, and without them nothing shows that the timer and the runs are in order.
            "Result" => "unknown.bus-unavailable",
            "NextElapseUSecMonotonic" => "impaired.timer-not-armed",
            _ => "accompanied",
        };
        assert_eq!(label(&host, fake, &format!("none-{name}")), expected, "{name}");
    }
}

#[test]
fn trouble_in_the_middle() {
    let Some(host) = Host::accompanied() else { return };
    let cases = [
        (Trouble::Close, "unknown.bus-unavailable"),
        (Trouble::Silence, "unknown.bus-timeout"),
        (Trouble::Garbage, "unknown.bus-unavailable"),
        (Trouble::Endless, "unknown.bus-timeout"),
    ];
    for (trouble, expected) in cases {
        for about in ["Hello", "ListUnitsByNames", "GetAll", "ExecStart"] {
            let fake = FakeBus { trouble: Some((about, trouble)), ..FakeBus::default() };
            assert_eq!(
                label(&host, fake, &format!("{trouble:?}-{about}")),
                expected,
                "{trouble:?} at {about}"
            );
        }
    }
}

#[test]
fn a_bus_that_talks_all_the_time() {
    let Some(host) = Host::accompanied() else { return };
    assert_eq!(label(&host, FakeBus { noisy: true, ..FakeBus::default() }, "noise"), "accompanied");
    let fake = FakeBus { noisy: true, trouble: Some(("ExecStart", Trouble::Silence)), ..FakeBus::default() };
    assert_eq!(label(&host, fake, "silence"), "unknown.bus-timeout");
}

#[test]
fn more_or_fewer_units_than_asked_for() {
    let Some(host) = Host::accompanied() else { return };
    for rows in [0, 4, 6, 20_000] {
        let fake = FakeBus { listing: Listing::Rows(rows), ..FakeBus::default() };
        assert_eq!(label(&host, fake, &format!("rows-{rows}")), "unknown.bus-unavailable", "{rows}");
    }
}
