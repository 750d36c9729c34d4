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
use crate::FaultRules;
use crate::FaultSummary;
use crate::Part;
use crate::Store;
use crate::StreamId;
use crate::Summary;
use crate::registry::Place;
use crate::registry::Registry;
use crate::rivals::Heard;

/// The agents of one auth server, in memory.
#[derive(Debug)]
pub struct Fleet {
    began: Instant,
    registry: RwLock<Registry>,
}

/// How a fleet counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FleetConfig {
    /// How long an agent has to be connected before it counts.
    pub settling: Duration,
    /// How long the next process of an agent is awaited that reloads.
    pub hand_over: Duration,
    /// Of how many agents that need a person the whole report is kept; of the others only what is counted by.
    pub reports: usize,
    /// When a fault counts for an alert.
    pub faults: FaultRules,
    /// Which versions agents should have.
    pub targets: Vec<UpdateTarget>,
}

impl FleetConfig {
    /// As a policy has it, for an auth server of this version.
    pub fn of(policy: &Policy, version: &str) -> Self {
        Self {
            reports: usize::try_from(policy.limits.agents_in_full).unwrap_or(usize::MAX),
            faults: FaultRules::new(&policy.alerts, version),
            targets: policy.targets.clone(),
            ..Self::default()
        }
    }
}

impl Default for FleetConfig {
    fn default() -> Self {
        Self {
            settling: Duration::from_secs(15),
            hand_over: Duration::from_secs(60),
            reports: 10_000,
            faults: FaultRules::default(),
            targets: Vec::new(),
        }
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
