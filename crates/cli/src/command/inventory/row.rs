//! What is shown of an agent, wherever it comes from.

use jiff::Timestamp;
use selfcheck_core::Basis;
use selfcheck_core::Text;
use selfcheck_core::Verdict;
use selfcheck_inventory::Hello;
use selfcheck_inventory::Report;
use selfcheck_inventory::ReportedFinding;
use selfcheck_inventory::basis_from_wire;
use selfcheck_inventory::wire::proto::UpstreamInventoryHello;
use selfcheck_inventory::wire::teleport::selfcheck::v1::Agent;
use selfcheck_inventory::wire::types::InstanceV1;
use serde::Serialize;

/// What is shown of an agent. Everything in it came from outside and has been made printable.
#[derive(Debug, Serialize)]
pub(super) struct Row {
    pub(super) server_id: Text,
    pub(super) hostname: Text,
    pub(super) services: Vec<Text>,
    pub(super) version: Text,
    /// `null` for none.
    pub(super) upgrader: Option<Text>,
    pub(super) upgrader_version: Option<Text>,
    pub(super) update_group: Option<Text>,
    pub(super) verdict: Verdict,
    pub(super) basis: Basis,
    /// The codes of all findings, worst first.
    pub(super) reasons: Vec<&'static str>,
    /// The command that helps, rendered here from the catalogue.
    pub(super) remedy: Option<String>,
    pub(super) last_heard: Option<Timestamp>,
}

impl Row {
    /// As this project's own service tells, and by which report; `None` if it says what cannot be.
    pub(super) fn of_agent(agent: &Agent) -> Option<(Self, Report)> {
        let report = Report::from_wire(agent.report.as_ref()?).ok()?;
        let some = |text: &str| (!text.is_empty()).then(|| Text::new(text));
        let row = Self {
            server_id: Text::new(&agent.server_id),
            hostname: Text::new(&agent.hostname),
            services: agent.services.iter().map(|service| Text::new(service)).collect(),
            version: Text::new(&agent.version),
            upgrader: some(&agent.upgrader),
            upgrader_version: some(&agent.upgrader_version),
            update_group: some(&agent.update_group),
            verdict: report.verdict,
            basis: basis_from_wire(agent.basis()),
            reasons: report.findings.iter().map(ReportedFinding::code).collect(),
            remedy: report.remedy_group().and_then(|group| group.render(None)).map(|remedy| remedy.shell),
            last_heard: Timestamp::from_second(agent.last_heard).ok(),
        };
        Some((row, report))
    }

    /// As stock Teleport tells: what the agent claims is judged here.
    pub(super) fn of_instance(instance: InstanceV1) -> Option<(Self, Report)> {
        let spec = instance.spec?;
        let last_heard = spec.last_seen.and_then(|seen| Timestamp::new(seen.seconds, seen.nanos).ok());
        let hello = UpstreamInventoryHello {
            version: spec.version,
            server_id: instance.header?.metadata?.name,
            services: spec.services,
            hostname: spec.hostname,
            external_upgrader: spec.external_upgrader,
            external_upgrader_version: spec.external_upgrader_version,
            updater_info: spec.updater_info,
        };
        let hello = Hello::from_wire(&hello, |_| true).ok()?;
        let report = Report::from(&hello);
        let row = Self {
            verdict: report.verdict,
            basis: Basis::Claimed,
            reasons: report.findings.iter().map(ReportedFinding::code).collect(),
            remedy: None,
            last_heard,
            upgrader: Some(hello.updater.kind).filter(|kind| !kind.is_empty()),
            upgrader_version: hello.updater.version,
            update_group: hello.updater.group,
            server_id: hello.server_id,
            hostname: hello.hostname,
            services: hello.services,
            version: hello.version,
        };
        Some((row, report))
    }

    pub(super) fn cells(&self) -> [String; 11] {
        let none = || "none".to_owned();
        let services: Vec<_> = self.services.iter().map(Text::as_str).collect();
        [
            self.server_id.to_string(),
            self.hostname.to_string(),
            services.join(","),
            self.version.to_string(),
            self.upgrader.as_ref().map_or_else(none, Text::to_string),
            self.upgrader_version.as_ref().map_or_else(none, Text::to_string),
            self.update_group.as_ref().map_or_else(String::new, Text::to_string),
            self.verdict.to_string(),
            self.basis.to_string(),
            self.reasons.join(","),
            self.remedy.clone().unwrap_or_default(),
        ]
    }

    pub(super) const HEADINGS: [&str; 11] = [
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
