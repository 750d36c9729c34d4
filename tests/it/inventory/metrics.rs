//! The metrics of an auth server, as the command serves them.

use std::collections::BTreeMap;
use std::io::BufRead;
use std::io::BufReader;
use std::io::Read;
use std::io::Write;
use std::net::SocketAddr;
use std::net::TcpStream;
use std::path::Path;
use std::process::Child;
use std::process::Command;
use std::process::Stdio;
use std::time::Duration;

use selfcheck_core::Reason;
use selfcheck_core::Verdict;
use selfcheck_tests::NODE;
use selfcheck_tests::binary;
use selfcheck_tests::eventually;
use selfcheck_tests::selfcheck;
use selfcheck_tests::shown;

use super::Agent;
use super::HEALTHY;
use super::MASKED;
use super::status;

/// The command's own auth server.
struct Serving {
    child: Child,
    server: String,
    web: SocketAddr,
}

impl Serving {
    fn start(dir: &Path, policy: &Path) -> Self {
        let mut child = Command::new(binary("teleport-selfcheck"))
            .args(["auth", "serve", "--listen", "127.0.0.1:0", "--web", "127.0.0.1:0", "--dir"])
            .arg(dir)
            .arg("--policy")
            .arg(policy)
            .stdout(Stdio::piped())
            .spawn()
            .expect("teleport-selfcheck");
        let mut lines = BufReader::new(child.stdout.take().expect("output")).lines();
        let mut line = || lines.next().expect("a line").expect("text");
        let server = line().rsplit(' ').next().expect("an address").to_owned();
        let told = line();
        let web =
            told.strip_prefix("serving metrics on http://").and_then(|url| url.strip_suffix("/metrics"));
        let web =
            web.and_then(|address| address.parse().ok()).unwrap_or_else(|| panic!("no address: {told}"));
        Self { child, server, web }
    }

    /// What it answers to a request: the status line, and the body.
    fn asked(&self, request: &str) -> (String, String) {
        self.asked_as("localhost", request)
    }

    /// The same by another name of it.
    fn asked_as(&self, host: &str, request: &str) -> (String, String) {
        let mut tcp = TcpStream::connect(self.web).expect("connected");
        write!(tcp, "{request} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n").expect("asked");
        let mut answer = String::new();
        tcp.read_to_string(&mut answer).expect("an answer");
        let (head, body) = answer.split_once("\r\n\r\n").expect("a body");
        (head.lines().next().expect("a status").to_owned(), body.to_owned())
    }

