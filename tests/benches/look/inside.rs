//! The measuring itself, inside the guest.

use std::collections::HashSet;
use std::process::Command;
use std::process::Stdio;
use std::time::Duration;
use std::time::Instant;

use futures_util::StreamExt;
use nix::sys::resource::UsageWho;
use nix::sys::resource::getrusage;
use selfcheck_core::Policy;
use selfcheck_core::Verdict;
use selfcheck_core::assess;
use selfcheck_probe::Probe;
use selfcheck_probe::SYSTEM_BUS;
use selfcheck_probe::Target;
use serde::Deserialize;
use serde::Serialize;
use tokio::runtime::Runtime;
use zbus::Connection;
use zbus::Message;
use zbus::MessageStream;
use zbus::message::Builder;

use crate::figures::Sample;

const ROUNDS: usize = 40;
/// Looks on a kept bus in each round.
const LOOKS: usize = 25;
/// Processes of each kind in each round.
const PROCESSES: usize = 5;
const PATIENCE: Duration = Duration::from_secs(3);

/// What was measured.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Measured {
    pub(crate) kept: Sample,
    pub(crate) raw: Sample,
    pub(crate) systemctl: Sample,
    pub(crate) command: Sample,
    pub(crate) cpu_ms: f64,
    pub(crate) peak_rss: u64,
}

pub(crate) fn run() {
    let command = ["teleport-selfcheck", "debug", "updater-status", "--format", "json"];
    // First of all, while this process, whose children start with its own peak, is still small.
    time(&command);
    let peak_rss = peak_rss_of_children();
    let systemctl = ["systemctl", "show", "teleport-update.timer", "teleport-update.service"];
    let mut looks = Looks::new();
    let mut raw = Raw::new();
    let mut measured = [const { Vec::new() }; 4];
    let mut cpu = 0.0;
    // In turn, so that what else the machine does falls on all alike.
    for _ in 0..ROUNDS {
        let [kept, asked, shown, whole] = &mut measured;
        for _ in 0..PROCESSES {
            shown.push(time(&systemctl));
            whole.push(time(&command));
        }
        let before = cpu_ms(UsageWho::RUSAGE_SELF);
        kept.extend((0..LOOKS).map(|_| looks.time()));
        cpu += cpu_ms(UsageWho::RUSAGE_SELF) - before;
        asked.extend((0..LOOKS).map(|_| raw.time()));
    }
    let [kept, raw, systemctl, command] = measured.map(Sample::new);
    #[expect(clippy::cast_precision_loss, reason = "a small number")]
    let cpu_ms = cpu / (ROUNDS * LOOKS) as f64;
    let measured = Measured { kept, raw, systemctl, command, cpu_ms, peak_rss };
    println!("{}", serde_json::to_string(&measured).expect("json"));
}

/// The CPU time of the whole command on a host with both updaters, per run, in milliseconds.
pub(crate) fn everything() {
    const RUNS: u32 = 200;
    let before = cpu_ms(UsageWho::RUSAGE_CHILDREN);
    for _ in 0..RUNS {
        let command = ["debug", "updater-status", "--format", "json"];
        let output = Command::new("teleport-selfcheck").args(command).output().expect("process");
        assert!(!output.stdout.is_empty());
    }
    println!("{}", (cpu_ms(UsageWho::RUSAGE_CHILDREN) - before) / f64::from(RUNS));
}

/// How long a look and its judgement take in a pod.
pub(crate) fn pod() {
    let mut looks = Looks::new();
    let sample = Sample::new((0..ROUNDS * LOOKS).map(|_| looks.time()).collect());
    println!("{}", serde_json::to_string(&sample).expect("json"));
}

/// Sends the questions of a look of a healthy host over one connection, and reads nothing out of the answers: what a look
/// cannot be faster than.
struct Raw {
    runtime: Runtime,
    connection: Connection,
    incoming: MessageStream,
}

