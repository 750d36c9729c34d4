//! What listing a large fleet costs that a stock auth server keeps: how soon the first row is there, and how much memory it
//! takes.
#![expect(
    clippy::print_stdout,
    clippy::expect_used,
    clippy::disallowed_methods,
    reason = "a benchmark reads the clock and prints"
)]

#[path = "../figures.rs"]
mod figures;

use std::io::BufRead;
use std::io::BufReader;
use std::path::Path;
use std::process::Command;
use std::process::Stdio;
use std::time::Instant;

use figures::Sample;
use figures::mega;
use figures::verdict;
use selfcheck_protocol::wire::proto::UpstreamInventoryHello;
use selfcheck_protocol::wire::types;
use selfcheck_tests::ClusterCa;
use selfcheck_tests::KeyKind;
use selfcheck_tests::Release;
use selfcheck_tests::StockAuth;
use selfcheck_tests::Who;
use selfcheck_tests::binary;

/// Targets of the project.
const FIRST_ROW_MS: f64 = 200.0;

const AGENTS: usize = 100_000;
const ROUNDS: usize = 20;
/// The headings and the line below them.
const HEAD: usize = 2;

fn main() {
    let runtime = tokio::runtime::Runtime::new().expect("runtime");
    println!("machine: {}", figures::machine());
    println!(
        "`inventory ls` of {AGENTS} instances of a stand-in for a stock auth server, mutual TLS on loopback:"
    );
    let folder = tempfile::tempdir().expect("folder");
    let ca = ClusterCa::new("bench.example.com");
    for release in Release::ALL {
        let auth = runtime.block_on(StockAuth::start(&ca.auth_server(), release));
        fill(&auth);
        let identity = folder.path().join("admin.pem");
        let text = format!("{}{}", ca.issue(Who::Admin, KeyKind::P256), ca.pem());
        std::fs::write(&identity, text).expect("written");
        measure(release, &auth.server(), &identity, folder.path());
    }
}

/// A fleet whose agents are kept and connected.
fn fill(auth: &StockAuth) {
    let mut state = auth.state();
    for number in 0..AGENTS {
        let id = format!("00000000-0000-4000-8000-{number:012}");
        let hostname = format!("ip-{number}.eu-central-1.compute.internal");
        let (version, upgrader) =
            if number.is_multiple_of(3) { ("17.5.2", "") } else { ("18.2.0", "binary") };
        let updater_version = if upgrader.is_empty() { String::new() } else { format!("v{version}") };
        let info = (!upgrader.is_empty()).then(|| types::UpdaterV2Info {
            update_group: "default".to_owned(),
            updater_status: types::UpdaterStatus::Ok.into(),
            ..types::UpdaterV2Info::default()
        });
        let services = vec!["Node".to_owned()];
        state.connected.push(UpstreamInventoryHello {
            version: version.to_owned(),
            server_id: id.clone(),
            services: services.clone(),
            hostname: hostname.clone(),
            external_upgrader: upgrader.to_owned(),
            external_upgrader_version: updater_version.clone(),
            updater_info: info.clone(),
        });
        state.instances.push(types::InstanceV1 {
            header: Some(types::ResourceHeader {
                metadata: Some(types::Metadata { name: id, ..types::Metadata::default() }),
                ..types::ResourceHeader::default()
            }),
            spec: Some(types::InstanceSpecV1 {
                version: format!("v{version}"),
                services,
                hostname,
                external_upgrader: upgrader.to_owned(),
                external_upgrader_version: updater_version,
                updater_info: info,
                ..types::InstanceSpecV1::default()
            }),
        });
    }
}

fn measure(release: Release, server: &str, identity: &Path, folder: &Path) {
    let (mut first, mut all) = (Vec::new(), Vec::new());
    let peak = folder.join("peak");
    for _ in 0..ROUNDS {
        let began = Instant::now();
        let mut child = Command::new(binary("peak-memory"))
            .arg(&peak)
            .arg(binary("teleport-selfcheck"))
            .args(["inventory", "ls", "--auth-server", server, "-i"])
            .arg(identity)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("it runs");
        let mut rows = 0;
        for line in BufReader::new(child.stdout.take().expect("output")).lines() {
            line.expect("a line");
            rows += 1;
            if rows == HEAD + 1 {
                first.push(began.elapsed().as_secs_f64() * 1e6);
            }
        }
        all.push(began.elapsed().as_secs_f64() * 1e6);
        assert!(child.wait().expect("it ends").success() && rows == HEAD + AGENTS, "{rows} rows");
    }
    let (first, all) = (Sample::new(first), Sample::new(all));
    let peak: u64 = std::fs::read_to_string(&peak).expect("peak").parse().expect("a number");
    println!("  {}: first row {first}; all rows {all}; peak memory {:.0} MB", release.version(), mega(peak));
    verdict("  first row, ms", first.median() / 1e3, "at most", FIRST_ROW_MS);
}
