//! The agents of one auth server.

use std::sync::PoisonError;
use std::sync::RwLock;
use std::sync::RwLockReadGuard;
use std::sync::RwLockWriteGuard;
use std::time::Duration;

use jiff::Timestamp;
use selfcheck_core::Policy;
use selfcheck_core::Verdict;
use selfcheck_core::policy::UpdateTarget;
use selfcheck_protocol::Hello;
use selfcheck_protocol::HostMetadata;
use selfcheck_protocol::Report;
use tokio::time::Instant;

use crate::AgentRecord;
use crate::Cursor;
use crate::Farewell;
use crate::FaultSummary;
use crate::Part;
use crate::Store;
use crate::StreamId;
use crate::Summary;
use crate::registry::Place;
use crate::registry::Registry;
use crate::rivals::Heard;
use crate::rules::FaultRules;

/// How long an agent has to be connected before it counts.
const SETTLING: Duration = Duration::from_secs(15);
/// How long the next process of an agent is awaited that reloads.
const HAND_OVER: Duration = Duration::from_secs(60);

/// The agents of one auth server, in memory.
#[derive(Debug)]
pub struct Fleet {
    began: Instant,
    registry: RwLock<Registry>,
}

/// How a fleet counts.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use = "a fleet is made of it"]
pub struct FleetConfig {
    pub(crate) settling: Duration,
    pub(crate) hand_over: Duration,
    /// Of how many agents that need a person the whole report is kept; of the others only what is counted by.
    pub(crate) reports: usize,
    /// When a fault counts for an alert.
    pub(crate) faults: FaultRules,
    /// Which versions agents should have.
    pub(crate) targets: Vec<UpdateTarget>,
}

impl FleetConfig {
    /// As a policy has it, for an auth server of this version, which agents are compared with.
    pub fn of(policy: &Policy, version: &str) -> Self {
        Self {
            settling: SETTLING,
            hand_over: HAND_OVER,
            reports: usize::try_from(policy.limits.agents_in_full).unwrap_or(usize::MAX),
            faults: FaultRules::new(&policy.alerts, version),
            targets: policy.targets.clone(),
        }
    }

    /// How long an agent has to be connected before it counts. Default: 15 s.
    pub fn settling(self, settling: Duration) -> Self {
        Self { settling, ..self }
    }

    /// How long the next process of an agent is awaited that reloads. Default: 60 s.
    pub fn hand_over(self, hand_over: Duration) -> Self {
        Self { hand_over, ..self }
    }

    /// How long an updater must have failed in a plain way before it counts for an alert: it may be the network, and the next
    /// runs tell. Default: 18 min, three periods of the updater's timer.
    pub fn plain_run(mut self, plain_run: Duration) -> Self {
        self.faults.plain_run = plain_run;
        self
    }

    /// How long nothing must have been known of an agent before it counts for an alert. Default: 24 h.
    pub fn unknown(mut self, unknown: Duration) -> Self {
        self.faults.unknown = unknown;
        self
    }
}

/// That of the usual policy, for an auth server of no version.
impl Default for FleetConfig {
    fn default() -> Self {
        Self::of(&Policy::default(), "")
    }
}

impl Default for Fleet {
    fn default() -> Self {
        Self::new(FleetConfig::default())
    }
}

impl Fleet {
    /// No agents yet.
    pub fn new(config: FleetConfig) -> Self {
        Self { began: Instant::now(), registry: RwLock::new(Registry::new(config)) }
    }

    /// The counts anew, from every single agent. It takes time in proportion to the fleet, and is there to check the others by.
    pub fn recount(&self) -> Summary {
        self.passed().recount()
    }

    /// How many agents are at fault for so long that an alert is due. Like the summary it costs the same for a fleet of any size.
    pub fn faults(&self) -> FaultSummary {
        self.passed().faults()
    }

    /// The same anew, from every single agent.
    pub fn recount_faults(&self) -> FaultSummary {
        self.passed().recount_faults()
    }

    fn now(&self) -> Duration {
        self.began.elapsed()
    }

    /// After what has become due. Whoever reads waits for that only if there is something.
    fn passed(&self) -> RwLockReadGuard<'_, Registry> {
        let registry = self.read();
        let now = self.now();
        if !registry.is_due(now) {
            return registry;
        }
        drop(registry);
        self.write().pass(now);
        self.read()
    }

    // Nothing that holds the lock can panic half-way.
    fn read(&self) -> RwLockReadGuard<'_, Registry> {
        self.registry.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Registry> {
        self.registry.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Store for Fleet {
    type Place = Place;

    fn joined(&self, stream: StreamId, hello: Hello, now: Timestamp) -> Place {
        self.write().joined(stream, &hello, now, self.now())
    }

    // What an agent runs on decides nothing yet.
    fn described(&self, _place: Place, _metadata: HostMetadata) {}

    fn reported(&self, place: Place, report: Report, _last_run: Option<Timestamp>, now: Timestamp) {
        self.write().reported(place, report, now, self.now());
    }

    fn heard(&self, place: Place, _last_run: Option<Timestamp>, now: Timestamp) {
        let mut registry = self.write();
        if registry.heard(place, now) == Heard::Beside {
            registry.goes_on_beside(place, self.now());
        }
    }

    fn left(&self, place: Place, farewell: Farewell) {
        self.write().left(place, farewell, self.now());
    }

    fn len(&self) -> usize {
        self.read().len()
    }

    fn summary(&self) -> Summary {
        self.passed().summary()
    }

    fn find(&self, host_id: &str) -> Option<AgentRecord> {
        self.passed().find(host_id)
    }

    fn part(&self, from: Cursor, only: Option<Verdict>, most: usize) -> Part {
        self.passed().part(from, only, most)
    }
}
