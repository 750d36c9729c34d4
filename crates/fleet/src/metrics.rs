//! Metrics of a fleet, for the auth server's registry.

use std::sync::Arc;

use prometheus::IntCounterVec;
use prometheus::IntGauge;
use prometheus::IntGaugeVec;
use prometheus::Opts;
use prometheus::core::Collector;
use prometheus::core::Desc;
use prometheus::proto::MetricFamily;
use selfcheck_core::Basis;
use selfcheck_core::Reason;
use selfcheck_core::Verdict;
use selfcheck_protocol::OTHER;

use crate::Counters;
use crate::FaultKind;
use crate::FaultSummary;
use crate::Fleet;
use crate::Outcome;
use crate::Store;
use crate::Subject;
use crate::Summary;

/// What is told of the agents of one auth server when somebody collects. It has no cost before.
///
/// Every label is one of a closed set, and there is a value for each from the beginning, if only 0.
#[derive(Debug, Clone)]
pub struct FleetMetrics {
    fleet: Arc<Fleet>,
    counters: Arc<Counters>,
    descriptions: Vec<Desc>,
}

/// The metrics of one collection.
struct Values {
    agents: IntGaugeVec,
    settling: IntGauge,
    findings: IntGaugeVec,
    faulty: IntGaugeVec,
    reports: IntCounterVec,
    streams: IntCounterVec,
}

impl FleetMetrics {
    /// Those of a fleet and of what came about at its auth server, to be registered by whoever wants them.
    ///
    /// # Errors
    ///
    /// Never with the names that these metrics have; prometheus tells of invalid ones like this.
    pub fn new(fleet: Arc<Fleet>, counters: Arc<Counters>) -> Result<Self, prometheus::Error> {
        let values = Values::new()?;
        let descriptions = values.collectors().iter().flat_map(|metric| metric.desc()).cloned().collect();
        Ok(Self { fleet, counters, descriptions })
    }
}

impl Collector for FleetMetrics {
    fn desc(&self) -> Vec<&Desc> {
        self.descriptions.iter().collect()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        let Ok(values) = Values::new() else { return Vec::new() };
        values.set(&self.fleet.summary(), &self.fleet.faults(), &self.counters);
        values.collectors().iter().flat_map(|metric| metric.collect()).collect()
    }
}

impl Values {
    fn new() -> Result<Self, prometheus::Error> {
        let gauges = |name, help, labels: &[&str]| IntGaugeVec::new(Opts::new(name, help), labels);
        let counters = |name, help| IntCounterVec::new(Opts::new(name, help), &["outcome"]);
        Ok(Self {
            agents: gauges(
                "teleport_updater_agents",
                "Connected agents by verdict on their updater, and whether it was observed or is only claimed",
                &["verdict", "basis"],
            )?,
            settling: IntGauge::new(
                "teleport_updater_settling_agents",
                "Agents that have only just connected and are in no other count yet",
            )?,
            findings: gauges("teleport_updater_findings", "Connected agents by each finding", &["reason"])?,
            faulty: gauges(
                "teleport_updater_faulty_agents",
                "Agents at fault for so long that cluster alerts count them",
                &["fault"],
            )?,
            reports: counters("teleport_updater_reports_total", "What became of what agents reported")?,
            streams: counters(
                "teleport_updater_streams_total",
                "What became of streams, connections and requests",
            )?,
        })
    }

    fn collectors(&self) -> [&dyn Collector; 6] {
        [&self.agents, &self.settling, &self.findings, &self.faulty, &self.reports, &self.streams]
    }

    fn set(&self, summary: &Summary, faults: &FaultSummary, outcomes: &Counters) {
        for verdict in Verdict::ALL {
            for basis in [Basis::Observed, Basis::Claimed] {
                self.agents.with_label_values(&[verdict.code(), basis.code()]);
            }
        }
        for count in &summary.verdicts {
            let (verdict, basis) = count.of;
            self.agents.with_label_values(&[verdict.code(), basis.code()]).set(count.agents.cast_signed());
        }
        self.settling.set(summary.settling.cast_signed());
        let reason = |reason: Option<Reason>| self.findings.with_label_values(&[code(reason)]);
        reason(None);
        for entry in Reason::catalogue() {
            reason(Some(entry.reason));
        }
        for count in &summary.reasons {
            reason(count.of).set(count.agents.cast_signed());
        }
        for kind in FaultKind::ALL {
            let agents = faults.of(kind).agents;
            self.faulty.with_label_values(&[kind.code()]).set(agents.cast_signed());
        }
        for outcome in Outcome::ALL {
            let counter = match outcome.subject() {
                Subject::Report => &self.reports,
                Subject::Stream => &self.streams,
            };
            counter.with_label_values(&[outcome.word()]).inc_by(outcomes.get(*outcome));
        }
    }
}

fn code(reason: Option<Reason>) -> &'static str {
    reason.map_or(OTHER, Reason::code)
}
