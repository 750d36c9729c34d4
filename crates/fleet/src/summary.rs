//! How many agents of which kind there are.

use selfcheck_core::Basis;
use selfcheck_core::Reason;
use selfcheck_core::Text;
use selfcheck_core::UpdaterKind;
use selfcheck_core::Verdict;
use selfcheck_protocol::Count;
use selfcheck_protocol::OTHER;
use selfcheck_protocol::RemedyGroup;
use selfcheck_protocol::Role;
use selfcheck_protocol::basis_to_wire;
use selfcheck_protocol::verdict_to_wire;
use selfcheck_protocol::wire::teleport::selfcheck::v1 as wire;

/// How many agents of which kind there are. Agents that have only just come are `settling` and nowhere else. Only kinds that
/// there are agents of are listed; where there are more than can be told apart, the rest counts as `other`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Summary {
    /// The agents counted.
    pub agents: u64,
    /// Those that have only just come.
    pub settling: u64,
    /// By verdict and the ground it stands on.
    pub verdicts: Vec<Count<(Verdict, Basis)>>,
    /// By each of their findings; `None` is one that this version does not know.
    pub reasons: Vec<Count<Option<Reason>>>,
    /// By the kind of their updater, as stock Teleport is told; `None` for none.
    pub kinds: Vec<Count<Option<UpdaterKind>>>,
    /// By Teleport version.
    pub versions: Vec<Count<Text>>,
    /// By update group; empty for none.
    pub groups: Vec<Count<Text>>,
    /// By the kind of their updater, `None` for none, and its version, empty for none.
    pub updaters: Vec<Count<(Option<UpdaterKind>, Text)>>,
    /// By each of their services.
    pub services: Vec<Count<Role>>,
    /// By what helps.
    pub remedies: Vec<Count<RemedyGroup>>,
}

impl Summary {
    /// The message that tells it.
    pub fn to_wire(&self) -> wire::GetSummaryResponse {
        wire::GetSummaryResponse {
            agents: self.agents,
            settling: self.settling,
            verdicts: self
                .verdicts
                .iter()
                .map(|&Count { of: (verdict, basis), agents }| wire::VerdictCount {
                    verdict: verdict_to_wire(verdict).into(),
                    basis: basis_to_wire(basis).into(),
                    agents,
                })
                .collect(),
            reasons: named(&self.reasons, |reason| reason.map_or(OTHER, Reason::code).to_owned()),
            kinds: named(&self.kinds, |kind| UpdaterKind::word(kind.as_ref()).to_owned()),
            versions: named(&self.versions, Text::to_string),
            groups: named(&self.groups, Text::to_string),
            services: named(&self.services, |role| role.name().to_owned()),
        }
    }

    /// What helps, for the most agents first.
    pub fn remedies_to_wire(&self) -> Vec<wire::RemedyCount> {
        let mut remedies: Vec<_> = self
            .remedies
            .iter()
            .map(|count| wire::RemedyCount {
                remedy: Some(count.of.remedy.to_wire(&count.of.namespace)),
                updater_kind: UpdaterKind::word(count.of.kind.as_ref()).to_owned(),
                agents: count.agents,
            })
            .collect();
        remedies.sort_by_key(|count| std::cmp::Reverse(count.agents));
        remedies
    }
}

fn named<T>(counts: &[Count<T>], name: impl Fn(&T) -> String) -> Vec<wire::NamedCount> {
    counts.iter().map(|count| wire::NamedCount { name: name(&count.of), agents: count.agents }).collect()
}
