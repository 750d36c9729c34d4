//! What stock Teleport is told of a judgement.

use crate::Observation;
use crate::Reason;
use crate::StockView;
use crate::UpdaterKind;
use crate::Verdict;
use crate::cluster_view::Detection;
use crate::cluster_view::detected;

/// The stock fields for a judgement: `kind` is that of the updater observed, `reasons` are the findings.
pub(super) fn stock_view(
    observation: &Observation,
    verdict: Verdict,
    kind: Option<&UpdaterKind>,
    reasons: &[Reason],
) -> Option<StockView> {
    if verdict == Verdict::Unknown && !(kind.is_some() && reasons.contains(&Reason::ConfigDenied)) {
        return detected(observation, Detection::Informed);
    }
    if reasons.contains(&Reason::AgentNotManaged) {
        return detected(observation, Detection::Informed); // stock Teleport goes by the file that the agent runs
    }
    let Some(kind) = kind else { return Some(StockView::default()) };
    Some(StockView::of_updater(kind, &|reason| reasons.contains(&reason)))
}
