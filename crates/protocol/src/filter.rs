//! Which agents are asked for.

use selfcheck_core::TeleportVersion;
use selfcheck_core::Text;
use selfcheck_core::UpdaterKind;
use selfcheck_core::Verdict;

use crate::verdict_from_wire;
use crate::verdict_to_wire;
use crate::wire::teleport::selfcheck::v1 as own;
use crate::wire::types;

/// Which agents are asked for. Conditions left out do not count.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Filter {
    /// This one.
    pub server_id: Option<String>,
    /// Of this version.
    pub version: Option<TeleportVersion>,
    /// Running at least one of these services.
    pub services: Vec<String>,
    /// With such an updater.
    pub upgrader: Option<UpgraderFilter>,
    /// Older than this version.
    pub older_than: Option<TeleportVersion>,
    /// Newer than this version.
    pub newer_than: Option<TeleportVersion>,
    /// In this update group.
    pub update_group: Option<String>,
    /// In this verdict.
    pub verdict: Option<Verdict>,
    /// With this reason among the findings.
    pub reason: Option<String>,
}

/// Which updaters are asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UpgraderFilter {
    /// None at all.
    Without,
    /// One of this kind.
    Of(UpdaterKind),
}

/// A version that is asked for is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what} `{version}` is no version")]
#[non_exhaustive]
pub struct InvalidFilter {
    /// Which one, in words.
    pub what: &'static str,
    /// What was given.
    pub version: Text,
}

impl Filter {
    /// As stock Teleport is asked, which knows neither verdict nor reason.
    pub fn to_stock(&self) -> types::InstanceFilter {
        let text = |version: &Option<TeleportVersion>| {
            version.as_ref().map(TeleportVersion::to_string).unwrap_or_default()
        };
        types::InstanceFilter {
            server_id: self.server_id.clone().unwrap_or_default(),
            version: text(&self.version),
            services: self.services.clone(),
            external_upgrader: match &self.upgrader {
                Some(UpgraderFilter::Of(kind)) => kind.to_string(),
                Some(UpgraderFilter::Without) | None => String::new(),
            },
            no_ext_upgrader: self.upgrader == Some(UpgraderFilter::Without),
            older_than_version: text(&self.older_than),
            newer_than_version: text(&self.newer_than),
            update_group: self.update_group.clone().unwrap_or_default(),
        }
    }

    /// As stock Teleport asks.
    ///
    /// # Errors
    ///
    /// Where a version is none.
    pub fn from_stock(asked: &types::InstanceFilter) -> Result<Self, InvalidFilter> {
        Ok(Self {
            server_id: given(&asked.server_id),
            version: version("version", &asked.version)?,
            services: asked.services.clone(),
            upgrader: upgrader(&asked.external_upgrader, asked.no_ext_upgrader),
            older_than: version("older-than version", &asked.older_than_version)?,
            newer_than: version("newer-than version", &asked.newer_than_version)?,
            update_group: given(&asked.update_group),
            verdict: None,
            reason: None,
        })
    }

    /// As this project's own service is asked, for the page that begins at `page_token` with so many agents, as many as are usual
    /// where that is 0. It knows no conditions about other versions than older ones.
    pub fn to_request(&self, page_size: u32, page_token: String) -> own::ListAgentsRequest {
        let stock = self.to_stock();
        own::ListAgentsRequest {
            page_size,
            page_token,
            verdict: self.verdict.map_or(0, |verdict| verdict_to_wire(verdict).into()),
            reason: self.reason.clone().unwrap_or_default(),
            stock: Some(own::AgentFilter {
                services: stock.services,
                upgrader: stock.external_upgrader,
                no_upgrader: stock.no_ext_upgrader,
                older_than: stock.older_than_version,
                update_group: stock.update_group,
            }),
            server_id: stock.server_id,
        }
    }

    /// As this project's own service is asked.
    ///
    /// # Errors
    ///
    /// Where a version is none.
    pub fn from_request(request: &own::ListAgentsRequest) -> Result<Self, InvalidFilter> {
        let stock = request.stock.clone().unwrap_or_default();
        Ok(Self {
            server_id: given(&request.server_id),
            services: stock.services,
            upgrader: upgrader(&stock.upgrader, stock.no_upgrader),
            older_than: version("older-than version", &stock.older_than)?,
            update_group: given(&stock.update_group),
            verdict: verdict_from_wire(request.verdict()),
            reason: given(&request.reason),
            ..Self::default()
        })
    }
}

fn given(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}

fn upgrader(named: &str, wants_none: bool) -> Option<UpgraderFilter> {
    if wants_none {
        return Some(UpgraderFilter::Without);
    }
    UpdaterKind::named(Text::words(named)).map(UpgraderFilter::Of)
}

fn version(what: &'static str, raw: &str) -> Result<Option<TeleportVersion>, InvalidFilter> {
    if raw.is_empty() {
        return Ok(None);
    }
    let invalid = || InvalidFilter { what, version: Text::new(raw) };
    TeleportVersion::relaxed(raw).map(Some).map_err(|_| invalid())
}
