//! An ordinary agent that goes on while others attack, and what the attacked process takes meanwhile.

use std::cell::Cell;
use std::fmt;
use std::fs;
use std::future::Future;
use std::path::PathBuf;
use std::time::Duration;
use std::time::Instant;

use selfcheck_protocol::wire::proto::InventoryHeartbeat;
use selfcheck_protocol::wire::proto::downstream_inventory_one_of::Msg as Down;
use selfcheck_protocol::wire::proto::upstream_inventory_one_of::Msg as Up;
use selfcheck_protocol::wire::teleport::selfcheck::v1::Report;
use selfcheck_protocol::wire::teleport::selfcheck::v1::UpdaterSelfCheck;
use selfcheck_tests::resident;
use selfcheck_tests::wire::Raw;
use selfcheck_tests::wire::hello;
use tokio::time::timeout;

use crate::arena::Arena;

/// How many agents join in turn, so that none does so more often than agents do.
const AGENTS: usize = 24;
/// How long the witness waits between what it does.
const REST: Duration = Duration::from_millis(200);
const BURST: usize = 40;

/// What holds during an attack.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    /// More memory than before, in megabytes.
    pub(crate) megabytes: f64,
    /// Descriptors in all.
    pub(crate) descriptors: usize,
    /// How long the witness waits for anything.
    pub(crate) wait: Duration,
}

impl fmt::Display for Bounds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.0} MB {} fds {} s", self.megabytes, self.descriptors, self.wait.as_secs())
    }
}

/// What was seen.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Seen {
    megabytes: f64,
    descriptors: usize,
    join: Duration,
    beat: Duration,
    rounds: usize,
    /// What the witness waited for in vain.
    lost: usize,
}

impl fmt::Display for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { megabytes, descriptors, rounds, .. } = self;
        let (join, beat) = (self.join.as_millis(), self.beat.as_millis());
        write!(
            f,
            "+{megabytes:.1} MB, {descriptors} fds, {rounds} joins and beats in at most {join} and {beat} ms"
        )
    }
}

impl Seen {
    pub(crate) fn within(&self, bounds: &Bounds) -> Result<String, String> {
        let is_within = self.megabytes <= bounds.megabytes
            && self.descriptors <= bounds.descriptors
            && self.join.max(self.beat) <= bounds.wait
            && self.rounds > 0;
        match self.lost {
            0 if is_within => Ok(String::new()),
            0 => Err("a bound is broken".to_owned()),
            lost => Err(format!("the witness was not served {lost} times")),
        }
    }
}

/// An ordinary agent, and others that join.
pub(crate) struct Witness {
    stream: Raw,
    sequence: u64,
    others: Vec<PathBuf>,
    before: u64,
}

impl Witness {
    pub(crate) async fn new(arena: &Arena) -> Self {
        let others = (0..AGENTS).map(|number| arena.agent(&format!("ordinary-{number}"))).collect();
        let stream = join(arena, &arena.agent("witness"), "witness").await.expect("the witness joins");
        Self { stream, sequence: 0, others, before: resident(arena.process()) }
    }

    /// Goes on until `attack` is over.
    pub(crate) async fn watch<T>(
        mut self,
        arena: &Arena,
        bounds: &Bounds,
        attack: impl Future<Output = T>,
    ) -> (Seen, T) {
        let mut seen = Seen::default();
        let is_over = Cell::new(false);
        let attacked = async {
            let came = attack.await;
            is_over.set(true);
            came
        };
        let going_on = async {
            while !is_over.get() || seen.rounds == 0 {
                self.round(arena, bounds, &mut seen).await;
                // A report is allowed so often at once, and then one a second.
                let rest = if seen.rounds < BURST { REST } else { Duration::from_secs(1) };
                tokio::time::sleep(rest).await;
            }
        };
        let (came, ()) = futures_util::future::join(attacked, going_on).await;
        (seen, came)
    }

    async fn round(&mut self, arena: &Arena, bounds: &Bounds, seen: &mut Seen) {
        let number = seen.rounds % AGENTS;
        let began = Instant::now();
        let name = format!("ordinary-{number}");
        let joining = join(arena, &self.others[number], &name);
        let joined = timeout(bounds.wait, joining).await;
        seen.join = seen.join.max(began.elapsed());
        let began = Instant::now();
        let beat = timeout(bounds.wait, self.report()).await;
        seen.beat = seen.beat.max(began.elapsed());
        if !matches!(joined, Ok(Ok(_))) || beat != Ok(true) {
            seen.lost += 1;
            let joined = joined.map(|joined| joined.map(|_| ()));
            eprintln!("the witness was not served: joined {joined:?}, acknowledged {beat:?}");
        }
        seen.rounds += 1;
        #[expect(clippy::cast_precision_loss, reason = "megabytes of a process")]
        let more = resident(arena.process()).saturating_sub(self.before) as f64 / 1e6;
        seen.megabytes = seen.megabytes.max(more);
        seen.descriptors = seen.descriptors.max(descriptors(arena.process()));
    }

    /// Reports, and waits until that is acknowledged.
    async fn report(&mut self) -> bool {
        self.sequence += 1;
        let report = Report { verdict: 1, ..Report::default() };
        let check = UpdaterSelfCheck { sequence: self.sequence, last_run: 0, report: Some(report) };
        self.stream.send(Up::Heartbeat(InventoryHeartbeat { self_check: Some(check) })).await;
        loop {
            match self.stream.next().await {
                Ok(Some(Down::SelfCheck(down))) => return down.acked == self.sequence,
                Ok(Some(_)) => {}
                Ok(None) | Err(_) => return false,
            }
        }
    }
}

/// A stream after its Hellos.
pub(crate) async fn join(
    arena: &Arena,
    identity: &std::path::Path,
    host_id: &str,
) -> Result<Raw, tonic::Status> {
    join_at(&arena.server(), identity, host_id).await
}

/// The same where the auth server is reached at another address.
pub(crate) async fn join_at(
    server: &str,
    identity: &std::path::Path,
    host_id: &str,
) -> Result<Raw, tonic::Status> {
    let mut stream = Raw::to(server, identity).await?;
    stream.send(Up::Hello(hello(host_id))).await;
    match stream.next().await? {
        Some(Down::Hello(_)) => Ok(stream),
        other => Err(tonic::Status::internal(format!("no Hello but {other:?}"))),
    }
}

/// How many descriptors a process has.
pub(crate) fn descriptors(process: u32) -> usize {
    fs::read_dir(format!("/proc/{process}/fd")).map_or(0, Iterator::count)
}