impl Raw {
    fn new() -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("runtime");
        let connection = runtime.block_on(Connection::system()).expect("bus");
        let incoming = MessageStream::from(&connection);
        Self { runtime, connection, incoming }
    }

    /// How long all questions and their answers take, in microseconds.
    fn time(&mut self) -> f64 {
        let start = Instant::now();
        let questions = questions();
        self.runtime.block_on(async {
            let mut open: HashSet<_> =
                questions.iter().map(|question| question.primary_header().serial_num()).collect();
            self.connection.send_all(&questions).await.expect("sent");
            while !open.is_empty() {
                let answer = self.incoming.next().await.expect("open").expect("answer");
                if let Some(serial) = answer.header().reply_serial() {
                    open.remove(&serial);
                }
            }
        });
        micros(start)
    }
}

const SYSTEMD: &str = "org.freedesktop.systemd1";

fn call<'a>(object: &'a str, interface: &'static str, method: &'static str) -> Builder<'a> {
    Message::method_call(object, method).destination(SYSTEMD).interface(interface)
}

fn questions() -> Vec<Message> {
    const MANAGER: &str = "/org/freedesktop/systemd1";
    let unit = |name: &str| format!("{MANAGER}/unit/{}", name.replace('-', "_2d").replace('.', "_2e"));
    let names = ["teleport.service", "teleport-update.timer", "teleport-update.service"];
    let [agent, timer, service] = names.map(unit);
    let properties = "org.freedesktop.DBus.Properties";
    let all =
        names.into_iter().chain(["teleport-upgrade.timer", "teleport-upgrade.service"]).collect::<Vec<_>>();
    let listing = call(MANAGER, "org.freedesktop.systemd1.Manager", "ListUnitsByNames").build(&(all,));
    let everything = call(&timer, properties, "GetAll").build(&"");
    let single = [
        (&agent, "Service", "MainPID"),
        (&service, "Unit", "UnitFileState"),
        (&service, "Unit", "NeedDaemonReload"),
        (&service, "Service", "Result"),
        (&service, "Service", "ExecStart"),
    ];
    let single = single.map(|(object, interface, property)| {
        call(object, properties, "Get").build(&(format!("{SYSTEMD}.{interface}"), property))
    });
    [listing, everything].into_iter().chain(single).map(|question| question.expect("question")).collect()
}

/// Looks again and again on one connection.
struct Looks {
    runtime: Runtime,
    probe: Probe,
    policy: Policy,
}

impl Looks {
    fn new() -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("runtime");
        let probe = Probe::new(Target::default(), SYSTEM_BUS);
        let mut looks = Self { runtime, probe, policy: Policy::default() };
        looks.time(); // opens the connection
        looks
    }

    /// How long a look and its judgement take, in microseconds.
    fn time(&mut self) -> f64 {
        let start = Instant::now();
        let observation = self.runtime.block_on(self.probe.look(PATIENCE));
        let status = assess(&observation, &self.policy, observation.clock);
        let took = micros(start);
        assert_eq!(status.verdict, Verdict::Accompanied, "{:?}", status.findings);
        took
    }
}

/// How long a process takes to run and be read, in microseconds.
pub(crate) fn time(argv: &[&str]) -> f64 {
    let start = Instant::now();
    let output = Command::new(argv[0]).args(&argv[1..]).stdin(Stdio::null()).output().expect("process");
    let took = micros(start);
    assert!(output.status.success() && !output.stdout.is_empty(), "{argv:?}");
    took
}

fn micros(start: Instant) -> f64 {
    start.elapsed().as_secs_f64() * 1e6
}

fn cpu_ms(of: UsageWho) -> f64 {
    let usage = getrusage(of).expect("usage");
    let time = |value: nix::sys::time::TimeVal| {
        let seconds = i32::try_from(value.tv_sec()).expect("small");
        let micros = i32::try_from(value.tv_usec()).expect("small");
        f64::from(seconds) * 1e3 + f64::from(micros) / 1e3
    };
    time(usage.user_time()) + time(usage.system_time())
}

fn peak_rss_of_children() -> u64 {
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN).expect("usage");
    u64::try_from(usage.max_rss()).expect("positive") * 1024
}
