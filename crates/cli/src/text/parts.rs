//! What the texts of a status and of an agent have in common.

use selfcheck_core::EvidenceKind;
use selfcheck_core::Remedy;
use selfcheck_core::UpdaterKind;
use selfcheck_core::Verdict;

use super::style::Style;
use super::style::Tone;
use super::wrap;

/// The width of the names of facts.
const NAMES: usize = 14;

/// Where a remedy of Kubernetes is run.
pub(super) const CLUSTER: &str = "where the Kubernetes cluster is managed, run";

/// One fact in a list of them.
pub(super) fn fact(name: &str, value: &str) -> String {
    wrap::wrap(&format!("  {name:<NAMES$}"), &" ".repeat(NAMES + 2), value)
}

pub(super) fn section(title: &str, style: Style) -> String {
    format!("\n{}\n", style.paint(Tone::Strong, title))
}

/// A verdict in plain words. `is_mild` where it is led by less than a critical finding.
pub(super) const fn plain(verdict: Verdict, evidence: EvidenceKind, is_mild: bool) -> &'static str {
    match verdict {
        Verdict::Accompanied if matches!(evidence, EvidenceKind::Static) => {
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
    }
}

/// An updater by the name that people know.
pub(super) fn updater_name(kind: &UpdaterKind) -> &str {
    match kind {
        UpdaterKind::Kube => "the Kubernetes updater",
        UpdaterKind::IntegrationAwsOidc => "the cluster, through the AWS OIDC integration",
        kind => match kind.generation() {
            Some(generation) => generation.updater(),
            None => kind.as_str(),
        },
    }
}

/// What to run, what that does, and how to take it back. `run` says where.
pub(super) fn hint(remedy: &Remedy, run: &str, style: Style) -> String {
    let hint = style.paint(Tone::Strong, "hint:");
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
