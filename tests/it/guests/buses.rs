//! Buses that are missing, refuse, deny, hang, close or talk nonsense: all told apart, none taken for absence.

use std::io::Read;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;
use std::os::unix::net::UnixStream;

use selfcheck_tests::Host;
use selfcheck_tests::User;

/// A bus in the guest at /run/fake that treats every client by `serve`, until the test ends.
fn fake(host: &Host, serve: fn(UnixStream)) -> [&'static str; 4] {
    let path = host.guest.path("/run").join("fake");
    let listener = UnixListener::bind(&path).expect("socket");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o777)).expect("mode");
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            std::thread::spawn(move || serve(stream));
        }
    });
    ["--bus", "unix:path=/run/fake", "--timeout", "500ms"]
}

fn why(host: &Host, user: User, flags: &[&str]) -> (String, String) {
    let status = host.status(user, flags);
    let evidence = serde_json::to_value(&status.findings[0].evidence).expect("evidence");
    (status.label(), evidence["why"].as_str().unwrap_or_default().to_owned())
}

fn expect(host: &Host, flags: &[&str], label: &str, reason: &str) {
    for user in [User::Root, User::Ordinary] {
        assert_eq!(why(host, user, flags), (label.to_owned(), reason.to_owned()), "{flags:?} as {user:?}");
        assert_eq!(host.look(user, flags).status.code(), Some(12));
    }
}

#[test]
fn missing_and_refused() {
    let Some(host) = Host::accompanied() else { return };
    expect(&host, &["--bus", "unix:path=/run/nothing"], "unknown.bus-unavailable", "missing");
    host.guest.must(&["touch", "/run/plain"]);
    host.guest.must(&["chmod", "777", "/run/plain"]);
    expect(&host, &["--bus", "unix:path=/run/plain"], "unknown.bus-unavailable", "refused");
}

#[test]
fn the_guests_own_bus_stopped_and_started_by_the_remedy() {
    let Some(host) = Host::accompanied() else { return };
    host.guest.systemctl(&["stop", "dbus.socket", "dbus.service"]);
    // The socket's file stays behind.
    expect(&host, &[], "unknown.bus-unavailable", "refused");
    host.remedy_helps("sudo systemctl start dbus.socket dbus.service");
}

#[test]
fn denied_by_the_socket_and_by_the_bus() {
    let Some(host) = Host::accompanied() else { return };
    host.guest.write(
        "/etc/dbus-1/system.d/deny.conf",
        "<busconfig><policy user=\"nobody\"><deny send_destination=\"org.freedesktop.systemd1\"/></policy></busconfig>\n",
    );
    host.guest.systemctl(&["reload", "dbus.service"]);
    host.expect_as_root("accompanied", &[]);
    assert_eq!(why(&host, User::Ordinary, &[]), ("unknown.bus-denied".to_owned(), "denied".to_owned()));
    host.guest.must(&["chmod", "600", "/run/dbus/system_bus_socket"]);
    host.expect_as_root("accompanied", &[]);
    assert_eq!(why(&host, User::Ordinary, &[]), ("unknown.bus-denied".to_owned(), "denied".to_owned()));
}

#[test]
fn denied_and_granted_by_the_example_policy() {
    let Some(host) = Host::accompanied() else { return };
    let deny = "<policy user=\"nobody\"><deny send_destination=\"org.freedesktop.systemd1\"/></policy>";
    let policy = |text: &str| {
        host.guest.write("/etc/dbus-1/system.d/policy.conf", text);
        host.guest.systemctl(&["reload", "dbus.service"]);
    };
    policy(&format!("<busconfig>{deny}</busconfig>\n"));
    assert_eq!(why(&host, User::Ordinary, &[]), ("unknown.bus-denied".to_owned(), "denied".to_owned()));
    let example = include_str!("../../../examples/access/dbus/teleport-selfcheck.conf");
    let example = example.replace("teleport-selfcheck\">", "nobody\">");
    policy(&example.replace("<busconfig>", &format!("<busconfig>{deny}")));
    host.expect("accompanied", &[]);
}

#[test]
fn hanging() {
    let Some(host) = Host::accompanied() else { return };
    let flags = fake(&host, |mut stream| {
        let _ = stream.read_to_end(&mut Vec::new());
    });
    expect(&host, &flags, "unknown.bus-timeout", "timeout");
    // A bus that hangs does not take the time for the files.
    host.guest.must(&["teleport-update", "disable"]);
    host.expect_with(User::Ordinary, &flags, "held", &["updates-disabled", "bus-timeout"]);
}

#[test]
fn closing() {
    let Some(host) = Host::accompanied() else { return };
    expect(&host, &fake(&host, drop), "unknown.bus-unavailable", "closed");
}

#[test]
fn talking_nonsense() {
    let Some(host) = Host::accompanied() else { return };
    let flags = fake(&host, |mut stream| {
        let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n");
        let _ = stream.read_to_end(&mut Vec::new());
    });
    expect(&host, &flags, "unknown.bus-unavailable", "protocol");
}

#[test]
fn rejecting_the_user() {
    let Some(host) = Host::accompanied() else { return };
    let flags = fake(&host, |mut stream| {
        let _ = stream.read(&mut [0; 512]);
        let _ = stream.write_all(b"REJECTED EXTERNAL\r\n");
        let _ = stream.read_to_end(&mut Vec::new());
    });
    expect(&host, &flags, "unknown.bus-denied", "denied");
}

#[test]
fn closing_after_the_handshake() {
    let Some(host) = Host::accompanied() else { return };
    let flags = fake(&host, |mut stream| {
        let mut seen = Vec::new();
        let mut chunk = [0; 512];
        while !seen.windows(5).any(|window| window == b"BEGIN") {
            match stream.read(&mut chunk) {
                Ok(length @ 1..) => seen.extend_from_slice(&chunk[..length]),
                _ => return,
            }
            if seen.windows(8).any(|window| window == b"EXTERNAL")
                && !seen.windows(5).any(|window| window == b"BEGIN")
            {
                let _ = stream.write_all(b"OK 0123456789abcdef0123456789abcdef\r\n");
            }
        }
    });
    expect(&host, &flags, "unknown.bus-unavailable", "closed");
}
