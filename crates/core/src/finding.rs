//! One reason that holds, with the evidence for it.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Deserialize;
use serde::Serialize;

use crate::Coded;
use crate::Reason;
use crate::Severity;
use crate::Text;
use crate::Verdict;

/// One reason that holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Finding {
    /// The reason; that of a newer version may be one that this version does not know.
    pub reason: Coded<Reason>,
    /// How grave it is here.
    pub severity: Severity,
    /// What is the case, in one line.
    pub summary: String,
    /// What was seen that proves it.
    pub evidence: Evidence,
    /// Since when it holds, where that is known.
    pub since: Option<Timestamp>,
}

/// What was seen that proves a finding. It holds instants, never ages, so that it does not change by itself.
pub type Evidence = BTreeMap<String, EvidenceValue>;

/// One value of evidence.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(untagged)]
pub enum EvidenceValue {
    /// A number.
    Number(i64),
    /// An instant. It is no part of what makes two findings the same.
    Instant(Timestamp),
    /// A word, a name or a path.
    Text(Text),
}

impl From<&str> for EvidenceValue {
    fn from(text: &str) -> Self {
        Self::Text(text.into())
    }
}

impl From<Text> for EvidenceValue {
    fn from(text: Text) -> Self {
        Self::Text(text)
    }
}

impl From<&Text> for EvidenceValue {
    fn from(text: &Text) -> Self {
        Self::Text(text.clone())
    }
}

impl From<Timestamp> for EvidenceValue {
    fn from(instant: Timestamp) -> Self {
        Self::Instant(instant)
    }
}

impl From<i32> for EvidenceValue {
    fn from(number: i32) -> Self {
        Self::Number(number.into())
    }
}

impl From<u32> for EvidenceValue {
    fn from(number: u32) -> Self {
        Self::Number(number.into())
    }
}

impl Finding {
    /// The verdict that its reason leads to, if this version knows it and it leads to one.
    pub fn verdict(&self) -> Option<Verdict> {
        self.reason.known().and_then(Reason::verdict)
    }

    /// What makes two findings the same: reason, severity and the evidence that does not move by itself.
    pub fn identity(&self) -> (&Coded<Reason>, Severity, Vec<(&str, &EvidenceValue)>) {
        let stable = self.evidence.iter().filter(|(_, value)| !matches!(value, EvidenceValue::Instant(_)));
        (&self.reason, self.severity, stable.map(|(name, value)| (name.as_str(), value)).collect())
    }
}
