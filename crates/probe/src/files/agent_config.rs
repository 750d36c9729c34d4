//! teleport.yaml, as far as judgement needs it. Secrets in it are parsed over and never kept.

use std::path::Path;

use selfcheck_core::Fact;
use selfcheck_core::Text;
use selfcheck_core::Why;
use selfcheck_core::observation::AgentConfig;
use selfcheck_core::observation::ServiceSwitch;
use serde::Deserialize;
use serde::Deserializer;
use serde::de::IgnoredAny;
use serde::de::MapAccess;
use serde::de::SeqAccess;
use serde::de::Visitor;

use super::tree::Tree;
use super::yaml::from_yaml;

/// The agent's configuration and host id.
pub(crate) struct AgentFiles {
    pub(crate) config: Fact<AgentConfig>,
    pub(crate) host_id: Fact<Text>,
}

impl AgentFiles {
    /// Nothing could be seen.
    pub(crate) const fn unreadable(why: Why) -> Self {
        Self { config: Fact::Unreadable(why), host_id: Fact::Unreadable(why) }
    }

    /// Reads the configuration at `path`, and the host id from the data directory it names or `data_dir`.
    pub(crate) fn look(tree: &Tree, path: &Path, data_dir: &str, limit: u64) -> Self {
        let config = read(tree, path, limit);
        let named = config.present().and_then(|config| config.data_dir.as_ref());
        let host_uuid = Path::new(named.map_or(data_dir, Text::as_str)).join("host_uuid");
        let host_id = tree.read(&host_uuid, 256).map(|id| Text::new(id.trim()));
        Self { config, host_id }
    }
}

/// The agent's configuration at `path`, of which at most `limit` bytes are read.
pub fn agent_config(path: &Path, limit: u64) -> Fact<AgentConfig> {
    read(&Tree::default(), path, limit)
}

fn read(tree: &Tree, path: &Path, limit: u64) -> Fact<AgentConfig> {
    tree.read(path, limit).and_read(|text| parse(&text)).map(Document::into_config)
}

pub(super) fn parse(text: &str) -> Result<Document, Why> {
    let document: Option<Document> = from_yaml(text).map_err(|_| Why::Yaml)?;
    Ok(document.unwrap_or_default())
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Document {
    teleport: Option<Global>,
    auth_service: Option<Service>,
    proxy_service: Option<Service>,
    ssh_service: Option<Service>,
    app_service: Option<Service>,
    db_service: Option<Service>,
    kubernetes_service: Option<Service>,
    windows_desktop_service: Option<Service>,
    discovery_service: Option<Service>,
    okta_service: Option<Service>,
    jamf_service: Option<Service>,
    relay_service: Option<Service>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Global {
    proxy_server: Scalar,
    data_dir: Scalar,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Service {
    enabled: Scalar,
}

impl Document {
    pub(super) fn into_config(self) -> AgentConfig {
        let others = [
            (&self.app_service, "App"),
            (&self.db_service, "Db"),
            (&self.kubernetes_service, "Kube"),
            (&self.windows_desktop_service, "WindowsDesktop"),
            (&self.discovery_service, "Discovery"),
            (&self.okta_service, "Okta"),
            (&self.jamf_service, "MDM"),
            (&self.relay_service, "Relay"),
        ];
        let on = |service: &Option<Service>| {
            service.as_ref().is_some_and(|service| service.enabled.0.is_some() && !service.is_off())
        };
        let other_services =
            others.iter().filter(|(service, _)| on(service)).map(|(_, role)| Text::new(role)).collect();
        let global = self.teleport.unwrap_or_default();
        let text = |scalar: Scalar| scalar.0.filter(|text| !text.is_empty()).map(|text| Text::new(&text));
        AgentConfig {
            data_dir: text(global.data_dir),
            proxy_server: text(global.proxy_server),
            auth_service: switch(self.auth_service.as_ref()),
            proxy_service: switch(self.proxy_service.as_ref()),
            ssh_service: switch(self.ssh_service.as_ref()),
            other_services,
        }
    }
}

impl Service {
    /// The words the product reads as "no".
    fn is_off(&self) -> bool {
        let word = self.enabled.0.as_deref().unwrap_or_default().to_ascii_lowercase();
        matches!(word.as_str(), "no" | "nope" | "n" | "false" | "0" | "off")
    }
}

fn switch(service: Option<&Service>) -> ServiceSwitch {
    match service {
        None => ServiceSwitch::Missing,
        Some(service) if service.is_off() => ServiceSwitch::Off,
        Some(_) => ServiceSwitch::On,
    }
}

/// A scalar of any YAML type, as text; lists and maps count as not given.
#[derive(Debug, Default)]
struct Scalar(Option<String>);

impl<'de> Deserialize<'de> for Scalar {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ScalarVisitor)
    }
}

struct ScalarVisitor;

impl<'de> Visitor<'de> for ScalarVisitor {
    type Value = Scalar;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("any value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Scalar, E> {
        Ok(Scalar(Some(value.to_string())))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Scalar, E> {
        Ok(Scalar(Some(value.to_string())))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Scalar, E> {
        Ok(Scalar(Some(value.to_string())))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Scalar, E> {
        Ok(Scalar(Some(value.to_string())))
    }

    fn visit_str<E>(self, value: &str) -> Result<Scalar, E> {
        Ok(Scalar(Some(value.to_owned())))
    }

    fn visit_unit<E>(self) -> Result<Scalar, E> {
        Ok(Scalar(None))
    }

    fn visit_none<E>(self) -> Result<Scalar, E> {
        Ok(Scalar(None))
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Scalar, D::Error> {
        deserializer.deserialize_any(self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Scalar, A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Scalar(None))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Scalar, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Scalar(None))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(text: &str) -> AgentConfig {
        parse(text).expect(text).into_config()
    }

    #[test]
    fn reads_an_agent() {
        let agent = config(
            "version: v3\nteleport:\n  nodename: db-1\n  proxy_server: teleport.example.com:443\n  \
             join_params: {token_name: secret, method: token}\n\
             auth_service: {enabled: no}\nproxy_service: {enabled: \"no\"}\nssh_service: {enabled: yes}\n\
             db_service:\n  enabled: true\n  resources: [{labels: {\"*\": \"*\"}}]\napp_service: {}\n",
        );
        assert_eq!(agent.proxy_server, Some("teleport.example.com:443".into()));
        assert_eq!(agent.roles(), [Text::new("Node"), Text::new("Db")]);
    }

    #[test]
    fn a_missing_or_silent_section_means_enabled() {
        assert_eq!(config("teleport: {}\n").roles().len(), 3);
        assert_eq!(config("").roles().len(), 3);
        let partly =
            config("auth_service:\nproxy_service: {web_listen_addr: x}\nssh_service: {enabled: off}\n");
        assert_eq!(partly.roles(), [Text::new("Auth"), Text::new("Proxy")]);
    }

    #[test]
    fn a_broken_file_is_unreadable() {
        assert_eq!(parse("teleport: [").expect_err("broken"), Why::Yaml);
    }
}
