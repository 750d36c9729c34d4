//! A status as text: the verdict in plain words, the proof, the findings, and last the one command.

use jiff::Timestamp;
use selfcheck_core::EvidenceKind;
use selfcheck_core::EvidenceValue;
use selfcheck_core::Finding;
use selfcheck_core::Observation;
use selfcheck_core::Remedy;
use selfcheck_core::Severity;
use selfcheck_core::Status;
use selfcheck_core::Text;
use selfcheck_core::UpdaterStatus;
use selfcheck_core::Verdict;

use super::style::Style;
use super::style::Tone;
use super::style::severity_tone;
use super::style::verdict_tone;
use super::time;
use super::wrap;

/// The width of the names of facts.
const NAMES: usize = 14;

/// `status` as text, with times told relative to `now`.
pub(crate) fn status(observation: &Observation, status: &Status, now: Timestamp, style: Style) -> String {
    let mut text = headline(status, style);
    text.push('\n');
    for (name, value) in facts(observation, status, now) {
        text.push_str(&wrap::wrap(&format!("  {name:<NAMES$}"), &" ".repeat(NAMES + 2), &value));
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
        text.push_str(&hint(remedy, status.evidence, style));
    }
    text
}

fn headline(status: &Status, style: Style) -> String {
    let verdict = status.verdict.code().to_ascii_uppercase();
    let is_mild = status.leading().is_some_and(|finding| finding.severity != Severity::Critical);
    let plain = match status.verdict {
        Verdict::Accompanied if status.evidence == EvidenceKind::Static => {
            "an enabled updater comes with this agent"
        }
        Verdict::Accompanied => "a working updater will update this agent",
        Verdict::Exempt => "this agent needs no updater on this host",
        Verdict::Held => "a person paused this agent's updates",
        Verdict::Impaired if is_mild => "an updater is here, but this agent may not be kept up to date",
        Verdict::Impaired => "an updater is here, but this agent is not kept up to date",
        Verdict::Unaccompanied => "nothing updates this agent",
        Verdict::Unknown => "whether this agent will be updated cannot be told",
        Verdict::Unsupported => "this agent has to be updated by other means",
    };
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

fn section(title: &str, style: Style) -> String {
    format!("\n{}\n", style.paint(Tone::Strong, title))
}

fn facts(observation: &Observation, status: &Status, now: Timestamp) -> Vec<(&'static str, String)> {
    let mut facts = vec![("agent", agent(observation, status)), ("updater", updater(observation, status))];
    let proof = &status.proof;
    if let Some(updater) = &status.updater
        && updater.unit.is_some()
        && status.evidence == EvidenceKind::Live
    {
        let (timer, service) = match updater.kind.as_str() {
            "unit" => (observation.v1.timer.is_unreadable(), observation.v1.service.is_unreadable()),
            _ => (observation.v2.timer.is_unreadable(), observation.v2.service.is_unreadable()),
        };
        let told = |instant: Option<Timestamp>, unseen: bool, none: &str| {
            let otherwise = if unseen { "not seen" } else { none };
            instant.map_or(otherwise.to_owned(), |instant| time::instant(instant, now))
        };
        facts.push(("last run", told(proof.last_run, service, "none since boot")));
        facts.push(("last success", told(proof.last_success, service, "none known")));
        let due = if proof.next_run.is_some_and(|next| next < now) { "was due " } else { "" };
        facts.push(("next run", format!("{due}{}", told(proof.next_run, timer, "none"))));
    }
    facts.push(("cluster", cluster(status)));
    if !observation.host.other_installations.is_empty() {
        let names: Vec<_> =
            observation.host.other_installations.iter().map(|namespace| format!("`{namespace}`")).collect();
        facts.push(("also here", format!("{} (`--install-suffix` judges another)", names.join(", "))));
    }
    facts
}

fn agent(observation: &Observation, status: &Status) -> String {
    let agent = &status.agent;
    let version = agent.version.as_ref().map(|version| format!(" {version}")).unwrap_or_default();
    let mut parts = vec![match agent.pid {
        Some(pid) => format!("teleport{version}, pid {pid}"),
        None if observation.agent.process.is_unreadable() => "teleport, process not seen".to_owned(),
        None if observation.agent.config.is_absent() && !observation.agent.unit.is_present() => {
            format!(
                "none found: no process, no `{}`, no `{}`",
                agent.namespace.agent_unit(),
                observation.agent.config_path
            )
        }
        None if status.evidence == EvidenceKind::Static => "teleport, in an image".to_owned(),
        None => "teleport, not running".to_owned(),
    }];
    if let Some(suffix) = agent.namespace.suffix() {
        parts.push(format!("installation `{suffix}`"));
    }
    if !agent.services.is_empty() {
        let roles: Vec<_> = agent.services.iter().map(Text::as_str).collect();
        parts.push(format!("roles {}", roles.join(" ")));
    }
    parts.join(", ")
}

fn updater(observation: &Observation, status: &Status) -> String {
    let Some(updater) = &status.updater else {
        let installed = observation.v2.binary.is_present() || observation.v1.script.is_present();
        let word = if installed { "none enabled" } else { "none seen" };
        return word.to_owned();
    };
    let name = match updater.kind.as_str() {
        "binary" => "teleport-update",
        "unit" => "teleport-upgrade",
        "kube" => "the Kubernetes updater",
        "integration_awsoidc" => "the cluster, through the AWS OIDC integration",
        other => other,
    };
    let version = updater.version.as_ref().map(|version| format!(" {version}"));
    let group = updater.group.as_ref().map(|group| format!(", group {group}"));
    let unit = updater.unit.as_ref().map(|unit| format!(", {unit}"));
    [Some(name.to_owned()), version, group, unit].into_iter().flatten().collect()
}

fn cluster(status: &Status) -> String {
    let Some(view) = &status.reporting.stock_view else {
        return "not reported; what stock Teleport would be told cannot be seen".to_owned();
    };
    if view.external_upgrader.is_empty() {
        return "not reported; in stock Teleport's terms no updater".to_owned();
    }
    let word = view.updater_status.map(|status| match status {
        UpdaterStatus::Ok => ", OK",
        UpdaterStatus::Disabled => ", DISABLED",
        UpdaterStatus::Pinned => ", PINNED",
        UpdaterStatus::Unreadable => ", UNREADABLE",
    });
    let word = word.unwrap_or_default();
    format!("not reported; in stock Teleport's terms `{}`{word}", view.external_upgrader)
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

fn hint(remedy: &Remedy, evidence: EvidenceKind, style: Style) -> String {
    let hint = style.paint(Tone::Strong, "hint:");
    let run = match evidence {
        EvidenceKind::Live => "run",
        EvidenceKind::Static => "where the image runs, run",
    };
    let mut text = format!("{hint} {run} `{}`\n", remedy.shell);
    if wrap::columns(text.trim_end()) > wrap::COLUMNS {
        text = format!("{hint} {run}\n{}", wrap::command("    ", "      ", &remedy.shell));
    }
    text.push_str(&wrap::wrap("  It ", "  ", &format!("{}.", remedy.effect)));
    if let Some(undo) = &remedy.undo {
        text.push_str(&wrap::command("  Undo: ", "      ", undo));
    }
    text.push_str(&wrap::wrap("  Docs: ", "      ", &remedy.docs));
    text
}
