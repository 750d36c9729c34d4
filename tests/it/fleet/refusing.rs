//! A store of alerts that is somebody else's, and does not always take what it is given.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use jiff::Timestamp;
use selfcheck_core::Policy;
use selfcheck_core::TeleportVersion;
use selfcheck_core::policy::Length;
use selfcheck_fleet::AcknowledgeError;
use selfcheck_fleet::Alert;
use selfcheck_fleet::AlertAck;
use selfcheck_fleet::AlertKeeper;
use selfcheck_fleet::AlertStore;
use selfcheck_fleet::Alerts;
use selfcheck_fleet::Fleet;
use selfcheck_fleet::FleetConfig;
use selfcheck_fleet::IMPAIRED;
use selfcheck_fleet::InvalidAlert;
use selfcheck_fleet::Store;
use selfcheck_fleet::StreamId;
use selfcheck_fleet::UNACCOMPANIED;
use selfcheck_protocol::AlertFilter;

use super::WALL;
use super::hello;
use super::report_of;

/// Takes no alert about agents without an updater while it is full. What others may leave to the trait is left to it.
#[derive(Debug, Default)]
struct Refusing {
    alerts: Alerts,
    is_full: AtomicBool,
}

impl AlertStore for Refusing {
    fn upsert(&self, alert: Alert, now: Timestamp) -> Result<(), InvalidAlert> {
        if alert.id == UNACCOMPANIED && self.is_full.load(Relaxed) {
            return Err(InvalidAlert::Full);
        }
        self.alerts.upsert(alert, now)
    }

    fn delete(&self, id: &str, now: Timestamp) -> bool {
        self.alerts.delete(id, now)
    }

    fn all(&self, now: Timestamp) -> Vec<Alert> {
        self.alerts.all(now)
    }

    fn acknowledge(&self, ack: AlertAck, now: Timestamp) -> Result<(), AcknowledgeError> {
        self.alerts.acknowledge(ack, now)
    }

    fn acknowledgements(&self, now: Timestamp) -> Vec<AlertAck> {
        self.alerts.acknowledgements(now)
    }

    fn clear_acknowledgements(&self, id: &str, now: Timestamp) {
        self.alerts.clear_acknowledgements(id, now);
    }
}

#[tokio::test(start_paused = true)]
async fn what_a_store_does_not_take_is_tried_again_and_keeps_nothing_else_up() {
    let mut policy = Policy::default();
    policy.alerts.hold_down = Length::seconds(0);
    let fleet = Arc::new(Fleet::new(
        FleetConfig::of(&policy, Some(&TeleportVersion::new(18, 2, 0))).settling(Duration::ZERO),
    ));
    for (stream, reason) in [(1, "no-updater"), (2, "timer-masked")] {
        let place = fleet.joined(StreamId(stream), hello(&format!("host-{stream}"), "binary"), WALL);
        fleet.reported(place, report_of(reason), None, WALL);
    }
    let store = Arc::new(Refusing::default());
    store.is_full.store(true, Relaxed);
    let alerts: Arc<dyn AlertStore> = Arc::<Refusing>::clone(&store);
    let keeping = tokio::spawn(AlertKeeper::new(&policy.alerts, None).run(fleet, alerts, || WALL));
    let shown = || {
        let alerts = store.list(&AlertFilter::default(), WALL);
        alerts.into_iter().map(|alert| alert.id).collect::<Vec<_>>()
    };
    tokio::time::sleep(Duration::from_millis(1500)).await;
    assert_eq!(shown(), [IMPAIRED]);
    store.is_full.store(false, Relaxed);
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(shown(), [IMPAIRED, UNACCOMPANIED]);
    let known = store.get(IMPAIRED, WALL).expect("raised");
    store.acknowledge(AlertAck::new(known.id, "known".to_owned(), Timestamp::MAX), WALL).expect("the first");
    assert_eq!(shown(), [UNACCOMPANIED], "whoever knows of an alert is not shown it");
    keeping.abort();
}
