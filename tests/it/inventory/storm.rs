//! What befalls a whole fleet at once, over real connections and in real time: alerts neither raise nor clear wrongly.

use std::time::Duration;

use nix::sys::resource::Resource;
use nix::sys::resource::getrlimit;
use nix::sys::resource::setrlimit;
use selfcheck_core::policy::Length;
use selfcheck_fleet::Fleet;
use selfcheck_fleet::Outcome;
use selfcheck_fleet::Store;
use selfcheck_protocol::AlertFilter;
use selfcheck_server::Inventory;
use selfcheck_server::Limits;
use selfcheck_tests::Cluster;
use selfcheck_tests::NODE;
use selfcheck_tests::Pipe;
use selfcheck_tests::available;
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio::time::interval;
use tokio::time::sleep_until;
use tokio::time::timeout;

use super::Agent;
use super::HEALTHY;
use super::MASKED;
use super::eventually;
use super::status;

const FLEET: usize = 400;
/// Those at fault, among them as many of those that vanish as of the others.
const BAD: usize = 20;
/// One in ten of all, none of them at fault.
const FLAPPING: std::ops::Range<usize> = 100..140;
/// Three in ten, also of those at fault.
const fn vanishes(number: usize) -> bool {
    number % 10 < 3
}

// What is minutes otherwise. An agent that lost its connection comes back within five seconds, which is far less than it is remembered.
const SETTLING: Duration = Duration::from_secs(1);
const HOLD_DOWN: Length = Length::seconds(4);
const LINGER: Length = Length::seconds(20);

const FAILED: &str = "runs: three failures in a row are not the network";

/// Follows the alerts, and says what became of them when.
struct Watcher {
    began: Instant,
    changes: mpsc::UnboundedReceiver<(Instant, Vec<String>)>,
    /// What is shown.
    shown: Vec<String>,
}

impl Watcher {
    fn new(inventory: Inventory<Fleet>) -> Self {
        let (sender, changes) = mpsc::unbounded_channel();
        tokio::spawn(async move {
            let mut last = Vec::new();
            let mut ticks = interval(Duration::from_millis(20));
            loop {
                ticks.tick().await;
                let alerts = inventory.alerts().list(&AlertFilter::default(), inventory.now());
                let shown: Vec<_> = alerts.into_iter().map(|alert| alert.message).collect();
                if shown != last && sender.send((Instant::now(), shown.clone())).is_err() {
                    return;
                }
                last = shown;
            }
        });
        Self { began: Instant::now(), changes, shown: Vec::new() }
    }

    /// The next change, within the patience of a test.
    async fn change(&mut self) -> Instant {
        let next = timeout(super::PATIENCE + LINGER.duration(), self.changes.recv()).await;
        let (at, shown) = next.expect("a change of the alerts").expect("watching");
        self.shown = shown;
        let text = if self.shown.is_empty() { "no alerts".to_owned() } else { self.shown.join("\n       ") };
        self.tell(at, &text);
        at
    }

    /// Nothing changes until then.
    async fn nothing_until(&mut self, end: Instant) {
        let quiet = tokio::select! {
            at = self.change() => Err(at),
            () = sleep_until(end) => Ok(()),
        };
        assert!(quiet.is_ok(), "a change of the alerts that should not be: {:?}", self.shown);
    }

    /// Those at fault, and all, by the one alert there is.
    fn counted(&self) -> (usize, usize) {
        let [message] = self.shown.as_slice() else { panic!("not one alert: {:?}", self.shown) };
        let words: Vec<_> = message.split_whitespace().collect();
        assert_eq!((words[1], words[3]), ("of", "agents"), "{message}");
        (words[0].parse().expect("a number"), words[2].parse().expect("a number"))
    }

    #[expect(clippy::print_stdout, reason = "the timeline of a test is for whoever reads its output")]
    fn tell(&self, at: Instant, what: &str) {
        println!("{:>5.1} s {what}", at.duration_since(self.began).as_secs_f32());
    }

    fn begins(&self, what: &str) {
        self.tell(Instant::now(), &format!("-- {what}"));
    }
}

/// The agents, and how often they have been told what to say.
struct Crowd {
    agents: Vec<(usize, Agent)>,
    sequence: u64,
}

impl Crowd {
    fn start(cluster: &Cluster, server: &str) -> Self {
        let agent = |number| {
            let identity = cluster.identity(&format!("a{number:03}"), NODE);
            (number, Agent::start(server, &identity))
        };
        Self { agents: (0..FLEET).map(agent).collect(), sequence: 0 }
    }

