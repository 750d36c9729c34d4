//! Agents compared with the versions they should have. An updater whose every run succeeds may still leave its agent behind, which only the auth
//! side can see.

use std::collections::BTreeMap;

use jiff::Timestamp;
use selfcheck_core::Reason;
use selfcheck_core::TeleportVersion;
use selfcheck_core::Text;
use selfcheck_core::Verdict;
use selfcheck_core::policy::UpdateTarget;

use crate::facts::Facts;
use crate::facts::Finding;
use crate::facts::Findings;
use crate::facts::Vocabulary;
use crate::facts::is_compared;
use crate::names::OTHER;

/// The group of agents that name none.
const DEFAULT: &str = "default";

/// Which versions agents should have.
#[derive(Debug, Default)]
pub(crate) struct Targets {
    groups: BTreeMap<Text, Target>,
    /// For the groups that are not named.
    others: Option<Target>,
    /// When windows end, in order.
    ends: Vec<Timestamp>,
}

#[derive(Debug, Clone)]
struct Target {
    version: TeleportVersion,
    by: Option<Timestamp>,
}

/// Up to when all update windows have been seen to end that did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ended(Timestamp);

impl Ended {
    /// Before any.
    pub(crate) const NONE: Self = Self(Timestamp::MIN);
}

impl Targets {
    pub(crate) fn new(targets: &[UpdateTarget]) -> Self {
        let target = |given: &UpdateTarget| Target { version: given.version.clone(), by: given.by };
        let mut ends: Vec<_> = targets.iter().filter_map(|target| target.by).collect();
        ends.sort_unstable();
        Self {
            groups: targets.iter().filter_map(|given| Some((given.group.clone()?, target(given)))).collect(),
            others: targets.iter().find(|given| given.group.is_none()).map(target),
            ends,
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.groups.is_empty() && self.others.is_none()
    }

    /// Which windows have ended.
    pub(crate) fn ended(&self, wall: Timestamp) -> Ended {
        let passed = self.ends.partition_point(|end| *end <= wall);
        passed.checked_sub(1).map_or(Ended::NONE, |last| Ended(self.ends[last]))
    }

    /// What is known of an agent with what comparing it finds, in place of what that found before.
    pub(crate) fn compared(&self, facts: Facts, words: &mut Vocabulary, ended: Ended) -> Facts {
        if self.is_empty() {
            return facts;
        }
        let found = words.findings.get(facts.findings);
        let has = |wanted: Reason| found.iter().any(|(reason, _)| *reason == Some(wanted));
        let was_behind = has(Reason::BehindTarget);
        let verdict = if was_behind { Verdict::Accompanied } else { facts.verdict };
        let group = words.groups.get(facts.group);
        let is_behind = verdict == Verdict::Accompanied
            && self.is_behind(words.versions.get(facts.version), group, ended);
        let has_updater = words.kinds.get(facts.kind).is_some()
            && !matches!(verdict, Verdict::Exempt | Verdict::Unsupported);
        let is_unknown = has_updater && self.is_unknown(group);
        if (is_behind, is_unknown) == (was_behind, has(Reason::GroupUnknown)) {
            return facts;
        }
        let own = found.iter().copied().filter(|finding| !is_compared(*finding));
        let all: Findings = is_behind
            .then(|| finding(Reason::BehindTarget))
            .into_iter()
            .chain(own)
            .chain(is_unknown.then(|| finding(Reason::GroupUnknown)))
            .collect();
        let findings = words.findings.exchange(facts.findings, &all);
        // Where there is no room for the reason, nobody could tell later that the verdict was found here.
        let is_told = is_behind && findings != OTHER;
        Facts { verdict: if is_told { Verdict::Impaired } else { verdict }, findings, ..facts }
    }

    fn is_behind(&self, version: &Text, group: &Text, Ended(ended): Ended) -> bool {
        let group = if group.is_empty() { DEFAULT } else { group.as_str() };
        let target = self.groups.get(&Text::new(group)).or(self.others.as_ref());
        let target = target.filter(|target| target.by.is_none_or(|by| by <= ended));
        target.is_some_and(|target| {
            version.as_str().parse::<TeleportVersion>().is_ok_and(|version| version < target.version)
        })
    }

    /// Whether groups are named and this is none of them. The default group needs no name.
    fn is_unknown(&self, group: &Text) -> bool {
        let is_named = group.is_empty() || *group == *DEFAULT || self.groups.contains_key(group);
        !self.groups.is_empty() && !is_named
    }
}

const fn finding(reason: Reason) -> Finding {
    (Some(reason), reason.entry().severity)
}
