//! Documentation that is written from the code, and checked against it.

use std::fs;
use std::path::PathBuf;

use selfcheck_core::Effect;
use selfcheck_core::Entry;
use selfcheck_core::Finder;
use selfcheck_core::Reason;

use crate::Outcome;
use crate::run::root;

/// Writes all generated pages.
pub(crate) fn write() -> Outcome {
    let (path, text) = reasons();
    fs::write(&path, text).map_err(|error| format!("error: {}: {error}", path.display()))
}

/// Requires that all generated pages are as the code would write them.
pub(crate) fn check() -> Outcome {
    let (path, text) = reasons();
    if fs::read_to_string(&path).unwrap_or_default() == text {
        return Ok(());
    }
    Err(format!("error: {} differs from the catalogue; run `cargo xtask docs`", path.display()))
}

fn reasons() -> (PathBuf, String) {
    let mut text = "# Reasons\n\n\
        Written by `cargo xtask docs` from the catalogue in `crates/core/src/reason/table.rs`. Codes are stable and never \
        reused. `teleport-selfcheck reasons CODE` says the same on the command line.\n\n\
        Rules: an exempt reason decides alone; else the worst that is proven of unaccompanied, impaired, held; else \
        unsupported; else unknown if evidence the verdict needs was unreadable; else the agent is accompanied. Advisory \
        reasons never change the verdict. Of the schedule chain (`timer-missing` to `timer-overdue`) and of the update chain \
        (`rolled-back`, `last-update-failed`, `target-skipped`) only the first that holds is found.\n"
        .to_owned();
    let mut last = None;
    for entry in Reason::catalogue() {
        if last != Some(entry.effect) {
            text.push_str(&heading(entry.effect));
            last = Some(entry.effect);
        }
        text.push_str(&section(entry));
    }
    (root().join("docs/reasons.md"), text)
}

fn heading(effect: Effect) -> String {
    match effect {
        Effect::Leads(verdict) => format!("\n## {verdict}\n"),
        Effect::Advises => "\n## advisory\n".to_owned(),
    }
}

fn section(entry: &Entry) -> String {
    let finder = match entry.finder {
        Finder::Host => "a look at the host",
        Finder::Auth => "the auth server",
    };
    let remedy = entry.remedy.map_or("none by one command".to_owned(), |remedy| format!("`{remedy}`"));
    let others: Vec<_> = entry.others.iter().map(|other| format!("`{other}`")).collect();
    let others = if others.is_empty() {
        String::new()
    } else {
        format!(", or as evidence calls for {}", others.join(", "))
    };
    format!(
        "\n### `{}`\n\n{}.\n\n{}\n\nSeverity: {}. Found by {finder}. Remedy: {remedy}{others}. Teleport's documentation: <{}>\n",
        entry.code,
        capitalised(&entry.summary_for("the updater")),
        entry.meaning,
        entry.severity,
        entry.docs
    )
}

fn capitalised(text: &str) -> String {
    match text.chars().next() {
        Some(first) => format!("{}{}", first.to_uppercase(), &text[first.len_utf8()..]),
        None => String::new(),
    }
}
