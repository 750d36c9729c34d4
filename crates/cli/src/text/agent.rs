//! An agent as an auth server knows it: the same shape as the status its own host shows.

use jiff::Timestamp;
use selfcheck_core::Basis;
use selfcheck_core::DnsLabel;
use selfcheck_core::EvidenceKind;
use selfcheck_core::Remedy;
use selfcheck_core::Severity;
use selfcheck_core::Text;
use selfcheck_core::Verdict;
use selfcheck_protocol::Report;
use selfcheck_protocol::ReportedFinding;

use super::catalogue::entry_summary;
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

/// An agent as an auth server knows it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct AgentView<'a> {
    pub(crate) host_id: &'a Text,
    pub(crate) hostname: &'a Text,
    pub(crate) version: &'a Text,
    pub(crate) services: &'a [Text],
    pub(crate) basis: Basis,
    /// What it reported; without times where it was not asked or did not answer.
    pub(crate) report: &'a Report,
    /// Whether its auth server keeps what it says of its updater.
    pub(crate) is_updater_known: bool,
    /// Whether its auth server is a stock one, which has no word for self-checks.
    pub(crate) is_stock: bool,
    /// Where its connections come from, the oldest first.
    pub(crate) peers: &'a [Text],
    pub(crate) remedy: Option<&'a Remedy>,
    /// What the agent says is to be written into it.
    pub(crate) claims: &'a str,
    pub(crate) last_heard: Option<Timestamp>,
    /// Relative to when times are told.
    pub(crate) now: Timestamp,
}

/// An agent as text.
pub(crate) fn agent(view: &AgentView<'_>, style: Style) -> String {
    let AgentView { report, now, .. } = *view;
    let mut text = headline(view, style);
    text.push('\n');
    for (name, value) in facts(view) {
        text.push_str(&fact(name, &value));
    }
    if !report.findings.is_empty() {
        text.push_str(&section("Findings", style));
        for finding in &report.findings {
            text.push_str(&self::finding(finding, now, style));
        }
    }
    if let Some(remedy) = view.remedy {
        text.push('\n');
        let run = if remedy.id.is_kubernetes() { CLUSTER } else { "on that host, run" };
        text.push_str(&hint(remedy, run, style));
        if !view.claims.is_empty() {
            let claims = format!("by the agent's own word, which nobody has checked, {}", view.claims);
            text.push_str(&wrap::wrap("  Claim: ", "      ", &claims));
        }
    }
    text
}

/// What an agent says stands for the words in a command. A quoted name is no part of a command.
pub(crate) fn claims<'a>(claims: impl Iterator<Item = (&'static str, &'a DnsLabel)>) -> String {
    let each: Vec<_> = claims.map(|(word, label)| format!("{word} is '{label}'")).collect();
    each.join(" and ")
}

fn headline(view: &AgentView<'_>, style: Style) -> String {
    let verdict = view.report.verdict;
    let is_mild = view.report.leading().is_some_and(|finding| finding.severity != Severity::Critical);
    let first = style.paint(verdict_tone(verdict), &format!("{}:", verdict.code().to_ascii_uppercase()));
    let plain = plain(verdict, EvidenceKind::Live, is_mild);
    let plain = match view.basis {
        _ if !view.is_updater_known && verdict == Verdict::Unknown => {
            "its auth server does not report which updater it has".to_owned()
        }
        Basis::Observed => plain.to_owned(),
        Basis::Claimed => format!("by what it says of itself, {plain}"),
    };
    wrap::wrap(&format!("{first} "), "  ", &plain)
}

fn facts(view: &AgentView<'_>) -> Vec<(&'static str, String)> {
    let AgentView { report, now, .. } = *view;
    let version = if view.version.is_empty() { "of unknown version" } else { view.version.as_str() };
    let mut agent = vec![view.hostname.to_string(), format!("teleport {version}")];
    if let Some(suffix) = report.namespace.suffix() {
        agent.push(format!("installation `{suffix}`"));
    }
    if !view.services.is_empty() {
        let services: Vec<_> = view.services.iter().map(Text::as_str).collect();
        agent.push(format!("roles {}", services.join(" ")));
    }
    let mut facts = vec![
        ("agent", agent.join(", ")),
        ("host id", view.host_id.to_string()),
        ("updater", if view.is_updater_known { updater(report) } else { "unknown".to_owned() }),
    ];
    let times = [("last success", report.last_success), ("next run", report.next_run)];
    facts.extend(times.into_iter().filter_map(|(name, at)| Some((name, time::instant(at?, now)))));
    let seen = match (view.basis, report.observed_at) {
        (Basis::Claimed, _) if view.is_stock => {
            "unknown: self-checks do not report to a stock auth server".to_owned()
        }
        (Basis::Claimed, _) => "nobody looked: it has no self-check".to_owned(),
        (Basis::Observed, Some(at)) => format!("by its self-check, {}", time::instant(at, now)),
        (Basis::Observed, None) => {
            "by its self-check, which did not answer just now, so there are no times".to_owned()
        }
    };
    facts.push(("looked", seen));
    if !view.peers.is_empty() {
        let peers: Vec<_> = view.peers.iter().map(Text::as_str).collect();
        facts.push(("connected", format!("from {}", peers.join(" and "))));
    }
    facts.extend(view.last_heard.map(|at| ("heard of", time::instant(at, now))));
    facts
}

fn updater(report: &Report) -> String {
    let Some(updater) = &report.updater else { return "none seen".to_owned() };
    let version = updater.version.as_ref().map(|version| format!(" {version}"));
    let group = updater.group.as_ref().map(|group| format!(", group {}", Text::words(group.as_str())));
    let name = Text::words(updater_name(&updater.kind)).to_string();
    [Some(name), version, group].into_iter().flatten().collect()
}

fn finding(finding: &ReportedFinding, now: Timestamp, style: Style) -> String {
    let severity = style.paint(severity_tone(finding.severity), finding.severity.code());
    let summary = finding.reason.map_or_else(
        || "a reason this version does not know".to_owned(),
        |reason| entry_summary(reason.entry()),
    );
    let mut text = wrap::wrap(&format!("  {severity} {}: ", finding.code()), "    ", &summary);
    if let Some(since) = finding.since {
        text.push_str(&wrap::wrap("    since: ", "      ", &time::instant(since, now)));
    }
    text
}
