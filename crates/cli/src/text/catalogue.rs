//! The catalogue of reasons as text.

use selfcheck_core::Entry;
use selfcheck_core::Finder;
use selfcheck_core::Reason;
use selfcheck_core::RemedyId;
use selfcheck_core::Verdict;

use super::style::Style;
use super::style::Tone;
use super::style::verdict_tone;
use super::wrap::wrap;

/// Who finds a reason, in one word.
pub(crate) const fn finder(finder: Finder) -> &'static str {
    match finder {
        Finder::Host => "host",
        Finder::Auth => "auth server",
    }
}

/// The summary of a reason where no updater is meant in particular.
pub(crate) fn entry_summary(entry: &Entry) -> String {
    entry
        .summary_for("the updater")
        .replace("the updater's timer", "the timer")
        .replace("the updater's service", "the service")
}

/// All reasons, grouped by verdict.
pub(crate) fn reasons(style: Style) -> String {
    let mut text = String::new();
    let mut last = None;
    for entry in Reason::catalogue() {
        let verdict = entry.reason.verdict();
        if last != Some(verdict) {
            if last.is_some() {
                text.push('\n');
            }
            let (heading, tone) = match verdict {
                Some(verdict) => (verdict.code(), verdict_tone(verdict)),
                None => ("advisory", Tone::Faint),
            };
            text.push_str(&style.paint(tone, heading));
            text.push('\n');
            last = Some(verdict);
        }
        text.push_str(&wrap(&format!("  {:<29}", entry.code), &" ".repeat(31), &entry_summary(entry)));
    }
    text
}

/// One reason in full.
pub(crate) fn reason(entry: &Entry, style: Style) -> String {
    let leads = entry.reason.verdict().map_or("no verdict (advisory)", Verdict::code);
    let mut text = wrap(&format!("{}: ", style.paint(Tone::Strong, entry.code)), "  ", &entry_summary(entry));
    text.push('\n');
    text.push_str(&wrap("  ", "  ", entry.meaning));
    text.push('\n');
    let rows = [
        ("leads to", leads),
        ("severity", entry.severity.code()),
        ("found by", finder(entry.finder)),
        ("remedy", entry.remedy.map_or("none by one command", RemedyId::code)),
        ("docs", entry.docs),
    ];
    text.extend(rows.map(|(name, value)| format!("  {name:<10}{value}\n")));
    if !entry.others.is_empty() {
        let others: Vec<_> = entry.others.iter().map(|other| other.code()).collect();
        text.push_str(&wrap(
            "  or        ",
            &" ".repeat(12),
            &format!("{}, as evidence calls for", others.join(", ")),
        ));
    }
    text
}
