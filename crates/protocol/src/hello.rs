//! Who an agent is, in the fields that stock Teleport knows.

use std::collections::BTreeSet;

use selfcheck_core::Claim;
use selfcheck_core::Coded;
use selfcheck_core::Status;
use selfcheck_core::StockView;
use selfcheck_core::TeleportVersion;
use selfcheck_core::Text;
use selfcheck_core::UpdaterKind;
use selfcheck_core::UpdaterStatus;

use crate::HostIdentity;
use crate::Role;
use crate::valid;
use crate::wire::proto::UpstreamInventoryHello;
use crate::wire::types;

/// The most services and the longest field of a Hello.
const SERVICES: usize = 32;
const FIELD: usize = 256;
/// The group of an updater that was told of none.
const DEFAULT_GROUP: &str = "default";

/// The stock part of what an agent says: its Hello.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Hello {
    /// Its Teleport version, without a leading `v`.
    pub version: Text,
    /// Its host id.
    pub server_id: Text,
    /// Its system roles.
    pub services: Vec<Text>,
    /// Its host's name.
    pub hostname: Text,
    /// The updater, as stock Teleport names it.
    pub updater: ClaimedUpdater,
}

/// What a Hello says of an updater. All of it is what a new stream is needed for to tell a stock auth server anew.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct ClaimedUpdater {
    /// Its kind; none where there is no updater.
    pub kind: Option<UpdaterKind>,
    /// Its version, without a leading `v`.
    pub version: Option<Text>,
    /// Its update group.
    pub group: Option<Text>,
    /// How it is.
    pub status: Option<UpdaterStatus>,
}

/// Why a Hello is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidHello {
    /// It names more services than there are.
    #[error("a Hello names {0} services, more than {SERVICES}")]
    Services(usize),
    /// A field is longer than any real one.
    #[error("the {field} of a Hello has {length} bytes, more than {FIELD}")]
    Length {
        /// Which.
        field: &'static str,
        /// Its length.
        length: usize,
    },
}

impl ClaimedUpdater {
    /// What an unmodified auth server is told of `status`.
    pub fn of(status: &Status) -> Self {
        let Some(view) = &status.reporting.stock_view else { return Self::default() };
        let judged =
            status.updater.as_ref().filter(|updater| Some(&updater.kind) == view.external_upgrader.as_ref());
        let version = judged.and_then(|updater| updater.version.as_ref());
        let group = judged.and_then(|updater| updater.group.as_ref());
        Self::new(
            view,
            version.and_then(|version| valid::version(version.as_str())),
            group.and_then(|group| valid::name(group.as_str())),
        )
    }

    /// What it is told by this view, of an updater of this version in this group.
    pub(crate) fn new(view: &StockView, version: Option<Text>, group: Option<Text>) -> Self {
        Self {
            kind: view.external_upgrader.clone(),
            version,
            group: view.updater_status.as_ref().map(|_| group.unwrap_or_else(|| DEFAULT_GROUP.into())),
            // An agent tells no status that it does not know itself.
            status: view.updater_status.as_ref().and_then(Coded::known),
        }
    }
}

impl Hello {
    /// That of an agent that is as `status` says, and speaks with the identity `host`. `version` is the agent's Teleport version
    /// where its status does not tell it.
    pub fn of(status: &Status, host: &HostIdentity, version: Option<&Text>) -> Self {
        let version = status.agent.version.as_ref().or(version);
        let hostname = status.agent.hostname.as_ref();
        Self {
            version: version.and_then(|version| valid::version(version.as_str())).unwrap_or_default(),
            server_id: host.host_id.clone(),
            services: host.services(status),
            hostname: hostname.and_then(|name| valid::name(name.as_str())).unwrap_or_default(),
            updater: ClaimedUpdater::of(status),
        }
    }

