//! Which agents are asked for. An old server ignores conditions that it does not have, so each is checked here too.

use selfcheck_core::Reason;
use selfcheck_core::TeleportVersion;
use selfcheck_core::Text;
use selfcheck_core::Verdict;
use selfcheck_protocol::Filter;
use selfcheck_protocol::UpgraderFilter;

use crate::args::LsArgs;

use super::row::Row;

/// Whether an agent matches the conditions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Match {
    Yes,
    No,
    /// Only conditions about unknown fields fail.
    Unknown,
}

/// Which agents are asked for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wanted<'a>(pub(super) &'a LsArgs);

impl Wanted<'_> {
    /// As it is asked for.
    pub(super) fn filter(self) -> Filter {
        let Self(args) = self;
        let mut filter = Filter::default();
        filter.services = args.services.iter().map(|role| role.name().to_owned()).collect();
        filter.upgrader.clone_from(&args.upgrader);
        filter.older_than.clone_from(&args.older_than);
        filter.update_group.clone_from(&args.update_group);
        filter.verdict = args.verdict;
        filter.reason = args.reason.map(|reason| reason.code().to_owned());
        filter
    }

    /// Whether an agent matches.
    pub(super) fn matches(self, row: &Row) -> Match {
        let Self(args) = self;
        let is = |wanted: &Option<String>, told: &Option<Text>| {
            wanted.as_ref().is_none_or(|wanted| told.as_ref().is_some_and(|told| told == wanted.as_str()))
        };
        let runs = |name: &str| row.services.iter().any(|service| service == name);
        let upgrader = match &args.upgrader {
            None => true,
            Some(UpgraderFilter::Without) => row.upgrader.is_none() && row.knows(Row::UPGRADER),
            Some(UpgraderFilter::Of(kind)) => row.upgrader.as_ref() == Some(kind),
        };
        let version = row.version.as_str().parse::<TeleportVersion>().ok();
        // As in Teleport, what is no version is older than any.
        let is_older = |than: &TeleportVersion| version.as_ref().is_none_or(|version| version < than);
        let verdict = args.verdict.is_none_or(|verdict| verdict == row.verdict)
            && args.reason.is_none_or(|reason| row.reasons.contains(&reason.code()));
        // Each condition, and whether the fields it needs are known.
        let conditions = [
            (upgrader, row.knows(Row::UPGRADER)),
            (is(&args.update_group, &row.update_group), row.knows(Row::UPDATE_GROUP)),
            (verdict, self.is_judged(row)),
            (args.services.is_empty() || args.services.iter().any(|role| runs(role.name())), true),
            (args.older_than.as_ref().is_none_or(is_older), true),
        ];
        if conditions.iter().all(|(holds, _)| *holds) {
            Match::Yes
        } else if conditions.iter().all(|(holds, is_known)| *holds || !is_known) {
            Match::Unknown
        } else {
            Match::No
        }
    }

    /// Whether the fields are known that verdict and reason depend on. The control plane is known by its services alone.
    fn is_judged(self, row: &Row) -> bool {
        let is_by_services = row.verdict == Verdict::Exempt
            || (self.0.verdict.is_none() && self.0.reason == Some(Reason::ControlPlane));
        let is_state = row.knows(Row::UPDATER_STATUS) || !self.is_about_state();
        is_by_services || (row.knows(Row::UPGRADER) && is_state)
    }

    /// Whether verdict or reason are those of an updater's state.
    fn is_about_state(self) -> bool {
        let Self(args) = self;
        matches!(args.verdict, Some(Verdict::Held | Verdict::Unknown))
            || matches!(
                args.reason,
                Some(Reason::UpdatesDisabled | Reason::VersionPinned | Reason::ConfigDenied)
            )
    }
}
