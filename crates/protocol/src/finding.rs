//! A finding, as it travels.

use jiff::Timestamp;
use selfcheck_core::Finding;
use selfcheck_core::Reason;
use selfcheck_core::Severity;

use crate::OTHER;
use crate::valid;
use crate::wire::teleport::selfcheck::v1 as wire;

/// Something that holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct ReportedFinding {
    /// The reason; `None` for one that this version does not know.
    pub reason: Option<Reason>,
    /// How grave it is here.
    pub severity: Severity,
    /// Since when, where that is known.
    pub since: Option<Timestamp>,
}

impl From<&Finding> for ReportedFinding {
    fn from(finding: &Finding) -> Self {
        Self { reason: finding.reason.known(), severity: finding.severity, since: finding.since }
    }
}

impl ReportedFinding {
    /// One that holds nobody knows since when. Of a reason that this version does not know, it is `None`.
    pub const fn new(reason: Option<Reason>, severity: Severity) -> Self {
        Self { reason, severity, since: None }
    }

    /// Its code, or `other`.
    pub fn code(&self) -> &'static str {
        self.reason.map_or(OTHER, Reason::code)
    }

    pub(crate) fn to_wire(self) -> wire::Finding {
        let severity = match self.severity {
            Severity::Critical => wire::Severity::Critical,
            Severity::Warning => wire::Severity::Warning,
            Severity::Advisory => wire::Severity::Advisory,
        };
        wire::Finding {
            reason: self.code().to_owned(),
            severity: severity.into(),
            since: valid::seconds(self.since),
        }
    }

    pub(crate) fn from_wire(finding: &wire::Finding) -> Self {
        let severity = match finding.severity() {
            wire::Severity::Critical => Severity::Critical,
            wire::Severity::Warning => Severity::Warning,
            wire::Severity::Advisory | wire::Severity::Unspecified => Severity::Advisory,
        };
        Self { reason: finding.reason.parse().ok(), severity, since: valid::instant(finding.since) }
    }
}
