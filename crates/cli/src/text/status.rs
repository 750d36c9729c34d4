//! A status as text: the verdict in plain words, the proof, the findings, and last the one command.

use jiff::Timestamp;
use selfcheck_core::ClusterView;
use selfcheck_core::EvidenceKind;
use selfcheck_core::EvidenceValue;
use selfcheck_core::Finding;
use selfcheck_core::Generation;
use selfcheck_core::Observation;
use selfcheck_core::Reason;
use selfcheck_core::ReportingMode;
use selfcheck_core::Severity;
use selfcheck_core::Status;
use selfcheck_core::StockView;
use selfcheck_core::Text;
use selfcheck_core::observation::FactName;

use super::parts::CLUSTER;
use super::parts::fact;
use super::parts::hint;
use super::parts::plain;
use super::parts::section;
use super::parts::updater_name;
use super::style::Style;
use super::style::severity_tone;
use super::style::verdict_tone;
use super::time;
use super::wrap;

/// A status, and what is shown beside it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct View<'a> {
    pub(crate) status: &'a Status,
    /// What it was judged by, if that was seen here.
    pub(crate) observation: Option<&'a Observation>,
    /// What a daemon says of the same agent.
    pub(crate) daemon: Option<&'a Status>,
    /// Relative to when times are told.
    pub(crate) now: Timestamp,
}

impl<'a> View<'a> {
    /// Nothing but a status.
    pub(crate) const fn of(status: &'a Status, now: Timestamp) -> Self {
        Self { status, observation: None, daemon: None, now }
    }
}

/// A status as text.
pub(crate) fn status(view: &View<'_>, style: Style) -> String {
    let View { status, now, .. } = *view;
    let mut text = headline(status, style);
    text.push('\n');
    for (name, value) in facts(view) {
        text.push_str(&fact(name, &value));
    }
    if !status.findings.is_empty() {
        text.push_str(&section("Findings", style));
        for finding in &status.findings {
            text.push_str(&self::finding(finding, status, now, style));
        }
    }
    if !status.unseen.is_empty() {
        text.push_str(&section("Not seen", style));
        for unseen in &status.unseen {
            text.push_str(&wrap::wrap("  ", "    ", &format!("{}: {}", unseen.fact, unseen.why)));
        }
    }
    if let Some(remedy) = &status.remedy {
        text.push('\n');
        let run = match status.evidence {
            _ if remedy.id.is_kubernetes() => CLUSTER,
            EvidenceKind::Live => "run",
            EvidenceKind::Static => "where the image runs, run",
        };
        text.push_str(&hint(remedy, run, style));
    }
    text
}

fn headline(status: &Status, style: Style) -> String {
    let verdict = status.verdict.code().to_ascii_uppercase();
    let is_mild = status.leading().is_some_and(|finding| finding.severity != Severity::Critical);
    let plain = plain(status.verdict, status.evidence, is_mild);
    let first = style.paint(verdict_tone(status.verdict), &format!("{verdict}:"));
    format!(
        "{}{}",
        wrap::wrap(&format!("{first} "), "  ", plain),
        wrap::wrap("  ", "  ", &capitalised(&status.summary))
    )
}

/// A sentence's first letter is large, unless the sentence begins with a name.
fn capitalised(summary: &str) -> String {
    let is_name = ["teleport-", "update.yaml", "systemd"].iter().any(|name| summary.starts_with(name));
    match summary.chars().next() {
        Some(first) if !is_name => format!("{}{}", first.to_uppercase(), &summary[first.len_utf8()..]),
        _ => summary.to_owned(),
    }
}

