//! Metrics of one agent, for the embedder's registry.

use std::collections::BTreeSet;
use std::time::Duration;

use prometheus::Gauge;
use prometheus::Histogram;
use prometheus::HistogramOpts;
use prometheus::IntCounterVec;
use prometheus::IntGaugeVec;
use prometheus::Opts;
use prometheus::Registry;
use prometheus::core::Collector;
use prometheus::core::Desc;
use prometheus::proto::MetricFamily;
use selfcheck_core::Status;
use selfcheck_core::Verdict;
use selfcheck_core::Why;
use selfcheck_core::observation::FactName;

use crate::statuses::Published;

/// What an engine counts itself. What follows from the status is collected when somebody asks. Dropping it takes all
/// out of the registry, so that nothing is told of a self-check that has ended.
#[derive(Debug)]
pub(crate) struct Metrics {
    registry: Registry,
    status: StatusMetrics,
    duration: Histogram,
    errors: IntCounterVec,
}

impl Metrics {
    /// Registers all metrics; those of the status follow `published`.
    pub(crate) fn register(registry: &Registry, published: Published) -> Result<Self, prometheus::Error> {
        let duration = Histogram::with_opts(
            HistogramOpts::new(
                "teleport_updater_probe_duration_seconds",
                "How long looks at the updater took",
            )
            .buckets(vec![0.001, 0.002, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 3.0]),
        )?;
        let errors = IntCounterVec::new(
            Opts::new(
                "teleport_updater_probe_errors_total",
                "Looks in which something could not be seen, by why; `watch`: changes not told; `panic`: contained",
            ),
            &["kind"],
        )?;
        let status = StatusMetrics::new(published)?;
        for (registered, collector) in collectors(&status, &duration, &errors).into_iter().enumerate() {
            if let Err(error) = registry.register(collector) {
                for collector in collectors(&status, &duration, &errors).into_iter().take(registered) {
                    let _ = registry.unregister(collector); // it was registered just now
                }
                return Err(error);
            }
        }
        Ok(Self { registry: registry.clone(), status, duration, errors })
    }

    /// Counts a look.
    pub(crate) fn looked(&self, took: Duration, unseen: &[(FactName, Why)], is_told: bool) {
        self.duration.observe(took.as_secs_f64());
        // A bus that is away hides many facts, and is one error.
        let kinds: BTreeSet<_> = unseen.iter().map(|(_, why)| why.code()).collect();
        for kind in kinds.into_iter().chain((!is_told).then_some("watch")) {
            self.errors.with_label_values(&[kind]).inc();
        }
    }

    /// Counts a panic.
    pub(crate) fn panicked(&self) {
        self.errors.with_label_values(&["panic"]).inc();
    }
}

impl Drop for Metrics {
    fn drop(&mut self) {
        for collector in collectors(&self.status, &self.duration, &self.errors) {
            let _ = self.registry.unregister(collector); // somebody else may have taken it out
        }
    }
}

fn collectors(
    status: &StatusMetrics,
    duration: &Histogram,
    errors: &IntCounterVec,
) -> [Box<dyn Collector>; 3] {
    [Box::new(status.clone()), Box::new(duration.clone()), Box::new(errors.clone())]
}

/// What follows from the present status.
#[derive(Debug, Clone)]
struct StatusMetrics {
    published: Published,
    descriptions: Vec<Desc>,
}

/// The gauges of one collection.
struct Gauges {
    verdict: IntGaugeVec,
    finding: IntGaugeVec,
    last_run: Gauge,
    last_success: Gauge,
}

impl Gauges {
    fn new() -> Result<Self, prometheus::Error> {
        Ok(Self {
            verdict: IntGaugeVec::new(
                Opts::new("teleport_updater_verdict", "1 for the present verdict, 0 for the others"),
                &["verdict"],
            )?,
            finding: IntGaugeVec::new(
                Opts::new("teleport_updater_finding", "1 for each reason that holds"),
                &["reason"],
            )?,
            last_run: Gauge::new(
                "teleport_updater_last_run_timestamp_seconds",
                "When the updater last ran; absent if not known",
            )?,
            last_success: Gauge::new(
                "teleport_updater_last_success_timestamp_seconds",
                "When the updater last ran successfully; absent if not known",
            )?,
        })
    }

    fn collectors(&self) -> [&dyn Collector; 4] {
        [&self.verdict, &self.finding, &self.last_run, &self.last_success]
    }

    /// The metrics of `status`.
    fn of(self, status: &Status) -> Vec<MetricFamily> {
        for verdict in Verdict::ALL {
            let gauge = self.verdict.with_label_values(&[verdict.code()]);
            gauge.set(i64::from(*verdict == status.verdict));
        }
        for finding in &status.findings {
            self.finding.with_label_values(&[finding.reason.code()]).set(1);
        }
        let mut families = [self.verdict.collect(), self.finding.collect()].concat();
        let times = [(self.last_run, status.proof.last_run), (self.last_success, status.proof.last_success)];
        for (gauge, time) in times {
            let Some(time) = time else { continue };
            gauge.set(time.as_duration().as_secs_f64());
            families.extend(gauge.collect());
        }
        // Without a finding there is nothing to say of any.
        families.retain(|family| !family.get_metric().is_empty());
        families
    }
}

impl StatusMetrics {
    fn new(published: Published) -> Result<Self, prometheus::Error> {
        let gauges = Gauges::new()?;
        let descriptions =
            gauges.collectors().iter().flat_map(|collector| collector.desc()).cloned().collect();
        Ok(Self { published, descriptions })
    }
}

impl Collector for StatusMetrics {
    fn desc(&self) -> Vec<&Desc> {
        self.descriptions.iter().collect()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        let status = self.published.borrow().clone();
        match (status, Gauges::new()) {
            (Some(status), Ok(gauges)) => gauges.of(&status),
            // Before the first look there is nothing to say.
            _ => Vec::new(),
        }
    }
}
