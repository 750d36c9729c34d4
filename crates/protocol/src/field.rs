//! Which auth servers have which fields: what is empty in an answer means none only where the server has the field.

use crate::InventoryCounts;
use crate::wire::types::InstanceV1;

/// A field of a message that an auth server is asked with or answers with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Field {
    /// The message, as Teleport names it.
    pub message: &'static str,
    /// Its number there.
    pub number: u32,
    /// Its name there.
    pub name: &'static str,
    /// The first release whose auth servers have it.
    pub since: Since,
    /// What it means where it is empty, or is not there.
    pub absence: &'static str,
}

/// The first release that has something. Versions are compared by major and minor: a development build counts as its release.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Since {
    /// Every auth server that is supported has it.
    Always,
    /// Those of this major and minor version and newer.
    Release(u64, u64),
    /// No public changelog names one. A server has it where an answer shows it; else nobody knows.
    Unconfirmed,
}

/// Makes the table, and a name for each field that something is read by.
macro_rules! fields {
    ($($message:literal { $($number:literal $name:literal $since:expr, $absence:literal $(=> $constant:ident)?;)* })*) => {
        $($($(
            pub(crate) const $constant: Field =
                Field { message: $message, number: $number, name: $name, since: $since, absence: $absence };
        )?)*)*

        /// Every field of the messages that an auth server of Teleport's is asked with or answers with, as far as they are read
        /// here.
        pub const FIELDS: &[Field] = &[$($(
            Field { message: $message, number: $number, name: $name, since: $since, absence: $absence },
        )*)*];
    };
}

use Since::Always;
use Since::Release;
use Since::Unconfirmed;
use selfcheck_core::TeleportVersion;

