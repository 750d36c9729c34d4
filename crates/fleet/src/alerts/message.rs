//! What an alert says: one line of at most so many bytes, made of this program's own words and counts.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::fmt::Write;

use selfcheck_core::Coded;
use selfcheck_core::ProxyAddr;
use selfcheck_core::Reason;
use selfcheck_core::RemedyId;
use selfcheck_protocol::Count;

use crate::Faulty;

/// The longest message.
const MOST: usize = 600;
/// The most reasons that are told apart, and commands.
const GROUPS: usize = 3;

/// The longest install suffix that stands in an alert: a longer one is less a name than a text, and an agent chose it.
const SUFFIX: usize = 20;

/// The words that differ from one alert to another.
#[derive(Debug)]
pub(super) struct Words {
    /// What the agents have or lack, after their number.
    pub(super) what: &'static str,
    /// How to list them.
    pub(super) list: &'static str,
}

/// So many agents of so many are at fault: why, and what to do. Where not everything has room, there are fewer commands.
pub(super) fn message(words: &Words, faulty: &Faulty, of: u64, proxy: Option<&ProxyAddr>) -> String {
    let mut shortest = String::new();
    for commands in (0..=GROUPS).rev() {
        shortest = compose(words, faulty, of, proxy, commands);
        if shortest.len() <= MOST {
            break;
        }
    }
    shortest
}

fn compose(words: &Words, faulty: &Faulty, of: u64, proxy: Option<&ProxyAddr>, commands: usize) -> String {
    let mut text = format!("{} of {} agents {}", grouped(faulty.agents), grouped(of), words.what);
    let mut why = reasons(faulty);
    if faulty.claimed > 0 {
        let separator = if why.is_empty() { "" } else { "; " };
        _ = write!(why, "{separator}{} by claim only", grouped(faulty.claimed)); // writing to a string does not fail
    }
    if !why.is_empty() {
        _ = write!(text, " ({why})");
    }
    text.push('.');
    if faulty.shared > 0 {
        _ = write!(text, " {} began to fail together: suspect the proxy.", grouped(faulty.shared));
    }
    if faulty.behind > 0 {
        _ = write!(text, " {} a major version or more behind.", grouped(faulty.behind));
    }
    text.push_str(&run(faulty, proxy, commands));
    _ = write!(text, " List: `{}`.", words.list);
    text
}

/// The most frequent reasons. What is only claimed is counted apart.
fn reasons(faulty: &Faulty) -> String {
    let mut reasons: Vec<_> =
        faulty.reasons.iter().filter(|count| count.of != Some(Reason::ClaimsNoUpdater)).collect();
    reasons.sort_by_key(|count| Reverse(count.agents));
    let mut told: Vec<_> = reasons
        .iter()
        .take(GROUPS)
        .map(|count| format!("{} {}", grouped(count.agents), count.of.map_or("other", word)))
        .collect();
    let others: u64 = reasons.iter().skip(GROUPS).map(|count| count.agents).sum();
    if others > 0 {
        told.push(format!("{} for other reasons", grouped(others)));
    }
    told.join(", ")
}

/// How a reason is called in passing.
const fn word(reason: Reason) -> &'static str {
    match reason {
        Reason::NoUpdater => "not installed",
        Reason::UpdaterNotEnabled => "not enabled",
        Reason::KubeUpdaterOff => "off in their Helm release",
        other => other.code(),
    }
}

/// The commands that help the most agents.
fn run(faulty: &Faulty, proxy: Option<&ProxyAddr>, most: usize) -> String {
    let mut by_command: BTreeMap<String, (u64, Coded<RemedyId>)> = BTreeMap::new();
    for Count { of, agents } in &faulty.remedies {
        let named =
            of.as_ref().filter(|group| group.namespace.suffix().is_none_or(|suffix| suffix.len() <= SUFFIX));
        if let Some(remedy) = named.and_then(|group| group.render(proxy)) {
            by_command.entry(remedy.shell).or_insert((0, remedy.id)).0 += agents;
        }
    }
    let mut commands: Vec<_> = by_command.into_iter().collect();
    commands.sort_by_key(|(_, (agents, _))| Reverse(*agents));
    let is_all = matches!(commands.as_slice(), [(_, (agents, _))] if *agents == faulty.agents);
    commands.truncate(most);
    let mut text = String::new();
    for (place, (command, (agents, id))) in commands.iter().enumerate() {
        // One command of Kubernetes is for all pods of a release.
        let lead = match (place, id.is_kubernetes()) {
            (0, false) if is_all => " On each host run".to_owned(),
            (0, true) if is_all => " Run".to_owned(),
            (0, false) => format!(" Run on {}", hosts(*agents)),
            (0, true) => format!(" Run for {}", grouped(*agents)),
            (_, false) => format!(", on {}", grouped(*agents)),
            (_, true) => format!(", for {}", grouped(*agents)),
        };
        _ = write!(text, "{lead} `{command}`");
    }
    if commands.iter().any(|(_, (_, id))| id.may_update()) {
        text.push_str(" (may update and reload the agent now)");
    }
    if commands.iter().any(|(_, (_, id))| id.known() == Some(RemedyId::EnableKubeUpdater)) {
        text.push_str(" (only where helm list shows chart teleport-kube-agent, with its --version)");
    }
    if !commands.is_empty() {
        text.push('.');
    }
    text
}

fn hosts(number: u64) -> String {
    if number == 1 { "1 host".to_owned() } else { format!("{} hosts", grouped(number)) }
}

/// A number as people read it.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_at_a_glance() {
        let read: Vec<_> = [0, 12, 999, 1000, 2964, 1_234_567].map(grouped).into();
        assert_eq!(read, ["0", "12", "999", "1,000", "2,964", "1,234,567"]);
    }
}
