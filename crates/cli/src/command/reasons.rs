//! `reasons`: the catalogue, from the table the judgement uses.

use selfcheck_core::Entry;
use selfcheck_core::Reason;
use serde::Serialize;

use crate::args::Format;
use crate::args::ReasonsArgs;
use crate::error::CliError;
use crate::output;
use crate::output::Output;
use crate::text;

/// One reason as JSON.
#[derive(Serialize)]
struct Row {
    code: &'static str,
    verdict: Option<&'static str>,
    severity: &'static str,
    found_by: &'static str,
    summary: String,
    meaning: &'static str,
    remedy: Option<&'static str>,
    other_remedies: Vec<&'static str>,
    docs: &'static str,
}

pub(super) fn run(args: &ReasonsArgs, output: &Output) -> Result<u8, CliError> {
    let data = match (args.format, args.code) {
        (Format::Json, Some(reason)) => super::json(&row(reason.entry()))?,
        (Format::Json, None) => super::json(&Reason::catalogue().iter().map(row).collect::<Vec<_>>())?,
        (Format::Text, Some(reason)) => text::reason(reason.entry(), output.style),
        (Format::Text, None) => text::reasons(output.style),
    };
    output::print(&data)?;
    Ok(0)
}

fn row(entry: &Entry) -> Row {
    Row {
        code: entry.code,
        verdict: entry.reason.verdict().map(selfcheck_core::Verdict::code),
        severity: entry.severity.code(),
        found_by: text::finder(entry.finder),
        summary: text::entry_summary(entry),
        meaning: entry.meaning,
        remedy: entry.remedy.map(selfcheck_core::RemedyId::code),
        other_remedies: entry.others.iter().map(|other| other.code()).collect(),
        docs: entry.docs,
    }
}
