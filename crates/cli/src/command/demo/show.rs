//! What the demo prints.

use std::fmt::Write;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use selfcheck_core::Basis;
use selfcheck_core::Status;
use selfcheck_core::Verdict;
use selfcheck_protocol::FleetSummary;
use selfcheck_protocol::ListedAlert;

use crate::output::Output;
use crate::text;

/// An alert as it is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Raised {
    severity: String,
    message: String,
}

impl Raised {
    pub(super) fn of(alert: ListedAlert) -> Self {
        Self { severity: alert.severity.code().to_uppercase(), message: alert.message }
    }
}

pub(super) fn beginning(agents: u16, address: SocketAddr, settling: Duration, hold_down: Duration) -> String {
    format!(
        "An auth server on {address}, by mutual TLS, and {} agents, all in this process.\n\
         {agents} of them replay recorded observations (`replayed-...`); one looks at this host.\n\
         Shortened: an agent counts after {} s (usually 15 s), and a fault after {} s (usually 10 min).\n\n",
        u32::from(agents) + 1,
        settling.as_secs(),
        hold_down.as_secs(),
    )
}

pub(super) fn web(url: &str) -> String {
    format!("Its metrics are on {url}\n\n")
}

pub(super) fn this_host(status: &Status) -> String {
    format!("This host: {}: {}\n\n", status.label(), status.summary)
}

pub(super) fn progress(observed: u64, all: usize) -> String {
    format!("{observed:>5} of {all} agents have reported and count\n")
}

/// How many agents count that have reported.
pub(super) fn observed(summary: &FleetSummary) -> u64 {
    summary.verdicts.iter().filter(|count| count.of.1 == Basis::Observed).map(|count| count.agents).sum()
}

pub(super) fn summary(summary: &FleetSummary) -> String {
    let verdicts: Vec<_> = Verdict::ALL
        .iter()
        .filter_map(|verdict| {
            let of = summary.verdicts.iter().filter(|count| count.of.0 == *verdict);
            let agents: u64 = of.map(|count| count.agents).sum();
            (agents > 0).then(|| [verdict.to_string(), agents.to_string()])
        })
        .collect();
    let reasons: Vec<_> =
        summary.reasons.iter().map(|count| [count.of.to_string(), count.agents.to_string()]).collect();
    format!(
        "\n{}\n{}",
        text::table(["Verdict", "Agents"], &verdicts),
        text::table(["Reason", "Agents"], &reasons)
    )
}

pub(super) fn act(what: &str) -> String {
    format!("\n{what}\n")
}

pub(super) fn alerts(alerts: &[Raised], output: &Output) -> String {
    if alerts.is_empty() {
        return "  no alerts\n".to_owned();
    }
    let mut shown = String::new();
    for alert in alerts {
        _ = writeln!(shown, "  {}", output.style.strong(&alert.severity));
        shown.push_str(&text::wrap("    ", "    ", &alert.message));
    }
    shown
}

/// Whether all that is raised is about one agent.
pub(super) fn is_of_one(alerts: &[Raised]) -> bool {
    matches!(alerts, [only] if only.message.starts_with("1 of "))
}

/// Whether an alert is raised for an agent with this status.
pub(super) const fn is_at_fault(status: &Status) -> bool {
    matches!(status.verdict, Verdict::Unaccompanied | Verdict::Impaired)
}

pub(super) fn invitation(address: SocketAddr, admin: &Path) -> String {
    let asked = format!("--auth-server {address} -i {}", admin.display());
    format!(
        "\nIt goes on until Ctrl-C. In another terminal:\n  \
         teleport-selfcheck inventory status {asked}\n  \
         teleport-selfcheck inventory ls {asked} --limit 10\n  \
         teleport-selfcheck inventory show {asked} HOST_ID\n  \
         teleport-selfcheck alerts ls {asked}\n"
    )
}
