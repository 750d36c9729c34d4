//! What an agent by itself tells its cluster: stock Teleport's own detection, which looks at no timer and asks nobody.

use serde::Deserialize;
use serde::Serialize;

use crate::EvidenceKind;
use crate::Fact;
use crate::Observation;
use crate::StockView;
use crate::TeleportVersion;
use crate::Text;
use crate::UpdaterKind;
use crate::UpdaterStatus;
use crate::Verdict;
use crate::stock::FIRST_WITH_UPDATER;

/// What an agent by itself tells its cluster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ClusterView {
    /// The fields of its Hello.
    #[serde(flatten)]
    pub view: StockView,
    /// Whether that is so; null where nobody could see what is so.
    #[serde(rename = "true")]
    pub is_true: Option<bool>,
    /// The release from which on agents surely tell something else, where it is not known which release this agent is of, or when
    /// its release came to do so; null where that does not matter.
    #[serde(default)]
    pub before: Option<Text>,
}

/// By which rule an agent detects its updater.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Detection {
    /// Not at all: the Hello has no word for it.
    Silent,
    /// What the environment says counts as it is: agents whose Hello has no field for the updater's version.
    Verbatim,
    /// The environment's updater counts only with a version, and managed updates v2 before it.
    Versioned,
    /// The same, and managed updates v2 with their state.
    Informed,
}

/// The releases that surely go by [`Detection::Versioned`] and [`Detection::Informed`]. When the older ones came to do so no
/// public changelog says.
const VERSIONED: (u64, u64) = (15, 0);
const INFORMED: (u64, u64) = (18, 0);
/// Those before these, of their major version, surely do not: they are older than the field.
const VERBATIM: [(u64, u64); 2] = [(13, 4), (14, 2)];

impl Detection {
    /// The one of an agent of this version; `None` where it may be either.
    fn of(version: &str) -> Option<Self> {
        let version = TeleportVersion::release_in(version)?;
        let is_verbatim = VERBATIM.iter().any(|end| version.0 == end.0 && version < *end);
        match version {
            _ if version >= INFORMED => Some(Self::Informed),
            _ if version >= VERSIONED => Some(Self::Versioned),
            _ if version < (FIRST_WITH_UPDATER, 0) => Some(Self::Silent),
            _ if is_verbatim => Some(Self::Verbatim),
            _ => None,
        }
    }
}

/// What an agent tells of which so much was seen; `None` where none runs, or not enough was seen. `truth` is what would be told
/// of it here.
pub(crate) fn cluster_view(
    observation: &Observation,
    version: Option<&Text>,
    verdict: Verdict,
    truth: Option<&StockView>,
) -> Option<ClusterView> {
    observation.agent.process.present()?;
    let detection = version.and_then(|version| Detection::of(version.as_str()));
    let view = detected(observation, detection.unwrap_or(Detection::Verbatim))?;
    // An agent of unknown release may be a newer one, which matters where that would tell something else.
    let differs = detection.is_none() && detected(observation, Detection::Versioned)? != view;
    let before = differs.then(|| Text::new(&format!("{}.{}", VERSIONED.0, VERSIONED.1)));
    let is_known = verdict != Verdict::Unknown;
    // Of a state that is not view nothing untrue is said.
    let holds = |truth: &StockView| {
        let is_state = view.updater_status.is_none() || view.updater_status == truth.updater_status;
        view.external_upgrader == truth.external_upgrader && is_state
    };
    Some(ClusterView { is_true: truth.filter(|_| is_known).map(holds), view, before })
}

/// What stock Teleport itself would detect and send from the process it runs in; `None` where that process could
/// not be seen well enough.
pub(crate) fn detected(observation: &Observation, detection: Detection) -> Option<StockView> {
    let process = match &observation.agent.process {
        Fact::Present(process) => process,
        Fact::Unreadable(_) => return None,
        Fact::NotApplicable if observation.evidence == EvidenceKind::Static => return None,
        Fact::Absent | Fact::NotApplicable => return Some(StockView::default()),
    };
    if detection == Detection::Silent {
        return Some(StockView::default());
    }
    if detection != Detection::Verbatim {
        let executable = process.executable.present()?;
        if executable.revision().is_some() && !observation.v2.config.is_absent() {
            let status = match &observation.v2.config {
                Fact::Present(config) if !config.spec.enabled => UpdaterStatus::Disabled,
                Fact::Present(config) if config.spec.pinned => UpdaterStatus::Pinned,
                Fact::Present(_) => UpdaterStatus::Ok,
                _ => UpdaterStatus::Unreadable,
            };
            let updater_status = (detection == Detection::Informed).then(|| status.into());
            return Some(StockView { external_upgrader: Some(UpdaterKind::Binary), updater_status });
        }
    }
    let environment = process.environment.present()?;
    let is_sent = |kind: &UpdaterKind| match detection {
        Detection::Silent => false,
        Detection::Verbatim => true,
        // The older updater is asked for its version by its script, wherever it has one.
        Detection::Versioned | Detection::Informed if *kind == UpdaterKind::Unit => {
            !observation.v1.script.is_absent()
        }
        Detection::Versioned | Detection::Informed => environment.ext_upgrader_version.is_some(),
    };
    let kind = match environment.ext_upgrader.as_ref().filter(|kind| is_sent(kind)) {
        Some(kind) => Some(kind.clone()),
        None if detection != Detection::Verbatim && environment.is_redeployed_by_cluster() => {
            Some(UpdaterKind::IntegrationAwsOidc)
        }
        None => None,
    };
    Some(StockView { external_upgrader: kind, updater_status: None })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_release_detects_as_it_did() {
        for version in ["14.0.0-dev", "14.1.5", "13.3.9", "13.0.0"] {
            assert_eq!(Detection::of(version), Some(Detection::Verbatim), "{version}");
        }
        for version in ["12.4.0", "9.0.1"] {
            assert_eq!(Detection::of(version), Some(Detection::Silent), "{version}");
        }
        for version in ["15.0.0", "15.0.0-alpha.1", "17.5.2", "17.5.2-our_build"] {
            assert_eq!(Detection::of(version), Some(Detection::Versioned), "{version}");
        }
        for version in ["18.0.0", "18.2.0", "19.0.0-dev"] {
            assert_eq!(Detection::of(version), Some(Detection::Informed), "{version}");
        }
        for version in ["14.2.0", "14.3.33", "13.4.0", "", "new", "18"] {
            assert_eq!(Detection::of(version), None, "{version}");
        }
    }
}
