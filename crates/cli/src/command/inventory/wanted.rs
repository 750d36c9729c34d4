//! Which agents are asked for. An old server ignores conditions that it does not have, so each is checked here too.

use selfcheck_core::Reason;
use selfcheck_core::Text;
use selfcheck_core::Verdict;
use selfcheck_protocol::verdict_to_wire;
use selfcheck_protocol::wire::teleport::selfcheck::v1::AgentFilter;
use selfcheck_protocol::wire::teleport::selfcheck::v1::ListAgentsRequest;
use selfcheck_protocol::wire::types::InstanceFilter;
use semver::Version;

use crate::args::LsArgs;

use super::row::Row;

/// The word for an agent without an updater.
pub(super) const NONE: &str = "none";

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
    /// In the words of this project's own service.
    pub(super) fn request(self) -> ListAgentsRequest {
        let Self(args) = self;
        let (upgrader, no_upgrader) = self.upgrader();
        ListAgentsRequest {
            verdict: args.verdict.map_or(0, |verdict| verdict_to_wire(verdict).into()),
            reason: args.reason.map(|reason| reason.code().to_owned()).unwrap_or_default(),
            stock: Some(AgentFilter {
                services: self.services(),
                upgrader,
                no_upgrader,
                older_than: self.older_than(),
                update_group: args.update_group.clone().unwrap_or_default(),
            }),
            ..ListAgentsRequest::default()
        }
    }

    /// In the words of stock Teleport, which knows no verdicts.
    pub(super) fn stock_filter(self) -> InstanceFilter {
        let (external_upgrader, no_ext_upgrader) = self.upgrader();
        InstanceFilter {
            services: self.services(),
            external_upgrader,
            no_ext_upgrader,
            older_than_version: self.older_than(),
            update_group: self.0.update_group.clone().unwrap_or_default(),
            ..InstanceFilter::default()
        }
    }

    /// Whether an agent matches.
    pub(super) fn matches(self, row: &Row) -> Match {
        let Self(args) = self;
        let is = |wanted: &Option<String>, told: &Option<Text>| {
            wanted.as_ref().is_none_or(|wanted| told.as_ref().is_some_and(|told| told == wanted.as_str()))
        };
        let runs = |name: &str| row.services.iter().any(|service| service == name);
        let upgrader = match args.upgrader.as_deref() {
            Some(NONE) => row.upgrader.is_none() && row.knows(Row::UPGRADER),
            _ => is(&args.upgrader, &row.upgrader),
        };
        let version = Version::parse(row.version.as_str()).ok();
        // As in Teleport, what is no version is older than any.
        let is_older = |than: &Version| version.as_ref().is_none_or(|version| version < than);
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

    fn services(self) -> Vec<String> {
        self.0.services.iter().map(|role| role.name().to_owned()).collect()
    }

    fn older_than(self) -> String {
        self.0.older_than.as_ref().map(Version::to_string).unwrap_or_default()
    }

    fn upgrader(self) -> (String, bool) {
        match self.0.upgrader.as_deref() {
            Some(NONE) => (String::new(), true),
            named => (named.unwrap_or_default().to_owned(), false),
        }
    }
}