// Sources: 14.0 is an unmodified 14.0.0-dev that was driven by hand. The changelog names `tctl inventory ls` with the status of
// automatic upgrades for 13.2.1, but that build of 14.0, which is younger, has nothing of it: so 14.1 is the first version that
// proves it.
fields! {
    "PingResponse" {
        1 "ClusterName" Always, "not read";
        2 "ServerVersion" Always, "the version is not known, and only what answers show counts";
    }
    "InstanceSpecV1" {
        1 "Version" Always, "no version: older than every other";
        2 "Services" Always, "no services";
        3 "Hostname" Always, "no name";
        4 "AuthID" Always, "not read";
        5 "LastSeen" Always, "not known";
        6 "ControlLog" Always, "not read";
        7 "ExternalUpgrader" Release(14, 1), "no updater is claimed; unknown from a server without it" => INSTANCE_UPGRADER;
        8 "ExternalUpgraderVersion" Unconfirmed, "no version is claimed; unknown from a server without it" => INSTANCE_UPGRADER_VERSION;
        9 "LastMeasurement" Unconfirmed, "not measured; not read";
        10 "UpdaterInfo" Unconfirmed, "no group and no state are claimed; unknown from a server without it" => INSTANCE_UPDATER_INFO;
    }
    "UpstreamInventoryHello" {
        1 "Version" Always, "no version: older than every other";
        2 "ServerID" Always, "no agent";
        3 "Services" Always, "no services";
        4 "Hostname" Always, "no name";
        5 "ExternalUpgrader" Release(14, 0), "no updater is claimed; unknown from a server without it" => HELLO_UPGRADER;
        6 "ExternalUpgraderVersion" Unconfirmed, "no version is claimed; unknown from a server without it" => HELLO_UPGRADER_VERSION;
        8 "UpdaterInfo" Unconfirmed, "no group and no state are claimed; unknown from a server without it" => HELLO_UPDATER_INFO;
    }
    "UpdaterV2Info" {
        1 "UpdateGroup" Unconfirmed, "no group is claimed";
        2 "UpdateUUID" Unconfirmed, "not read";
        3 "UpdaterStatus" Unconfirmed, "no state is claimed, or one that this version does not know";
    }
    "InventoryStatusSummary" {
        1 "Connected" Always, "not asked for, or nobody is connected to this auth server";
        2 "InstanceCount" Release(14, 1), "no instances; unknown from a server without it" => STATUS_COUNTS;
        3 "VersionCounts" Release(14, 1), "no instances; unknown from a server without it";
        4 "UpgraderCounts" Release(14, 1), "no instances; unknown from a server without it";
        5 "ServiceCounts" Release(14, 1), "no instances; unknown from a server without it";
    }
    "InventoryStatusRequest" {
        1 "Connected" Always, "counts alone";
    }
    "InstanceFilter" {
        1 "ServerID" Always, "all; applied here too";
        2 "Version" Always, "all; never sent";
        3 "Services" Always, "all; applied here too";
        4 "ExternalUpgrader" Release(14, 1), "all; applied here too";
        5 "NoExtUpgrader" Release(14, 1), "all; applied here too";
        6 "OlderThanVersion" Release(14, 1), "all; applied here too";
        7 "NewerThanVersion" Release(14, 1), "all; never sent";
        8 "UpdateGroup" Unconfirmed, "all; applied here too";
    }
    "DownstreamInventoryHello" {
        1 "Version" Always, "not read";
        2 "ServerID" Always, "not read";
        3 "Capabilities" Unconfirmed, "the server takes no goodbye, and none is said";
        15120 "self_check" Unconfirmed, "a server without this project's extension, which gets the stock fields only";
    }
    "GetClusterAlertsRequest" {
        1 "Severity" Always, "all; never sent";
        2 "AlertID" Always, "all; never sent";
        3 "Labels" Always, "all; never sent";
        4 "WithSuperseded" Unconfirmed, "without those that a graver one speaks for";
        5 "WithAcknowledged" Always, "without those that somebody knows of; asked for with `-v`";
        6 "WithUntargeted" Always, "those meant for who asks alone; always asked for";
    }
    "GetClusterAlertsResponse" {
        1 "Alerts" Always, "no alerts";
    }
    "AlertAcknowledgement" {
        1 "AlertID" Always, "refused";
        2 "Reason" Always, "refused";
        4 "Expires" Always, "refused";
    }
    "InstanceV1" {
        1 "Header" Always, "no agent; counted in a warning";
        2 "Spec" Always, "no agent; counted in a warning";
    }
    "ResourceHeader" {
        1 "Kind" Always, "not read";
        2 "SubKind" Always, "not read";
        3 "Version" Always, "not read";
        4 "Metadata" Always, "no agent or alert; counted in a warning";
    }
    "Metadata" {
        1 "Name" Always, "no agent or alert; counted in a warning";
        2 "Namespace" Always, "not read";
        3 "Description" Always, "not read";
        5 "Labels" Always, "no labels";
        6 "Expires" Always, "not read";
        8 "Revision" Always, "not read";
    }
    "ClusterAlert" {
        1 "Header" Always, "no alert; counted in a warning";
        2 "Spec" Always, "no alert; counted in a warning";
    }
    "ClusterAlertSpec" {
        1 "Severity" Always, "low";
        2 "Message" Always, "no words";
        3 "Created" Always, "not known";
    }
}

/// What is said of an updater, in the instance of an agent and in its Hello.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum UpdaterField {
    Kind,
    Version,
    /// Its group and its state.
    Info,
}

impl UpdaterField {
    const ALL: [Self; 3] = [Self::Kind, Self::Version, Self::Info];

    /// The field of an instance.
    pub(crate) const fn of_instance(self) -> Field {
        match self {
            Self::Kind => INSTANCE_UPGRADER,
            Self::Version => INSTANCE_UPGRADER_VERSION,
            Self::Info => INSTANCE_UPDATER_INFO,
        }
    }

    /// The field of a Hello.
    pub(crate) const fn of_hello(self) -> Field {
        match self {
            Self::Kind => HELLO_UPGRADER,
            Self::Version => HELLO_UPGRADER_VERSION,
            Self::Info => HELLO_UPDATER_INFO,
        }
    }
}