fn facts(view: &View<'_>) -> Vec<(&'static str, String)> {
    let View { status, now, .. } = *view;
    let mut facts = vec![("agent", agent(view)), ("updater", updater(view))];
    let proof = &status.proof;
    if let Some(updater) = &status.updater
        && updater.unit.is_some()
        && status.evidence == EvidenceKind::Live
    {
        let generation = updater.kind.generation().unwrap_or(Generation::V2);
        let timer = status.is_unseen(FactName::Timer(generation));
        let service = status.is_unseen(FactName::Service(generation));
        let told = |instant: Option<Timestamp>, unseen: bool, none: &str| {
            let otherwise = if unseen { "not seen" } else { none };
            instant.map_or(otherwise.to_owned(), |instant| time::instant(instant, now))
        };
        facts.push(("last run", told(proof.last_run, service, "none since boot")));
        facts.push(("last success", told(proof.last_success, service, "none known")));
        let due = if proof.next_run.is_some_and(|next| next < now) { "was due " } else { "" };
        facts.push(("next run", format!("{due}{}", told(proof.next_run, timer, "none"))));
    } else if let Some(at) = proof.last_run {
        facts.push(("last update", time::instant(at, now))); // of an updater without units
    }
    facts.push(("cluster", cluster(status, now)));
    if view.observation.is_none() {
        // Not seen here and now, but by a self-check at its own time.
        facts.push(("looked", time::instant(status.observed_at, now)));
    }
    if let Some(said) = view.daemon {
        facts.push(("daemon", daemon(status, said, now)));
    }
    let others = view.observation.map_or(&[][..], |observation| &observation.host.other_installations);
    if !others.is_empty() {
        let names: Vec<_> = others.iter().map(|namespace| format!("`{namespace}`")).collect();
        facts.push(("also here", format!("{} (`--install-suffix` judges another)", names.join(", "))));
    }
    facts
}

/// Whether a daemon says the same, and how fresh that is.
fn daemon(status: &Status, said: &Status, now: Timestamp) -> String {
    let looked = time::instant(said.observed_at, now);
    if said.agrees_with(status) {
        return format!("says the same, looked {looked}");
    }
    format!("says otherwise: `{}`, looked {looked}", said.label())
}

fn agent(view: &View<'_>) -> String {
    let View { status, observation, .. } = *view;
    let agent = &status.agent;
    let version = agent.version.as_ref().map(|version| format!(" {version}")).unwrap_or_default();
    let mut parts = vec![match agent.pid {
        Some(pid) => format!("teleport{version}, pid {pid}"),
        None if status.is_unseen(FactName::AgentProcess) && !status.is_without_process() => {
            "teleport, process not seen".to_owned()
        }
        None if observation.is_some_and(is_container_without_agent) => {
            "none found: no visible process is an agent".to_owned()
        }
        None if observation.is_some_and(is_without_agent) => {
            let config = observation.map(|observation| observation.agent.config_path.as_str());
            format!(
                "none found: no process, no `{}`, no `{}`",
                agent.namespace.agent_unit(),
                config.unwrap_or_default()
            )
        }
        None if status.evidence == EvidenceKind::Static => "teleport, in an image".to_owned(),
        None if observation.is_none() => "no process".to_owned(),
        None => "teleport, no process found".to_owned(),
    }];
    if let Some(unit) = agent.unit.as_ref().filter(|unit| **unit != *agent.namespace.agent_unit()) {
        parts.push(format!("unit {unit} (the updater restarts only {})", agent.namespace.agent_unit()));
    }
    if let Some(suffix) = agent.namespace.suffix() {
        parts.push(format!("installation `{suffix}`"));
    }
    if !agent.services.is_empty() {
        let roles: Vec<_> = agent.services.iter().map(Text::as_str).collect();
        parts.push(format!("roles {}", roles.join(" ")));
    }
    parts.join(", ")
}

/// No agent where no service manager would start one.
fn is_container_without_agent(observation: &Observation) -> bool {
    observation.agent.process.is_absent() && observation.systemd.booted.is_absent()
}

/// Neither the process nor the unit nor the configuration of an agent.
fn is_without_agent(observation: &Observation) -> bool {
    observation.agent.config.is_absent() && !observation.agent.unit.is_present()
}