    /// Some of them say something else, which the auth server knows when this returns.
    async fn say(&mut self, who: impl Fn(usize) -> bool, case: &str) {
        self.sequence += 1;
        let status = status(case, self.sequence);
        for (_, agent) in self.agents.iter().filter(|(number, _)| who(*number)) {
            agent.says(status.clone());
        }
        for (_, agent) in self.agents.iter_mut().filter(|(number, _)| who(*number)) {
            agent.until_acked(self.sequence).await;
        }
    }

    /// Some of them disappear without a word.
    fn lose(&mut self, who: impl Fn(usize) -> bool) {
        for (_, agent) in self.agents.extract_if(.., |(number, _)| who(*number)) {
            agent.task.abort();
        }
    }
}

/// Every agent takes four descriptors here, and other tests run beside this one.
fn has_files() -> bool {
    let needed = 4 * FLEET as u64 + 1000;
    let (now, most) = getrlimit(Resource::RLIMIT_NOFILE).expect("limits");
    let allowed = if now < needed { setrlimit(Resource::RLIMIT_NOFILE, needed, most) } else { Ok(()) };
    let missing = allowed.map_err(|_| format!("only {most} are allowed"));
    available(&format!("{needed} open files"), missing)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_storm_neither_raises_nor_clears_an_alert() {
    if !has_files() {
        return;
    }
    let mut cluster = Cluster::default();
    (cluster.policy.alerts.hold_down, cluster.policy.alerts.linger) = (HOLD_DOWN, LINGER);
    cluster.counting = |fleet| fleet.settling(SETTLING).plain_run(HOLD_DOWN.duration());
    let auth = cluster.serve_with(Limits::default()).await;
    let store = || auth.inventory.store();
    let pipe = Pipe::to(auth.address).await;
    let mut watcher = Watcher::new(auth.inventory.clone());

    watcher.begins("400 agents connect, and 20 of them report a fault");
    let mut crowd = Crowd::start(&cluster, &pipe.server());
    crowd.say(|_| true, HEALTHY).await;
    eventually("all count", || store().summary().agents == FLEET as u64).await;
    crowd.say(|number| number < BAD, MASKED).await;
    watcher.change().await;
    while watcher.counted() != (BAD, FLEET) {
        watcher.change().await;
    }

    watcher.begins("every connection breaks at once");
    pipe.breaks();
    let joined = || auth.inventory.counters().get(Outcome::Joined);
    eventually("all are back", || joined() == 2 * FLEET as u64).await;
    eventually("all count again", || store().summary().agents == FLEET as u64).await;
    watcher.nothing_until(Instant::now() + HOLD_DOWN.duration() + SETTLING).await;
    assert_eq!(store().summary(), store().recount());

    watcher.begins("one in ten flaps");
    for round in 0..10 {
        crowd.say(|number| FLAPPING.contains(&number), if round % 2 == 0 { MASKED } else { HEALTHY }).await;
        watcher.nothing_until(Instant::now() + Duration::from_secs(1)).await;
    }

    watcher.begins("the runs of six in ten fail");
    let failing = |number| number >= FLEET * 4 / 10;
    crowd.say(failing, FAILED).await;
    watcher.nothing_until(Instant::now() + 2 * HOLD_DOWN.duration()).await;
    crowd.say(failing, HEALTHY).await;

    watcher.begins("three in ten vanish");
    let lost = Instant::now();
    crowd.lose(vanishes);
    let left = (BAD * 7 / 10, FLEET * 7 / 10);
    watcher.nothing_until(lost + LINGER.duration() - Duration::from_secs(2)).await;
    while watcher.counted() != left {
        watcher.change().await;
        let (bad, all) = watcher.counted();
        assert!((left.0..=BAD).contains(&bad) && (left.1..=FLEET).contains(&all), "{bad} of {all}");
    }
    assert_eq!(store().summary(), store().recount());

    watcher.begins("the others are repaired");
    crowd.say(|number| number < BAD, HEALTHY).await;
    while !watcher.shown.is_empty() {
        watcher.change().await;
    }
    watcher.nothing_until(Instant::now() + HOLD_DOWN.duration()).await;
    assert_eq!(store().recount_faults().impaired.agents, 0);
    assert_eq!(auth.inventory.counters().get(Outcome::TooFast), 0);
}
