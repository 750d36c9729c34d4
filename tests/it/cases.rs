//! The cases under tests/cases, judged.

use selfcheck_core::Finder;
use selfcheck_core::Reason;
use selfcheck_core::Status;
use selfcheck_core::StockView;
use selfcheck_core::Verdict;
use selfcheck_core::assess;
use selfcheck_tests::Case;
use selfcheck_tests::cases;

pub(crate) fn judge(case: &Case) -> Status {
    assess(&case.observation, &case.policy, case.observation.clock.after(case.later))
}

#[test]
fn every_case_is_judged_as_it_says() {
    let mut wrong = Vec::new();
    for case in cases() {
        let status = judge(case);
        let reasons: Vec<_> = status.findings.iter().map(|finding| finding.reason.code()).collect();
        let severity = status.findings.first().map(|finding| finding.severity.code().to_owned());
        let usual = status
            .findings
            .first()
            .map(|finding| finding.reason.known().expect("known").entry().severity.code().to_owned());
        let expect = &case.expect;
        let seen = (
            status.verdict.code(),
            reasons,
            severity,
            status.remedy.as_ref().map(|remedy| remedy.shell.clone()),
        );
        let wanted = (
            expect.verdict.as_str(),
            expect.reasons.iter().map(String::as_str).collect::<Vec<_>>(),
            expect.severity.clone().or(usual),
            expect.remedy.clone(),
        );
        if seen != wanted {
            wrong.push(format!("{}\n   seen {seen:?}\n wanted {wanted:?}", case.name));
        }
        if expect.words.as_ref().is_some_and(|words| !status.summary.contains(words)) {
            wrong.push(format!("{}\n says {}", case.name, status.summary));
        }
        let stock = stock(status.reporting.stock_view.as_ref());
        if expect.stock.as_ref().is_some_and(|wanted| *wanted != stock) {
            wrong.push(format!("{}\n stock Teleport is told {stock}", case.name));
        }
        for near in &case.near_miss_of {
            let near =
                near.parse::<Reason>().unwrap_or_else(|_| panic!("{}: {near} is no reason", case.name));
            assert!(!seen.1.contains(&near.code()), "{}: {near} is found", case.name);
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn what_a_healthy_agent_tells_its_cluster_is_true() {
    let mut told = 0;
    for case in cases() {
        let status = judge(case);
        let is_healthy = status.verdict == Verdict::Accompanied && status.findings.is_empty();
        if let Some(view) = status.reporting.cluster_view.filter(|_| is_healthy) {
            assert_eq!(view.is_true, Some(true), "{}: {view:?}", case.name);
            told += 1;
        }
    }
    assert!(told > 10, "{told}");
}

fn stock(view: Option<&StockView>) -> String {
    let Some(view) = view else { return "cannot be told".to_owned() };
    let Some(kind) = &view.external_upgrader else { return "none".to_owned() };
    let status = view.updater_status.as_ref().map(|status| format!(" {status}"));
    format!("{kind}{}", status.unwrap_or_default())
}

#[test]
fn every_reason_a_host_can_show_has_a_case_that_finds_it_and_one_that_nearly_does() {
    let cases = cases();
    for entry in Reason::catalogue() {
        let found = cases.iter().any(|case| case.expect.reasons.iter().any(|code| code == entry.code));
        let nearly = cases.iter().any(|case| case.near_miss_of.iter().any(|code| code == entry.code));
        if entry.finder == Finder::Auth {
            assert!(!found, "{} is found now: say so", entry.code);
        } else {
            assert!(found, "no case finds {}", entry.code);
            assert!(nearly, "no case nearly finds {}", entry.code);
        }
    }
}
