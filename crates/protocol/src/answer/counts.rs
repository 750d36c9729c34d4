//! How many agents of which kind there are.

use std::collections::BTreeMap;

use selfcheck_core::Basis;
use selfcheck_core::Text;
use selfcheck_core::Verdict;

use crate::basis_from_wire;
use crate::verdict_from_wire;
use crate::wire::proto::InventoryStatusSummary;
use crate::wire::teleport::selfcheck::v1 as wire;

/// So many agents.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Count<T> {
    /// Of this kind.
    pub of: T,
    /// How many.
    pub agents: u64,
}

/// How many agents are in which verdict, as an auth server with this project's extension tells. Words that it uses and this
/// version does not know are told as they are.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct FleetSummary {
    /// The agents counted.
    pub agents: u64,
    /// Those that have only just come.
    pub settling: u64,
    /// By verdict and the ground it stands on. A verdict that this version does not know counts as unknown.
    pub verdicts: Vec<Count<(Verdict, Basis)>>,
    /// By the code of each of their findings.
    pub reasons: Vec<Count<Text>>,
    /// By the kind of their updater; empty for none.
    pub kinds: Vec<Count<Text>>,
    /// By Teleport version.
    pub versions: Vec<Count<Text>>,
    /// By update group; empty for none.
    pub groups: Vec<Count<Text>>,
    /// By each of their services.
    pub services: Vec<Count<Text>>,
}

/// How many instances of which kind a stock auth server counts.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct InventoryCounts {
    /// All of them.
    pub instances: u32,
    /// By Teleport version.
    pub versions: BTreeMap<Text, u32>,
    /// By the kind of their updater; empty for none.
    pub upgraders: BTreeMap<Text, u32>,
    /// By each of their services.
    pub services: BTreeMap<Text, u32>,
}

impl FleetSummary {
    /// The summary of a message.
    pub fn from_wire(summary: &wire::GetSummaryResponse) -> Self {
        let verdicts = summary.verdicts.iter().map(|count| {
            let verdict = verdict_from_wire(count.verdict()).unwrap_or(Verdict::Unknown);
            Count { of: (verdict, basis_from_wire(count.basis())), agents: count.agents }
        });
        Self {
            agents: summary.agents,
            settling: summary.settling,
            verdicts: verdicts.collect(),
            reasons: named(&summary.reasons),
            kinds: named(&summary.kinds),
            versions: named(&summary.versions),
            groups: named(&summary.groups),
            services: named(&summary.services),
        }
    }
}

fn named(counts: &[wire::NamedCount]) -> Vec<Count<Text>> {
    counts.iter().map(|count| Count { of: Text::words(&count.name), agents: count.agents }).collect()
}

impl InventoryCounts {
    /// The counts of a message.
    pub fn from_wire(summary: InventoryStatusSummary) -> Self {
        Self {
            instances: summary.instance_count,
            versions: words(summary.version_counts),
            upgraders: words(summary.upgrader_counts),
            services: words(summary.service_counts),
        }
    }
}

/// Agents chose these words, and two may be one when made printable.
fn words(counts: impl IntoIterator<Item = (String, u32)>) -> BTreeMap<Text, u32> {
    let mut clean = BTreeMap::new();
    for (word, count) in counts {
        let sum: &mut u32 = clean.entry(Text::words(&word)).or_default();
        *sum = sum.saturating_add(count);
    }
    clean
}
