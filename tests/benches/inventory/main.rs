//! What an auth server costs that many agents report to, beside one in Go made of Teleport's API package. Both run in this run, with
//! the same agents, and take the same beats in turn.
#![expect(
    clippy::print_stdout,
    clippy::expect_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "a benchmark reads the clock and prints"
)]

mod agents;
mod auth;
#[path = "../figures.rs"]
mod figures;

use std::path::Path;
use std::process::Command;
use std::time::Duration;
use std::time::Instant;

use auth::Connections;
use figures::Sample;
use figures::verdict;
use nix::sys::resource::Resource;
use nix::sys::resource::getrlimit;
use nix::sys::resource::setrlimit;
use selfcheck_authority::Authority;
use selfcheck_authority::Validity;
use selfcheck_protocol::Role;
use selfcheck_tests::Counterpart;
use selfcheck_tests::interop;
use selfcheck_tests::processor_time;
use selfcheck_tests::resident;
use selfcheck_tests::wall_clock;

/// Targets of the project.
const BEATS_PER_SECOND: f64 = 50_000.0;

/// How often the beats are measured, and how many are sent each time.
const ROUNDS: usize = 10;
const BEATS: usize = 500_000;
/// Opening a hundred thousand streams takes its time.
const PATIENCE: Duration = Duration::from_secs(300);
/// What was only needed to open the streams is given back.
const SETTLING: Duration = Duration::from_secs(5);

/// How the agents are connected.
struct Shape {
    name: &'static str,
    connections: usize,
    streams: usize,
    /// The most memory that the auth server may hold.
    target_mb: f64,
}

const SHAPES: [Shape; 2] = [
    Shape { name: "100,000 streams in 400 connections", connections: 400, streams: 250, target_mb: 500.0 },
    Shape { name: "19,000 connections of one stream", connections: 19_000, streams: 1, target_mb: 700.0 },
];

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words[..] {
        [mode, dir] if mode == Connections::Own.mode() => auth::run(Connections::Own, Path::new(dir)),
        [mode, dir] if mode == Connections::Shared.mode() => auth::run(Connections::Shared, Path::new(dir)),
        [agents::MODE, dir, server, connections, streams] => {
            let number = |word: &str| word.parse().expect("a number");
            agents::run(Path::new(dir), server, number(connections), number(streams));
        }
        _ => measure(),
    }
}

fn measure() {
    let (_, most) = getrlimit(Resource::RLIMIT_NOFILE).expect("limits");
    setrlimit(Resource::RLIMIT_NOFILE, most, most).expect("as many descriptors as are allowed");
    println!("machine: {}", figures::machine());
    let dir = tempfile::tempdir().expect("folder");
    let authority = Authority::init(dir.path(), "bench.example.com", wall_clock()).expect("authority");
    let identity = dir.path().join("auth.pem");
    let hour = jiff::SignedDuration::from_hours(1);
    let validity = Validity { from: wall_clock() - hour, to: wall_clock() + hour };
    authority.issue_to(&identity, "auth-1", [Role::Auth], validity).expect("identity");
    for shape in &SHAPES {
        println!("{}, mutual TLS on loopback, every agent with a full report:", shape.name);
        compare(shape, dir.path(), &identity);
    }
}

/// One shape, on both auth servers.
fn compare(shape: &Shape, dir: &Path, identity: &Path) {
    let own = std::env::current_exe().expect("own path");
    let connections = if shape.streams == 1 { Connections::Own } else { Connections::Shared };
    let auth = Counterpart::start(Command::new(own).arg(connections.mode()).arg(dir));
    let mut ours = Side::start(auth, shape, dir);
    let mut theirs =
        interop(&["hold", identity.to_str().expect("path")]).map(|auth| Side::start(auth, shape, dir));
    verdict("  resident memory of the auth server, MB", ours.resident_mb, "at most", shape.target_mb);
    for _ in 0..ROUNDS {
        ours.round(shape);
        if let Some(theirs) = &mut theirs {
            theirs.round(shape);
        }
    }
    let ours = ours.told(shape, "this auth server");
    verdict("  beats per second", ours.beats_per_second, "at least", BEATS_PER_SECOND);
    if let Some(theirs) = theirs {
        let theirs = theirs.told(shape, "the one in Go");
        println!(
            "  of the one in Go: {:.2} of its memory, {:.2} of its beats per second, {:.2} of its processor time for a beat",
            ours.resident_mb / theirs.resident_mb,
            ours.beats_per_second / theirs.beats_per_second,
            ours.processor_us / theirs.processor_us
        );
    }
}

/// An auth server and its agents.
struct Side {
    auth: Counterpart,
    agents: Counterpart,
    resident_mb: f64,
    rounds: Vec<f64>,
    processor: Duration,
}

/// What came out for one auth server.
struct Figures {
    resident_mb: f64,
    beats_per_second: f64,
    processor_us: f64,
}

impl Shape {
    const fn agents(&self) -> usize {
        self.connections * self.streams
    }

    /// How many beats each agent sends in a round.
    const fn beats(&self) -> usize {
        BEATS.div_ceil(self.agents())
    }

    /// How many beats all of them send in a round.
    const fn all_beats(&self) -> usize {
        self.agents() * self.beats()
    }
}

impl Side {
    fn start(auth: Counterpart, shape: &Shape, dir: &Path) -> Self {
        let address = auth.tells("address");
        let own = std::env::current_exe().expect("own path");
        let mut command = Command::new(own);
        command.arg(agents::MODE).arg(dir).arg(address.as_str().expect("an address"));
        command.args([shape.connections.to_string(), shape.streams.to_string()]);
        let agents = Counterpart::start(&mut command).patiently(PATIENCE);
        let _ = agents.tells("open");
        std::thread::sleep(SETTLING);
        let resident_mb = figures::mega(resident(auth.id()));
        Self { auth, agents, resident_mb, rounds: Vec::new(), processor: Duration::ZERO }
    }

    fn heartbeats(&mut self) -> u64 {
        self.auth.write("heartbeats?");
        self.auth.tells("heartbeats").as_u64().expect("a number")
    }

    /// From the first beat sent until the auth server has taken the last.
    fn round(&mut self, shape: &Shape) {
        let wanted = self.heartbeats() + u64::try_from(shape.all_beats()).expect("a number");
        let (began, before) = (Instant::now(), processor_time(self.auth.id()));
        self.agents.write(&shape.beats().to_string());
        while self.heartbeats() < wanted {
            assert!(began.elapsed() < PATIENCE, "beats are lost");
            std::thread::sleep(Duration::from_millis(2));
        }
        self.rounds.push(began.elapsed().as_secs_f64() * 1e12 / float(shape.all_beats()));
        self.processor += processor_time(self.auth.id()).saturating_sub(before);
        let _ = self.agents.tells("sent");
    }

    fn told(self, shape: &Shape, who: &str) -> Figures {
        let sample = Sample::new(self.rounds);
        let beats = float(ROUNDS * shape.all_beats());
        let processor_us = self.processor.as_secs_f64() * 1e6 / beats;
        println!(
            "  {who}: {:.0} MB; a million beats take {sample}; {processor_us:.2} µs of processor time each",
            self.resident_mb
        );
        self.agents.end();
        self.auth.end();
        Figures { resident_mb: self.resident_mb, beats_per_second: 1e12 / sample.median(), processor_us }
    }
}

#[expect(clippy::cast_precision_loss, reason = "a number to be shown")]
const fn float(number: usize) -> f64 {
    number as f64
}