    /// The message.
    pub fn to_wire(&self) -> UpstreamInventoryHello {
        let updater = &self.updater;
        UpstreamInventoryHello {
            version: self.version.to_string(),
            server_id: self.server_id.to_string(),
            services: self.services.iter().map(Text::to_string).collect(),
            hostname: self.hostname.to_string(),
            external_upgrader: UpdaterKind::word(updater.kind.as_ref()).to_owned(),
            external_upgrader_version: updater
                .version
                .as_ref()
                .map(|version| format!("v{version}"))
                .unwrap_or_default(),
            updater_info: (updater.status.is_some() || updater.group.is_some()).then(|| {
                types::UpdaterV2Info {
                    update_group: updater.group.as_ref().map(Text::to_string).unwrap_or_default(),
                    update_uuid: Vec::new(),
                    updater_status: updater
                        .status
                        .map_or(types::UpdaterStatus::Unspecified, status_to_wire)
                        .into(),
                }
            }),
        }
    }

    /// Reads a message, keeping only the services that `holds` says the certificate has.
    ///
    /// # Errors
    ///
    /// Where it names more services than there are, or a field is longer than any real one: the stream is to be ended.
    pub fn from_wire(
        hello: &UpstreamInventoryHello,
        holds: impl Fn(Role) -> bool,
    ) -> Result<Self, InvalidHello> {
        if hello.services.len() > SERVICES {
            return Err(InvalidHello::Services(hello.services.len()));
        }
        let group = hello.updater_info.as_ref().map_or("", |info| info.update_group.as_str());
        for (field, value) in [
            ("version", hello.version.as_str()),
            ("host id", &hello.server_id),
            ("host name", &hello.hostname),
            ("updater kind", &hello.external_upgrader),
            ("updater version", &hello.external_upgrader_version),
            ("update group", group),
        ] {
            if value.len() > FIELD {
                return Err(InvalidHello::Length { field, length: value.len() });
            }
        }
        // Each once, however often it is named.
        let named = hello.services.iter().filter_map(|name| name.parse::<Role>().ok());
        let services: BTreeSet<_> = named.filter(|role| holds(*role)).collect();
        Ok(Self {
            version: Text::words(TeleportVersion::without_v(&hello.version)),
            server_id: Text::new(&hello.server_id),
            services: services.iter().map(|role| role.name().into()).collect(),
            hostname: Text::host_name(&hello.hostname),
            updater: ClaimedUpdater {
                kind: UpdaterKind::named(Text::words(&hello.external_upgrader)),
                version: valid::version(&hello.external_upgrader_version),
                group: valid::name(group),
                status: hello.updater_info.as_ref().and_then(|info| status_from_wire(info.updater_status())),
            },
        })
    }

    /// What it claims, to be judged.
    pub fn claim(&self) -> Claim<'_> {
        let claim = Claim::new(self.version.as_str(), &self.services);
        claim.updater(self.updater.kind.as_ref(), self.updater.status)
    }
}

pub(crate) fn status_to_wire(status: UpdaterStatus) -> types::UpdaterStatus {
    match status {
        UpdaterStatus::Ok => types::UpdaterStatus::Ok,
        UpdaterStatus::Disabled => types::UpdaterStatus::Disabled,
        UpdaterStatus::Pinned => types::UpdaterStatus::Pinned,
        UpdaterStatus::Unreadable => types::UpdaterStatus::Unreadable,
    }
}

pub(crate) fn status_from_wire(status: types::UpdaterStatus) -> Option<UpdaterStatus> {
    match status {
        types::UpdaterStatus::Unspecified => None,
        types::UpdaterStatus::Ok => Some(UpdaterStatus::Ok),
        types::UpdaterStatus::Disabled => Some(UpdaterStatus::Disabled),
        types::UpdaterStatus::Pinned => Some(UpdaterStatus::Pinned),
        types::UpdaterStatus::Unreadable => Some(UpdaterStatus::Unreadable),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_is_told_on_where_the_updaters_state_is_not_known() {
        let info =
            types::UpdaterV2Info { update_group: "stage".to_owned(), ..types::UpdaterV2Info::default() };
        let hello = UpstreamInventoryHello { updater_info: Some(info), ..UpstreamInventoryHello::default() };
        let read = Hello::from_wire(&hello, |_| true).expect("valid");
        assert_eq!(read.updater.group.as_ref().map(Text::as_str), Some("stage"));
        assert_eq!(Hello::from_wire(&read.to_wire(), |_| true).as_ref(), Ok(&read));
        let nothing = Hello::from_wire(&UpstreamInventoryHello::default(), |_| true).expect("valid");
        assert_eq!(nothing.to_wire().updater_info, None);
    }
}
