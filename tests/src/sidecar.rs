//! The daemon beside a stock agent, in a guest, and those who ask it.

use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use selfcheck_daemon::Status;
use selfcheck_daemon::debug::DebugClient;
use selfcheck_daemon::debug::Watching;
use tokio::runtime::Runtime;
use tokio::time::timeout;

use crate::Host;
use crate::User;

/// How long a change may take to be told before the test fails. It takes a tenth of a second.
const PATIENCE: Duration = Duration::from_secs(20);
/// Where it answers if nothing else is said.
const SOCKET: &str = "/run/teleport-selfcheck/default.sock";
/// The service's name in the guest.
const UNIT: &str = "teleport-selfcheck.service";

/// The sidecar of a host, run by the unit file of `examples/sidecar`, and a subscription to its status.
#[derive(Debug)]
pub struct Sidecar<'a> {
    host: &'a Host,
    socket: &'static str,
    runtime: Runtime,
    changes: Watching,
}

impl<'a> Sidecar<'a> {
    /// Installs and starts it.
    pub fn start(host: &'a Host) -> Self {
        Self::start_with(host, "")
    }

    /// The same with more settings of the service.
    pub fn start_with(host: &'a Host, settings: &str) -> Self {
        Self::start_at(host, SOCKET, settings)
    }

    /// The same where those settings make it answer on another socket.
    pub fn start_at(host: &'a Host, socket: &'static str, settings: &str) -> Self {
        let unit = include_str!("../../examples/sidecar/teleport-selfcheck.service");
        host.guest.write(&format!("/etc/systemd/system/{UNIT}"), unit);
        // There is no journal in a guest.
        let settings = format!("[Service]\nStandardError=append:/run/sidecar.log\n{settings}");
        host.guest.write(&format!("/etc/systemd/system/{UNIT}.d/test.conf"), &settings);
        host.guest.systemctl(&["daemon-reload"]);
        let started = host.guest.run(User::Root, &["systemctl", "start", UNIT]);
        assert!(started.status.success(), "{}", Self::trouble(host));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("runtime");
        let changes = runtime.block_on(client(host, socket).watch()).expect("a daemon");
        Self { host, socket, runtime, changes }
    }

    /// What its service and it say of themselves.
    fn trouble(host: &Host) -> String {
        let shown =
            host.guest.systemctl(&["show", "-p", "Result,ExecMainCode,ExecMainStatus,StatusText", UNIT]);
        shown + &std::fs::read_to_string(host.guest.path("/run/sidecar.log")).unwrap_or_default()
    }

    /// A path to its socket from outside the guest.
    pub fn socket(host: &Host) -> PathBuf {
        host.guest.path(SOCKET)
    }

    /// The next change that it tells.
    pub fn next_change(&mut self) -> Status {
        let next = async { timeout(PATIENCE, self.changes.next()).await };
        let next = self.runtime.block_on(next).expect("a change is told in time");
        next.expect("HTTP").expect("the daemon runs")
    }

    /// Waits until it tells this label; a change in several steps may be told in several.
    pub fn tells(&mut self, label: &str) -> Status {
        let mut told = Vec::new();
        loop {
            let next = async { timeout(PATIENCE, self.changes.next()).await };
            let Ok(next) = self.runtime.block_on(next) else {
                panic!("{label} is not told, but {told:?}: {}", Self::trouble(self.host))
            };
            let status = next.expect("HTTP").expect("the daemon runs");
            if status.label() == label {
                return status;
            }
            told.push(status.label());
        }
    }

    /// The present status.
    pub fn status(&self) -> Status {
        self.runtime.block_on(client(self.host, self.socket).status()).expect("status")
    }

    /// Lets it look now.
    pub fn recheck(&self) {
        self.runtime.block_on(client(self.host, self.socket).recheck()).expect("recheck");
    }

    /// Looks taken so far.
    pub fn looks(&self) -> u64 {
        self.metric("teleport_updater_probe_duration_seconds_count")
    }

    /// The value of a metric.
    pub fn metric<T: FromStr>(&self, name: &str) -> T {
        let metrics = self.get("/metrics");
        let value = metrics.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        let value = value.and_then(|value| value.parse().ok());
        value.unwrap_or_else(|| panic!("{name}: {metrics}"))
    }

    /// The body of an answer.
    pub fn get(&self, path: &str) -> String {
        use std::io::Read;
        use std::io::Write;
        let mut stream =
            std::os::unix::net::UnixStream::connect(self.host.guest.path(self.socket)).expect("connected");
        stream.set_read_timeout(Some(PATIENCE)).expect("time limit");
        write!(stream, "GET {path} HTTP/1.1\r\nHost: x\r\n\r\n").expect("sent");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("answered");
        let (head, body) = answer.split_once("\r\n\r\n").expect("an answer");
        assert!(head.starts_with("HTTP/1.1 200 "), "{answer}");
        body.to_owned()
    }
}

fn client(host: &Host, socket: &str) -> DebugClient {
    DebugClient::new(&host.guest.path(socket), PATIENCE)
}