    /// Its metrics by name and labels.
    fn metrics(&self) -> BTreeMap<String, u64> {
        let (status, text) = self.asked("GET /metrics");
        assert_eq!(status, "HTTP/1.1 200 OK");
        let samples = text.lines().filter(|line| !line.starts_with('#'));
        let sample = |line: &str| {
            let (name, value) = line.rsplit_once(' ').expect("a sample");
            (name.to_owned(), value.parse().unwrap_or_else(|_| panic!("no number: {line}")))
        };
        samples.map(sample).collect()
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_serves_what_its_agents_report_as_metrics() {
    let folder = tempfile::tempdir().expect("folder");
    let path = |name: &str| folder.path().join(name).to_str().expect("path").to_owned();
    let (ca, dir) = (path("ca"), folder.path().join("ca"));
    let auth = |arguments: &[&str]| {
        let output = selfcheck(&[&["auth"], arguments].concat(), "");
        assert!(output.status.success(), "{}", shown(&output));
    };
    auth(&["init", "--dir", &ca]);
    let policy = folder.path().join("policy.yaml");
    std::fs::write(&policy, "targets: [{group: nobody, version: 99.0.0}]\n").expect("written");
    let serving = Serving::start(&dir, &policy);
    let mut agents = Vec::new();
    let cases = [("a1", HEALTHY), ("a2", MASKED), ("a3", "applicability: nothing updates this agent")];
    for (name, case) in cases {
        let roles = NODE.map(selfcheck_protocol::Role::name).join(",");
        auth(&["issue", "--dir", &ca, "--host-id", name, "--roles", &roles, "--out", &path(name)]);
        let mut agent = Agent::start(&serving.server, Path::new(&path(name)));
        agent.says(status(case, 1));
        agent.until_acked(1).await;
        agents.push(agent);
    }
    let asking = move || {
        let before = serving.metrics();
        assert_eq!(before["teleport_updater_reports_total{outcome=\"report\"}"], 3);
        assert_eq!(before["teleport_updater_streams_total{outcome=\"joined\"}"], 3);
        // Every series is there from the beginning, or its first change would not be seen.
        let named = |start: &str| before.keys().filter(|name| name.starts_with(start)).count();
        assert_eq!(named("teleport_updater_agents{"), 2 * Verdict::ALL.len());
        assert_eq!(named("teleport_updater_findings{"), Reason::catalogue().len() + 1);
        eventually("they count", || {
            // For fifteen seconds; asking all the time would take the processor from other tests.
            std::thread::sleep(Duration::from_millis(200));
            serving.metrics()["teleport_updater_settling_agents"] == 0
        });
        let metrics = serving.metrics();
        for (name, expected) in [
            ("teleport_updater_agents{basis=\"observed\",verdict=\"accompanied\"}", 1),
            ("teleport_updater_agents{basis=\"observed\",verdict=\"impaired\"}", 1),
            ("teleport_updater_agents{basis=\"observed\",verdict=\"unaccompanied\"}", 1),
            ("teleport_updater_agents{basis=\"claimed\",verdict=\"accompanied\"}", 0),
            ("teleport_updater_findings{reason=\"timer-masked\"}", 1),
            // The two that have an updater are in a group that the policy does not name.
            ("teleport_updater_findings{reason=\"group-unknown\"}", 2),
            ("teleport_updater_findings{reason=\"run-failed\"}", 0),
            ("teleport_updater_findings{reason=\"other\"}", 0),
            // They have not been at fault for long enough.
            ("teleport_updater_faulty_agents{fault=\"impaired\"}", 0),
            ("teleport_total_instances", 3),
            ("teleport_enrolled_in_upgrades", 2),
            ("teleport_upgrader_counts{upgrader=\"binary\",version=\"18.2.0\"}", 2),
        ] {
            assert_eq!(metrics.get(name), Some(&expected), "{name}: {metrics:#?}");
        }
        assert_eq!(metrics.keys().filter(|name| name.starts_with("teleport_upgrader_counts")).count(), 1);
        let page = include_str!("../../../docs/metrics.md");
        for name in metrics.keys().filter_map(|name| name.split('{').next()) {
            assert!(page.contains(&format!("| `{name}` |")), "{name} is in docs/metrics.md");
        }
        let is_well = ("HTTP/1.1 200 OK".to_owned(), "{\"status\":\"ok\"}".to_owned());
        assert_eq!(serving.asked("GET /healthz"), is_well);
        assert!(serving.asked("GET /readyz").1.starts_with("{\"status\":\"ok\",\"pid\":"));
        assert_eq!(serving.asked("GET /").0, "HTTP/1.1 404 Not Found");
        assert_eq!(serving.asked("POST /metrics").0, "HTTP/1.1 405 Method Not Allowed");
        // By a name that is not its own a page of somebody else's may have led a browser here.
        for host in ["evil.example", "evil.example:3080", "localhost.evil.example", "", "a b"] {
            let (status, text) = serving.asked_as(host, "GET /metrics");
            assert!(!status.contains("200") && !text.contains("teleport_"), "{host}: {status} {text}");
        }
        for host in ["127.0.0.1", "LOCALHOST:3080", "[::1]:3080"] {
            assert_eq!(serving.asked_as(host, "GET /healthz"), is_well, "{host}");
        }
        // Strangers who say nothing keep nobody waiting: more of them than there are places.
        let silent: Vec<_> = (0..200).map(|_| TcpStream::connect(serving.web).expect("connected")).collect();
        assert_eq!(serving.asked("GET /healthz"), is_well);
        drop(silent);
        let taken = serving.web.to_string();
        let output =
            selfcheck(&["auth", "serve", "--dir", &ca, "--listen", "127.0.0.1:0", "--web", &taken], "");
        let said = shown(&output);
        assert!(said.starts_with("exit 1") && said.contains("another address with `--web`"), "{said}");
    };
    tokio::task::spawn_blocking(asking).await.expect("no panic");
    for agent in agents {
        agent.end().await.expect("reported until the end");
    }
}
