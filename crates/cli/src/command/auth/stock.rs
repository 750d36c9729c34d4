//! Metrics under the names that a stock auth server has for the same, so that dashboards go on working. An auth server that has these itself must not
//! have them twice, which is why no library brings them.

use std::cmp::Reverse;

use prometheus::IntGauge;
use prometheus::IntGaugeVec;
use prometheus::Opts;
use prometheus::core::Collector;
use prometheus::core::Desc;
use prometheus::proto::MetricFamily;
use selfcheck_core::UpdaterKind;
use selfcheck_fleet::Fleet;
use selfcheck_fleet::Store;
use selfcheck_fleet::Summary;
use selfcheck_protocol::OTHER;
use selfcheck_server::Inventory;

/// How many updaters are told apart. Agents choose the words; stock Teleport tells all of them.
const UPDATERS: usize = 100;

/// What a stock auth server tells of its agents.
#[derive(Debug, Clone)]
pub(super) struct StockMetrics {
    inventory: Inventory<Fleet>,
    descriptions: Vec<Desc>,
}

/// The metrics of one collection.
struct Values {
    agents: IntGauge,
    enrolled: IntGauge,
    updaters: IntGaugeVec,
}

impl StockMetrics {
    pub(super) fn new(inventory: Inventory<Fleet>) -> Result<Self, prometheus::Error> {
        let values = Values::new()?;
        let descriptions = values.collectors().iter().flat_map(|metric| metric.desc()).cloned().collect();
        Ok(Self { inventory, descriptions })
    }
}

impl Collector for StockMetrics {
    fn desc(&self) -> Vec<&Desc> {
        self.descriptions.iter().collect()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        let Ok(values) = Values::new() else { return Vec::new() };
        values.set(self.inventory.store().summary());
        values.collectors().iter().flat_map(|metric| metric.collect()).collect()
    }
}

impl Values {
    fn new() -> Result<Self, prometheus::Error> {
        Ok(Self {
            agents: IntGauge::new("teleport_total_instances", "Connected agents")?,
            enrolled: IntGauge::new(
                "teleport_enrolled_in_upgrades",
                "Connected agents that name an updater, whether or not it works",
            )?,
            updaters: IntGaugeVec::new(
                Opts::new(
                    "teleport_upgrader_counts",
                    "Connected agents by kind and version of the updater they name; the rarest as `other`",
                ),
                &["upgrader", "version"],
            )?,
        })
    }

    fn collectors(&self) -> [&dyn Collector; 3] {
        [&self.agents, &self.enrolled, &self.updaters]
    }

    fn set(&self, summary: Summary) {
        self.agents.set(summary.agents.cast_signed());
        let mut updaters = summary.updaters;
        updaters.retain(|count| count.of.0.is_some());
        self.enrolled.set(updaters.iter().map(|count| count.agents).sum::<u64>().cast_signed());
        updaters.sort_by_key(|count| Reverse(count.agents));
        for (place, count) in updaters.iter().enumerate() {
            let (kind, version) = &count.of;
            let labels = if place < UPDATERS {
                [UpdaterKind::word(kind.as_ref()), version.as_str()]
            } else {
                [OTHER; 2]
            };
            self.updaters.with_label_values(&labels).add(count.agents.cast_signed());
        }
    }
}
