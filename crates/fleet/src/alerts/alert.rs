//! Cluster alerts, by Teleport's own rules for them.

use std::collections::BTreeMap;

use jiff::Timestamp;
use selfcheck_core::Text;
use selfcheck_core::policy::AlertSeverity;
use selfcheck_protocol::severity_from_wire;
use selfcheck_protocol::severity_to_wire;
use selfcheck_protocol::wire::types;

/// How long an alert lasts of which nobody says so.
const LASTS: jiff::SignedDuration = jiff::SignedDuration::from_hours(24);
/// The longest id of an alert, and label.
const WORD: usize = 256;
/// The longest message, and reason of an acknowledgement.
const MESSAGE: usize = 4096;
/// The most labels.
const LABELS: usize = 64;
/// The first of January of the year 1, in seconds since 1970.
const UNSET: i64 = -62_135_596_800;
/// The growth, in percent, that makes an acknowledgement void.
const GROWTH: u64 = 20;
/// The one host that alerts may link to.
const LINK_HOST: &str = "goteleport.com";

/// The labels of cluster alerts that mean something to Teleport.
pub mod labels {
    /// `yes`: shown by `tsh login`.
    pub const ON_LOGIN: &str = "teleport.internal/alert-on-login";
    /// `yes`: everybody may see it.
    pub const PERMIT_ALL: &str = "teleport.internal/alert-permit-all";
    /// Whoever has one of these rights may see it, written `kind:verb` with `|` between them.
    pub const VERB_PERMIT: &str = "teleport.internal/alert-verb-permit";
    /// The id of another alert, which is hidden while this one is graver.
    pub const SUPERSEDES: &str = "teleport.internal/alert-supersedes";
    /// Where to read on, on Teleport's own site.
    pub const LINK: &str = "teleport.internal/link";
    /// The words of that link.
    pub const LINK_TEXT: &str = "teleport.internal/link-text";
}

/// A cluster alert.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Alert {
    /// Its id, which is the name of the resource.
    pub id: String,
    /// How grave it is.
    pub severity: AlertSeverity,
    /// What it says, on one line.
    pub message: String,
    /// Who sees it, and where it leads; see [`labels`].
    pub labels: BTreeMap<String, String>,
    /// When it was raised first.
    pub created: Timestamp,
    /// When it ends by itself.
    pub expires: Timestamp,
    /// How many agents it is about, where it is about agents. An acknowledgement is void when there are many more than it was given for.
    pub agents: Option<u64>,
}

/// That an alert is known, and hidden.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct AlertAck {
    /// Which alert.
    pub id: String,
    /// Why.
    pub reason: String,
    /// Until when.
    pub expires: Timestamp,
    /// How many agents the alert was about; the store that takes it knows.
    pub agents: Option<u64>,
}

/// Why an alert or an acknowledgement is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidAlert {
    /// It has no id, or one that is too long or no plain word.
    #[error("the id `{0}` is empty, too long, or has other characters than a name")]
    Id(Text),
    /// It says nothing, too much, or has control characters.
    #[error(
        "the message or reason of `{0}` is empty, longer than {MESSAGE} bytes, or has control characters"
    )]
    Message(Text),
    /// A label has characters that Teleport refuses, or there are too many.
    #[error("the label `{0}` has a name or a value that Teleport refuses, or there are more than {LABELS}")]
    Label(Text),
    /// A link leads elsewhere.
    #[error("the link `{0}` does not lead to {LINK_HOST}")]
    Link(Text),
    /// It ends at no time that there is.
    #[error("the time of `{0}` is missing or out of range")]
    Time(Text),
    /// There are as many as are kept.
    #[error("there are as many alerts or acknowledgements as are kept; take some back")]
    Full,
}

impl Alert {
    /// One that was raised `created` and lasts for a day, about nobody in particular and without labels.
    pub fn new(
        id: impl Into<String>,
        severity: AlertSeverity,
        message: impl Into<String>,
        created: Timestamp,
    ) -> Self {
        Self {
            id: id.into(),
            severity,
            message: message.into(),
            labels: BTreeMap::new(),
            created,
            expires: created.checked_add(LASTS).unwrap_or(Timestamp::MAX),
            agents: None,
        }
    }

    /// By Teleport's rules, and within bounds.
    ///
    /// # Errors
    ///
    /// The first rule that it breaks. Such an alert is not to be raised.
    pub fn check(&self) -> Result<(), InvalidAlert> {
        let about = || Text::new(&self.id);
        check_id(&self.id)?;
        if !is_line(&self.message) {
            return Err(InvalidAlert::Message(about()));
        }
        if self.labels.len() > LABELS {
            return Err(InvalidAlert::Label(about()));
        }
        for (key, value) in &self.labels {
            let holds = match key.as_str() {
                labels::LINK if !leads_home(value) => return Err(InvalidAlert::Link(Text::new(value))),
                labels::LINK => value.len() <= MESSAGE,
                labels::LINK_TEXT => is_word(value, |byte| byte.is_ascii_alphanumeric() || byte == b' '),
                _ => is_word(value, |byte| is_label(byte) || matches!(byte, b'_' | b':' | b'|')),
            };
            if !holds || !is_word(key, is_label) {
                return Err(InvalidAlert::Label(Text::new(key)));
            }
        }
        Ok(())
    }

