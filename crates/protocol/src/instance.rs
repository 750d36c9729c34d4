//! An agent as an auth server reports it: Teleport's instance resource, and the Hello of an agent that is connected.

use jiff::Timestamp;
use selfcheck_core::Claim;
use selfcheck_core::TeleportVersion;
use selfcheck_core::Text;
use selfcheck_core::UpdaterKind;
use selfcheck_core::UpdaterStatus;

use crate::Report;
use crate::ReportedUpdater;
use crate::ServerFields;
use crate::field::UpdaterField;
use crate::hello::status_from_wire;
use crate::wire::proto::UpstreamInventoryHello;
use crate::wire::types;

/// The most services of an agent that are read; there are not so many.
const SERVICES: usize = 32;

/// The value of a field that the auth server may not have. Unknown is not the same as empty.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum FieldValue<T> {
    /// This value.
    Set(T),
    /// The auth server has the field, and it is empty.
    Empty,
    /// The auth server may not have the field.
    #[default]
    Unknown,
}

/// An agent, as its auth server reports it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Instance {
    /// Its host id.
    pub server_id: Text,
    /// Its host's name.
    pub hostname: Text,
    /// Its system roles, by the names that were reported.
    pub services: Vec<Text>,
    /// Its Teleport version, without a leading `v`.
    pub version: Text,
    /// When the auth server last agent of it.
    pub last_seen: Option<Timestamp>,
    /// What it says of its updater.
    pub updater: InstanceUpdater,
}

/// What an auth server reports about an agent's updater.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct InstanceUpdater {
    /// Its kind.
    pub kind: FieldValue<UpdaterKind>,
    /// Its version, without a leading `v`.
    pub version: FieldValue<Text>,
    /// Its update group.
    pub group: FieldValue<Text>,
    /// How it is.
    pub status: FieldValue<UpdaterStatus>,
}

impl<T> FieldValue<T> {
    /// The value, if one is set.
    pub const fn value(&self) -> Option<&T> {
        match self {
            Self::Set(value) => Some(value),
            Self::Empty | Self::Unknown => None,
        }
    }

    /// Whether the auth server may not have the field.
    pub const fn is_unknown(&self) -> bool {
        matches!(self, Self::Unknown)
    }

    /// A value that was read, from a server that has the field or may not have it.
    fn read(value: Option<T>, has_field: bool) -> Self {
        match value {
            Some(value) => Self::Set(value),
            None if has_field => Self::Empty,
            None => Self::Unknown,
        }
    }

    pub(crate) fn or(self, other: Self) -> Self {
        if self.is_unknown() { other } else { self }
    }
}

impl Instance {
    /// Reads an instance; `None` if it names no agent. What is empty in it means none only where `server` has the field.
    pub fn from_wire(instance: types::InstanceV1, server: &ServerFields) -> Option<Self> {
        let spec = instance.spec?;
        let name = Some(instance.header?.metadata?.name).filter(|name| !name.is_empty())?;
        let last_seen = spec.last_seen.and_then(|seen| Timestamp::new(seen.seconds, seen.nanos).ok());
        Some(Self {
            server_id: Text::new(&name),
            hostname: Text::host_name(&spec.hostname),
            services: spec.services.iter().take(SERVICES).map(|name| Text::words(name)).collect(),
            version: Text::words(TeleportVersion::without_v(&spec.version)),
            last_seen,
            updater: InstanceUpdater::read(
                &spec.external_upgrader,
                &spec.external_upgrader_version,
                spec.updater_info.as_ref(),
                |field| server.has(field.of_instance()),
            ),
        })
    }

    /// Reads the Hello of an agent that is connected to an auth server.
    pub(crate) fn of_hello(hello: &UpstreamInventoryHello, server: &ServerFields) -> Self {
        Self {
            server_id: Text::new(&hello.server_id),
            hostname: Text::host_name(&hello.hostname),
            services: hello.services.iter().take(SERVICES).map(|name| Text::words(name)).collect(),
            version: Text::words(TeleportVersion::without_v(&hello.version)),
            last_seen: None,
            updater: InstanceUpdater::read(
                &hello.external_upgrader,
                &hello.external_upgrader_version,
                hello.updater_info.as_ref(),
                |field| server.has(field.of_hello()),
            ),
        }
    }

    /// What it comes to: its claim judged, as far as it is known.
    pub fn report(&self) -> Report {
        let updater = &self.updater;
        let status = updater.status.value().copied();
        let claim = Claim::new(self.version.as_str(), &self.services);
        let claim = match &updater.kind {
            FieldValue::Set(kind) => claim.updater(Some(kind), status),
            FieldValue::Empty => claim.updater(None, status),
            FieldValue::Unknown => claim,
        };
        let reported = updater.kind.value().map(|kind| ReportedUpdater {
            kind: kind.clone(),
            version: updater.version.value().cloned(),
            group: updater.group.value().cloned(),
        });
        Report::claimed(claim, reported)
    }
}

impl InstanceUpdater {
    fn read(
        kind: &str,
        version: &str,
        info: Option<&types::UpdaterV2Info>,
        has: impl Fn(UpdaterField) -> bool,
    ) -> Self {
        let given = |text: &str| (!text.is_empty()).then(|| Text::words(text));
        let kind = FieldValue::read(UpdaterKind::named(Text::words(kind)), has(UpdaterField::Kind));
        // Where there is no updater, it has no version either.
        let is_none = kind == FieldValue::Empty;
        let has_info = has(UpdaterField::Info) || is_none;
        Self {
            kind,
            version: FieldValue::read(
                given(TeleportVersion::without_v(version)),
                has(UpdaterField::Version) || is_none,
            ),
            group: FieldValue::read(info.and_then(|info| given(&info.update_group)), has_info),
            status: match info.map(|info| (info.updater_status, status_from_wire(info.updater_status()))) {
                Some((1.., None)) => FieldValue::Unknown, // a state that this version has no word for
                read => FieldValue::read(read.and_then(|(_, status)| status), has_info),
            },
        }
    }
}
