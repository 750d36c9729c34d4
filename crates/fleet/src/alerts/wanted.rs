//! Which alerts there should be.

use std::collections::BTreeMap;

use selfcheck_core::ProxyAddr;
use selfcheck_core::policy::AlertPolicy;
use selfcheck_core::policy::AlertSeverity;

use crate::FaultSummary;
use crate::Faulty;
use crate::labels;

use super::message::Words;
use super::message::message;

/// The alert of agents without an updater.
pub const UNACCOMPANIED: &str = "updater-unaccompanied-agents";
/// The alert of agents whose updater does not work.
pub const IMPAIRED: &str = "updater-impaired-agents";
/// The alert of agents of which nobody can tell.
pub const UNVERIFIED: &str = "updater-unverified-agents";

/// All alerts that are raised here.
pub(super) const IDS: [&str; 3] = [UNACCOMPANIED, IMPAIRED, UNVERIFIED];

/// Teleport's own alert of agents that are not enrolled, for which ours speaks.
const STOCK: &str = "auto-upgrade-enroll";
/// Where to read on.
const DOCS: &str = "https://goteleport.com/docs/upgrading/agent-managed-updates/";
/// The words of that link. Old auth servers take no upper case and no blanks in a label, new ones nothing but those and letters
/// here.
const LINK_TEXT: &str = "documentation";
/// More agents than this are unknown, or more than this share in percent: then it is worth a notice.
const UNKNOWN: (u64, u64) = (50, 5);

/// How alerts are worded and to whom they are shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct AlertRules {
    /// The usual severity; where an agent is a major version behind it is high.
    pub(super) severity: AlertSeverity,
    /// Who sees them, as `kind:verb`.
    pub(super) verb_permit: String,
    /// The cluster's proxy, from which updaters are installed.
    pub(super) proxy: Option<ProxyAddr>,
}

impl AlertRules {
    /// Those of a policy.
    pub(super) fn new(policy: &AlertPolicy, proxy: Option<ProxyAddr>) -> Self {
        Self { severity: policy.severity, verb_permit: policy.verb_permit.to_string(), proxy }
    }
}

/// An alert that there should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Wanted {
    pub(super) id: &'static str,
    pub(super) severity: AlertSeverity,
    pub(super) message: String,
    pub(super) labels: BTreeMap<String, String>,
    pub(super) agents: u64,
}

/// The alerts that follow from the counts, `of` so many agents that an updater is meant for.
pub(super) fn wanted(faults: &FaultSummary, of: u64, rules: &AlertRules) -> Vec<Wanted> {
    let FaultSummary { unaccompanied, impaired, unknown, .. } = faults;
    let all = of.saturating_add(unknown.agents);
    let (many, percent) = UNKNOWN;
    let is_notable =
        unknown.agents > many || unknown.agents.saturating_mul(100) > all.saturating_mul(percent);
    [
        (UNACCOMPANIED, unaccompanied, of, unaccompanied.agents > 0),
        (IMPAIRED, impaired, of, impaired.agents > 0),
        (UNVERIFIED, unknown, all, is_notable),
    ]
    .into_iter()
    .filter(|(.., is_wanted)| *is_wanted)
    .map(|(id, faulty, of, _)| Wanted {
        id,
        severity: severity(id, faulty, rules),
        message: message(&words(id), faulty, of.max(faulty.agents), rules.proxy.as_ref()),
        labels: labels_of(id, rules),
        agents: faulty.agents,
    })
    .collect()
}

fn severity(id: &str, faulty: &Faulty, rules: &AlertRules) -> AlertSeverity {
    match id {
        UNVERIFIED => AlertSeverity::Low,
        _ if faulty.behind > 0 => AlertSeverity::High,
        _ => rules.severity,
    }
}

fn words(id: &str) -> Words {
    let (what, list) = match id {
        UNACCOMPANIED => ("have no updater", "teleport-selfcheck inventory ls --verdict unaccompanied"),
        IMPAIRED => (
            "have an updater that does not update them",
            "teleport-selfcheck inventory ls --verdict impaired",
        ),
        _ => (
            "have not told for a day whether an updater accompanies them",
            "teleport-selfcheck inventory ls --verdict unknown",
        ),
    };
    Words { what, list }
}

fn labels_of(id: &str, rules: &AlertRules) -> BTreeMap<String, String> {
    let supersedes = (id == UNACCOMPANIED).then_some((labels::SUPERSEDES, STOCK));
    [
        (labels::ON_LOGIN, "yes"),
        (labels::VERB_PERMIT, &rules.verb_permit),
        (labels::LINK, DOCS),
        (labels::LINK_TEXT, LINK_TEXT),
    ]
    .into_iter()
    .chain(supersedes)
    .map(|(key, value)| (key.to_owned(), value.to_owned()))
    .collect()
}