    /// What it takes in a book, in bytes.
    pub(super) fn size(&self) -> usize {
        let labels: usize = self.labels.iter().map(|(key, value)| key.len() + value.len()).sum();
        self.id.len() + self.message.len() + labels
    }

    pub(super) fn label(&self, key: &str) -> Option<&str> {
        self.labels.get(key).map(String::as_str)
    }

    /// The alert of a message that came now.
    ///
    /// # Errors
    ///
    /// Where something is missing or breaks a rule, to be told to whoever sent it.
    pub fn from_wire(alert: types::ClusterAlert, now: Timestamp) -> Result<Self, InvalidAlert> {
        let metadata = alert.header.and_then(|header| header.metadata).unwrap_or_default();
        let spec = alert.spec.unwrap_or_default();
        let about = || Text::new(&metadata.name);
        let time = |given: Option<prost_types::Timestamp>| given.filter(is_set).map(time).transpose();
        let created = time(spec.created).map_err(|()| InvalidAlert::Time(about()))?.unwrap_or(now);
        let expires = time(metadata.expires).map_err(|()| InvalidAlert::Time(about()))?;
        let mut alert = Self::new(metadata.name, severity_from_wire(spec.severity), spec.message, created);
        alert.labels = metadata.labels.into_iter().collect();
        alert.expires = expires.unwrap_or(alert.expires);
        alert.check()?;
        Ok(alert)
    }

    /// The message.
    pub fn to_wire(&self) -> types::ClusterAlert {
        types::ClusterAlert {
            header: Some(types::ResourceHeader {
                kind: "cluster_alert".to_owned(),
                sub_kind: String::new(),
                version: "v1".to_owned(),
                metadata: Some(types::Metadata {
                    name: self.id.clone(),
                    namespace: "default".to_owned(),
                    labels: self.labels.clone().into_iter().collect(),
                    expires: Some(wire_time(self.expires)),
                    ..types::Metadata::default()
                }),
            }),
            spec: Some(types::ClusterAlertSpec {
                severity: severity_to_wire(self.severity).into(),
                message: self.message.clone(),
                created: Some(wire_time(self.created)),
            }),
        }
    }
}

impl AlertAck {
    /// Somebody knows of an alert until `expires`.
    pub const fn new(id: String, reason: String, expires: Timestamp) -> Self {
        Self { id, reason, expires, agents: None }
    }

    /// Whether the alert is about so many more agents than when it was acknowledged, by a fifth, that it has to be seen again.
    pub fn is_outgrown_by(&self, alert: &Alert) -> bool {
        // One that was acknowledged before it was raised was about nobody.
        let known = self.agents.unwrap_or(0);
        alert.agents.is_some_and(|now| now.saturating_mul(100) > known.saturating_mul(100 + GROWTH))
    }

    /// The acknowledgement of a message.
    ///
    /// # Errors
    ///
    /// Where the id, the reason or the time is none, to be told to whoever sent it.
    pub fn from_wire(ack: types::AlertAcknowledgement) -> Result<Self, InvalidAlert> {
        check_id(&ack.alert_id)?;
        if !is_line(&ack.reason) {
            return Err(InvalidAlert::Message(Text::new(&ack.alert_id)));
        }
        let expires = ack.expires.filter(is_set).map(time).and_then(Result::ok);
        let expires = expires.ok_or_else(|| InvalidAlert::Time(Text::new(&ack.alert_id)))?;
        Ok(Self { id: ack.alert_id, reason: ack.reason, expires, agents: None })
    }

    /// The message.
    pub fn to_wire(&self) -> types::AlertAcknowledgement {
        types::AlertAcknowledgement {
            alert_id: self.id.clone(),
            reason: self.reason.clone(),
            expires: Some(wire_time(self.expires)),
        }
    }
}

fn check_id(id: &str) -> Result<(), InvalidAlert> {
    let is_plain =
        |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_' | b'/' | b':');
    if is_word(id, is_plain) { Ok(()) } else { Err(InvalidAlert::Id(Text::new(id))) }
}

const fn is_label(byte: u8) -> bool {
    byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'.' | b'-' | b'/')
}

fn is_word(word: &str, may_be: impl Fn(u8) -> bool) -> bool {
    (1..=WORD).contains(&word.len()) && word.bytes().all(may_be)
}

fn is_line(text: &str) -> bool {
    (1..=MESSAGE).contains(&text.len()) && !text.chars().any(char::is_control)
}

/// Whether a URL leads to Teleport's own site, without a port or a user.
fn leads_home(url: &str) -> bool {
    let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
    let host = rest.and_then(|rest| rest.split(['/', '?', '#']).next());
    host == Some(LINK_HOST) && url.bytes().all(|byte| byte.is_ascii_graphic())
}

/// Whether a time was set: Go sends the beginning of its calendar where none was.
const fn is_set(time: &prost_types::Timestamp) -> bool {
    time.seconds != UNSET
}

fn time(time: prost_types::Timestamp) -> Result<Timestamp, ()> {
    Timestamp::new(time.seconds, time.nanos).map_err(|_| ())
}

fn wire_time(time: Timestamp) -> prost_types::Timestamp {
    prost_types::Timestamp { seconds: time.as_second(), nanos: time.subsec_nanosecond() }
}