fn updater(view: &View<'_>) -> String {
    let status = view.status;
    let Some(updater) = &status.updater else {
        let not_enabled = status.findings.iter().any(|finding| finding.reason == Reason::UpdaterNotEnabled);
        let installed = view.observation.map_or(not_enabled, |observation| {
            observation.v2.binary.is_present() || observation.v1.script.is_present()
        });
        let word = if installed { "none enabled" } else { "none seen" };
        return word.to_owned();
    };
    let name = updater_name(&updater.kind);
    let version = updater.version.as_ref().map(|version| format!(" {version}"));
    let group = updater.group.as_ref().map(|group| format!(", group {group}"));
    let unit = updater.unit.as_ref().map(|unit| format!(", {unit}"));
    [Some(name.to_owned()), version, group, unit].into_iter().flatten().collect()
}

/// What the cluster is told, and whether it has heard.
fn cluster(status: &Status, now: Timestamp) -> String {
    let reporting = &status.reporting;
    let told =
        reporting.last_sent.map(|sent| format!(", told {}", time::instant(sent, now))).unwrap_or_default();
    let known = status.sequence.is_some() && reporting.acked == status.sequence;
    let so_far = match (reporting.mode, reporting.connected) {
        (ReportingMode::None, _) => "not reported".to_owned(),
        (_, false) => format!("no stream to an auth server{told}"),
        (ReportingMode::Extension, true) if known => format!("knows this status{told}"),
        (ReportingMode::Extension, true) => format!("has not acknowledged this status{told}"),
        (ReportingMode::Stock, true) => format!("a stock one{told}"),
        (_, true) => format!("is told by other means{told}"),
    };
    let is_told_all = reporting.mode == ReportingMode::Extension && reporting.connected;
    let terms = match &reporting.cluster_view {
        Some(view) => Some(by_itself(view, reporting.stock_view.as_ref())),
        None if is_told_all => None,
        None => Some(match &reporting.stock_view {
            Some(view) => format!("in stock Teleport's terms {}", in_stock_terms(view)),
            None => "what stock Teleport would be told cannot be seen".to_owned(),
        }),
    };
    [Some(so_far), terms].into_iter().flatten().collect::<Vec<_>>().join("; ")
}

/// What the agent by itself tells, and what is so instead.
fn by_itself(view: &ClusterView, truth: Option<&StockView>) -> String {
    let told = if view.view.external_upgrader.is_none() {
        "that it has no updater".to_owned()
    } else {
        in_stock_terms(&view.view)
    };
    let untrue = match (view.is_true, truth) {
        (Some(false), Some(truth)) => format!(", which is not true: it has {}", in_stock_terms(truth)),
        _ => String::new(),
    };
    let unless = view.before.as_ref().map(|release| {
        format!(" (unless it is of a release that detects otherwise, as all from {release} on do)")
    });
    format!("this agent tells the cluster {told}{untrue}{}", unless.unwrap_or_default())
}

fn in_stock_terms(view: &StockView) -> String {
    let Some(kind) = &view.external_upgrader else { return "no updater".to_owned() };
    let word = view.updater_status.as_ref().map(|status| format!(", {status}"));
    format!("`{kind}`{}", word.unwrap_or_default())
}

fn finding(finding: &Finding, status: &Status, now: Timestamp, style: Style) -> String {
    let severity = style.paint(severity_tone(finding.severity), finding.severity.code());
    let mut text = if finding.summary == status.summary {
        format!("  {severity} {}\n", finding.reason) // the headline has said it
    } else {
        wrap::wrap(&format!("  {severity} {}: ", finding.reason), "    ", &finding.summary)
    };
    for (name, value) in &finding.evidence {
        let value = match value {
            EvidenceValue::Number(number) => number.to_string(),
            EvidenceValue::Text(text) => text.to_string(),
            EvidenceValue::Instant(instant) => time::instant(*instant, now),
        };
        text.push_str(&wrap::wrap(&format!("    {name}: "), "      ", &value));
    }
    text
}
