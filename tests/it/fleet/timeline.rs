//! A fleet under paused time with its alerts, and what became of them when.

use std::time::Duration;

use jiff::SignedDuration;
use jiff::Timestamp;
use selfcheck_core::Policy;
use selfcheck_core::TeleportVersion;
use selfcheck_core::policy::AlertPolicy;
use selfcheck_core::policy::UpdateTarget;
use selfcheck_fleet::Alert;
use selfcheck_fleet::AlertKeeper;
use selfcheck_fleet::AlertStore;
use selfcheck_fleet::Alerts;
use selfcheck_fleet::Farewell;
use selfcheck_fleet::Fleet;
use selfcheck_fleet::FleetConfig;
use selfcheck_fleet::Place;
use selfcheck_fleet::Store;
use selfcheck_fleet::StreamId;
use selfcheck_protocol::AlertFilter;
use selfcheck_protocol::Hello;
use selfcheck_protocol::Report;
use tokio::time::Instant;

use super::WALL;

/// A fleet, its alerts, and a protocol of what became of them.
pub(super) struct Timeline {
    pub(super) fleet: Fleet,
    pub(super) alerts: Alerts,
    keeper: AlertKeeper,
    began: Instant,
    streams: u64,
    shown: Vec<(&'static str, String)>,
    /// Each change of what is shown.
    pub(super) protocol: Vec<String>,
}

impl Timeline {
    pub(super) fn new(policy: &AlertPolicy) -> Self {
        Self::with_targets(policy, Vec::new())
    }

    pub(super) fn with_targets(policy: &AlertPolicy, targets: Vec<UpdateTarget>) -> Self {
        let mut whole = Policy::default();
        whole.alerts = policy.clone();
        whole.targets = targets;
        Self {
            keeper: AlertKeeper::new(policy, None),
            fleet: Fleet::new(FleetConfig::of(&whole, Some(&TeleportVersion::new(18, 2, 0)))),
            alerts: Alerts::default(),
            began: Instant::now(),
            streams: 0,
            shown: Vec::new(),
            protocol: Vec::new(),
        }
    }

    pub(super) fn now(&self) -> Timestamp {
        WALL + SignedDuration::try_from(self.began.elapsed()).expect("a span")
    }

    pub(super) fn joins(&mut self, hello: Hello) -> Place {
        self.streams += 1;
        self.fleet.joined(StreamId(self.streams), hello, self.now())
    }

    pub(super) fn reports(&self, place: Place, report: &Report) {
        self.fleet.reported(place, report.clone(), None, self.now());
    }

    pub(super) fn vanishes(&self, place: Place) {
        self.fleet.left(place, Farewell::None);
    }

    /// Time passes second by second, as the keeper sees it.
    pub(super) async fn passes(&mut self, time: Duration) {
        for _ in 0..time.as_secs() {
            tokio::time::advance(Duration::from_secs(1)).await;
            self.keep();
        }
    }

    pub(super) fn keep(&mut self) {
        self.keeper.keep(&self.fleet.faults(), &self.alerts, self.now()).expect("valid alerts");
        let shown: Vec<_> = self.shown().into_iter().map(|alert| (name(&alert.id), alert.message)).collect();
        if shown != self.shown {
            let at = self.began.elapsed().as_secs();
            let told = shown.iter().map(|(id, message)| format!("{id}: {message}")).collect::<Vec<_>>();
            let told = if told.is_empty() { "no alerts".to_owned() } else { told.join("\n      ") };
            self.protocol.push(format!("{:>3}:{:02} {told}", at / 60, at % 60));
            self.shown = shown;
        }
    }

    /// The alerts that people see.
    pub(super) fn shown(&self) -> Vec<Alert> {
        self.alerts.list(&AlertFilter::default(), self.now())
    }

    /// The message of an alert that people see.
    pub(super) fn message(&self, id: &str) -> Option<String> {
        self.shown().into_iter().find(|alert| alert.id == id).map(|alert| alert.message)
    }

    /// How often what is shown has changed so far.
    pub(super) const fn changes(&self) -> usize {
        self.protocol.len()
    }
}

#[expect(clippy::print_stdout, reason = "the protocol of a test is for whoever reads its output")]
impl Drop for Timeline {
    fn drop(&mut self) {
        for line in &self.protocol {
            println!("{line}");
        }
    }
}

fn name(id: &str) -> &'static str {
    [selfcheck_fleet::UNACCOMPANIED, selfcheck_fleet::IMPAIRED, selfcheck_fleet::UNVERIFIED]
        .into_iter()
        .find(|known| *known == id)
        .expect("an alert of ours")
}
