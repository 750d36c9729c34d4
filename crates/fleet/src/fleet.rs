//! The agents of one auth server.

use std::time::Duration;

use jiff::Timestamp;
use parking_lot::RwLock;
use parking_lot::RwLockReadGuard;
use selfcheck_core::Verdict;
use selfcheck_protocol::Hello;
use selfcheck_protocol::HostMetadata;
use selfcheck_protocol::Report;
use tokio::time::Instant;

use crate::AgentRecord;
use crate::Cursor;
use crate::Farewell;
use crate::FaultSummary;
use crate::FleetConfig;
use crate::Part;
use crate::Store;
use crate::StreamId;
use crate::Summary;
use crate::registry::Place;
use crate::registry::Registry;
use crate::seat::Heard;

/// The agents of one auth server, in memory.
#[derive(Debug)]
pub struct Fleet {
    began: Instant,
    registry: RwLock<Registry>,
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
        let registry = self.registry.read();
        let now = self.now();
        if !registry.is_due(now) {
            return registry;
        }
        drop(registry);
        self.registry.write().pass(now);
        self.registry.read()
    }
}

impl Store for Fleet {
    type Place = Place;

    fn joined(&self, stream: StreamId, hello: Hello, now: Timestamp) -> Place {
        self.registry.write().joined(stream, &hello, now, self.now())
    }

    // What an agent runs on decides nothing yet.
    fn described(&self, _place: Place, _metadata: HostMetadata) {}

    fn reported(&self, place: Place, report: Report, _last_run: Option<Timestamp>, now: Timestamp) {
        self.registry.write().reported(place, report, now, self.now());
    }

    fn heard(&self, place: Place, _last_run: Option<Timestamp>, now: Timestamp) {
        let mut registry = self.registry.write();
        if registry.heard(place, now) == Heard::Beside {
            registry.goes_on_beside(place, self.now());
        }
    }

    fn left(&self, place: Place, farewell: Farewell) {
        self.registry.write().left(place, farewell, self.now());
    }

    fn len(&self) -> usize {
        self.registry.read().len()
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
