//! What each release has of the messages.

use selfcheck_protocol::wire::proto as wire;
use selfcheck_protocol::wire::types;

/// A release of Teleport.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Release {
    /// 14.0.0-dev of June 2023.
    V14,
    /// The API as it is now.
    Today,
}

impl Release {
    /// Both.
    pub const ALL: [Self; 2] = [Self::V14, Self::Today];

    /// Its version.
    pub const fn version(self) -> &'static str {
        match self {
            Self::V14 => "14.0.0-dev",
            Self::Today => "18.2.0",
        }
    }

    /// A Hello without the fields that it does not know.
    pub(super) fn hello(self, hello: wire::UpstreamInventoryHello) -> wire::UpstreamInventoryHello {
        match self {
            Self::V14 => wire::UpstreamInventoryHello {
                external_upgrader_version: String::new(),
                updater_info: None,
                ..hello
            },
            Self::Today => hello,
        }
    }

    /// Its own Hello.
    pub(super) fn own_hello(self) -> wire::DownstreamInventoryHello {
        let capabilities = wire::downstream_inventory_hello::SupportedCapabilities {
            node_heartbeats: true,
            app_cleanup: true,
            ..Default::default()
        };
        wire::DownstreamInventoryHello {
            version: self.version().to_owned(),
            server_id: "stock".to_owned(),
            capabilities: (self == Self::Today).then_some(capabilities),
            ..wire::DownstreamInventoryHello::default()
        }
    }

    /// An instance without the fields that it does not know.
    pub(super) fn instance(self, instance: &types::InstanceV1) -> types::InstanceV1 {
        let mut instance = instance.clone();
        if let (Self::V14, Some(spec)) = (self, &mut instance.spec) {
            spec.external_upgrader.clear();
            spec.external_upgrader_version.clear();
            spec.last_measurement = None;
            spec.updater_info = None;
        }
        instance
    }

    /// Whether an instance fulfils the conditions that it knows.
    pub(super) fn takes(self, filter: &types::InstanceFilter, instance: &types::InstanceV1) -> bool {
        let spec = instance.spec.clone().unwrap_or_default();
        let id = instance.header.as_ref().and_then(|header| Some(&header.metadata.as_ref()?.name));
        let is = |wanted: &str, value: &str| wanted.is_empty() || wanted == value;
        let old = is(&filter.server_id, id.map_or("", String::as_str))
            && is(&filter.version, &spec.version)
            && (filter.services.is_empty()
                || filter.services.iter().any(|service| spec.services.contains(service)));
        if self == Self::V14 {
            return old;
        }
        let version = |text: &str| semver::Version::parse(text.trim_start_matches('v')).ok();
        let (own, older) = (version(&spec.version), version(&filter.older_than_version));
        let group = spec.updater_info.as_ref().map_or("", |info| info.update_group.as_str());
        old && is(&filter.external_upgrader, &spec.external_upgrader)
            && (!filter.no_ext_upgrader || spec.external_upgrader.is_empty())
            && is(&filter.update_group, group)
            && older.is_none_or(|older| own.is_none_or(|own| own < older))
    }
}