/// Which fields an auth server has: from its version and from its answers.
#[derive(Debug, Clone, Default)]
pub struct ServerFields {
    /// Its major and minor version.
    version: Option<(u64, u64)>,
    /// What was in its answers.
    seen: Vec<Field>,
}

impl ServerFields {
    /// Those of a server of this version, as it tells it; `None` or something strange for one that does not tell.
    pub fn of_version(version: Option<&str>) -> Self {
        let version = version.and_then(|version| TeleportVersion::relaxed(version).ok());
        Self { version: version.map(|version| version.release()), seen: Vec::new() }
    }

    /// Whether an empty value of the field means that there is none.
    pub(crate) fn has(&self, field: Field) -> bool {
        match field.since {
            Always => true,
            Release(major, minor) if self.version >= Some((major, minor)) => true,
            Release(..) | Unconfirmed => self.seen.contains(&field),
        }
    }

    /// Takes note of what an instance shows.
    pub fn learn_from(&mut self, instance: &InstanceV1) {
        let Some(spec) = &instance.spec else { return };
        for (field, is_shown) in [
            (INSTANCE_UPGRADER, !spec.external_upgrader.is_empty()),
            (INSTANCE_UPGRADER_VERSION, !spec.external_upgrader_version.is_empty()),
            (INSTANCE_UPDATER_INFO, spec.updater_info.is_some()),
        ] {
            if is_shown {
                self.add(field);
            }
        }
    }

    /// Whether it counts its instances: by its version, or because it does.
    pub fn count_instances(&self, counts: &InventoryCounts) -> bool {
        let shows = counts.instances > 0 || !counts.versions.is_empty();
        self.has(STATUS_COUNTS) || shows
    }

    /// Whether its instances tell which updater an agent names.
    #[cfg(test)]
    fn has_updater_kind(&self) -> bool {
        self.has(INSTANCE_UPGRADER)
    }

    /// Whether its instances tell everything that any server's do.
    pub fn has_all_updater_fields(&self) -> bool {
        UpdaterField::ALL.iter().all(|field| self.has(field.of_instance()))
    }

    /// An answer has shown this field.
    pub(crate) fn add(&mut self, field: Field) {
        if !self.seen.contains(&field) {
            self.seen.push(field);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::types::InstanceSpecV1;

    #[test]
    fn a_version_proves_what_its_release_has() {
        let has = |version| ServerFields::of_version(version).has_updater_kind();
        for new in ["14.1.0", "v14.1.0", "14.1.0-dev", "18.2.0-alpha.1", "18.2.0"] {
            assert!(has(Some(new)), "{new}");
        }
        for old in
            [Some("14.0.0-dev"), Some("14.0.3"), Some("13.9.9"), Some("9"), Some("new"), Some(""), None]
        {
            assert!(!has(old), "{old:?}");
        }
        assert!(ServerFields::of_version(Some("14.0.0-dev")).has(HELLO_UPGRADER), "a build of 14.0 is 14.0");
        assert!(!ServerFields::of_version(Some("13.3.0")).has(HELLO_UPGRADER));
        assert!(
            !ServerFields::of_version(Some("99.0.0")).has(INSTANCE_UPDATER_INFO),
            "no changelog names it"
        );
    }

    #[test]
    fn so_does_an_answer() {
        let mut server = ServerFields::of_version(Some("13.3.0"));
        let spec = InstanceSpecV1 { external_upgrader: "unit".to_owned(), ..InstanceSpecV1::default() };
        server.learn_from(&InstanceV1 { header: None, spec: Some(InstanceSpecV1::default()) });
        assert!(!server.has_updater_kind());
        server.learn_from(&InstanceV1 { header: None, spec: Some(spec) });
        assert!(server.has_updater_kind() && !server.has_all_updater_fields());
    }
}
