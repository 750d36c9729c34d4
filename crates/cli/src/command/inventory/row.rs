//! What is shown of an agent, wherever it comes from.

use jiff::Timestamp;
use selfcheck_core::Basis;
use selfcheck_core::Text;
use selfcheck_core::UpdaterKind;
use selfcheck_core::Verdict;
use selfcheck_protocol::Instance;
use selfcheck_protocol::ListedAgent;
use selfcheck_protocol::Report;
use selfcheck_protocol::ReportedFinding;
use serde::Serialize;

/// What is shown of an agent. Everything in it came from outside and has been made printable.
#[derive(Debug, Serialize)]
pub(super) struct Row {
    pub(super) server_id: Text,
    pub(super) hostname: Text,
    pub(super) services: Vec<Text>,
    pub(super) version: Text,
    /// `null` for none.
    pub(super) upgrader: Option<UpdaterKind>,
    pub(super) upgrader_version: Option<Text>,
    pub(super) update_group: Option<Text>,
    pub(super) verdict: Verdict,
    pub(super) basis: Basis,
    /// The codes of all findings, worst first.
    pub(super) reasons: Vec<&'static str>,
    /// The command that helps, rendered here from the catalogue.
    pub(super) remedy: Option<String>,
    pub(super) last_heard: Option<Timestamp>,
    /// What is null, or left out of the verdict, because the auth server does not keep it; which is not the same as none.
    pub(super) unknown_fields: Vec<&'static str>,
    /// Who tells of it.
    #[serde(skip)]
    pub(super) server_kind: ServerKind,
}

/// Who tells of an agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ServerKind {
    /// An auth server that is told by self-checks.
    Own,
    /// One that has no word for them.
    Stock,
}

impl Row {
    /// As this project's own service tells, and by which report.
    pub(super) fn of_agent(agent: ListedAgent) -> (Self, Report) {
        let ListedAgent {
            server_id, hostname, services, version, updater, basis, report, last_heard, ..
        } = agent;
        let row = Self {
            server_id,
            hostname,
            services,
            version,
            upgrader: updater.kind,
            upgrader_version: updater.version,
            update_group: updater.group,
            verdict: report.verdict,
            basis,
            reasons: report.findings.iter().map(ReportedFinding::code).collect(),
            remedy: report.remedy_group().and_then(|group| group.render(None)).map(|remedy| remedy.shell),
            last_heard,
            unknown_fields: Vec::new(),
            server_kind: ServerKind::Own,
        };
        (row, report)
    }

    /// As stock Teleport tells: what the agent claims is judged here.
    pub(super) fn of_instance(instance: Instance) -> (Self, Report) {
        let report = instance.report();
        let Instance { server_id, hostname, services, version, last_seen, updater, .. } = instance;
        // Nothing but these two kinds has a state to tell.
        let has_status = updater.kind.value().is_none_or(UpdaterKind::has_status);
        let told = [
            (Self::UPGRADER, updater.kind.is_unknown()),
            (Self::UPGRADER_VERSION, updater.version.is_unknown()),
            (Self::UPDATE_GROUP, updater.group.is_unknown()),
            (Self::UPDATER_STATUS, updater.status.is_unknown() && has_status),
        ];
        let row = Self {
            verdict: report.verdict,
            basis: Basis::Claimed,
            reasons: report.findings.iter().map(ReportedFinding::code).collect(),
            remedy: None,
            last_heard: last_seen,
            upgrader: updater.kind.value().cloned(),
            upgrader_version: updater.version.value().cloned(),
            update_group: updater.group.value().cloned(),
            unknown_fields: told
                .into_iter()
                .filter(|(_, is_unknown)| *is_unknown)
                .map(|(field, _)| field)
                .collect(),
            server_kind: ServerKind::Stock,
            server_id: Text::words(server_id.as_str()),
            hostname,
            services,
            version,
        };
        (row, report)
    }

    /// Whether the auth server could tell this: only then is nothing none.
    pub(super) fn knows(&self, field: &str) -> bool {
        !self.unknown_fields.contains(&field)
    }

    /// Whether nobody can judge the agent for the one reason that its auth server does not keep what it says of its updater.
    pub(super) fn is_beyond_server(&self) -> bool {
        self.verdict == Verdict::Unknown && !self.knows(Self::UPGRADER)
    }

    pub(super) fn cells(&self) -> [String; Self::COLUMNS] {
        let cell = |field: &str, value: Option<&str>, none: &str| match value {
            Some(value) => value.to_owned(),
            None if self.knows(field) => none.to_owned(),
            None => "unknown".to_owned(),
        };
        let services: Vec<_> = self.services.iter().map(Text::as_str).collect();
        [
            self.server_id.to_string(),
            self.hostname.to_string(),
            services.join(","),
            self.version.to_string(),
            cell(Self::UPGRADER, self.upgrader.as_ref().map(UpdaterKind::as_str), "none"),
            cell(Self::UPGRADER_VERSION, self.upgrader_version.as_ref().map(Text::as_str), "none"),
            cell(Self::UPDATE_GROUP, self.update_group.as_ref().map(Text::as_str), ""),
            self.verdict.to_string(),
            self.basis.to_string(),
            self.reasons.join(","),
            self.remedy.clone().unwrap_or_default(),
        ]
    }

    pub(super) const UPGRADER: &str = "upgrader";
    const UPGRADER_VERSION: &str = "upgrader_version";
    pub(super) const UPDATE_GROUP: &str = "update_group";
    pub(super) const UPDATER_STATUS: &str = "updater_status";

    pub(super) const COLUMNS: usize = 11;

    pub(super) const HEADINGS: [&'static str; Self::COLUMNS] = [
        "Server ID",
        "Hostname",
        "Services",
        "Agent Version",
        "Upgrader",
        "Upgrader Version",
        "Update Group",
        "Verdict",
        "Basis",
        "Reason",
        "Remedy",
    ];
}
