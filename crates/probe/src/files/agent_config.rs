//! teleport.yaml, as far as judgement needs it. Secrets in it are parsed over and never kept.

use std::path::Path;

use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::GeneralPurpose;
use base64::engine::GeneralPurposeConfig;
use selfcheck_core::Fact;
use selfcheck_core::Text;
use selfcheck_core::Why;
use selfcheck_core::observation::AgentConfig;
use selfcheck_core::observation::ServiceSwitch;
use serde::Deserialize;

use super::tree::Reach;
use super::tree::Tree;
use super::tree::seen;
use super::yaml::as_product;

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
    pub(crate) fn look(reach: &Reach, path: &Path, data_dir: &str, limit: u64) -> Self {
        Self::of(reach, seen(reach, |tree| read(tree, path, limit)), data_dir)
    }

    /// The same for a configuration of at most `limit` bytes that was given in base64.
    pub(crate) fn decode(reach: &Reach, encoded: &str, data_dir: &str, limit: u64) -> Self {
        let config = decode(encoded, limit).and_then(|text| parse(&text)).map(Document::into_config);
        Self::of(reach, config.into(), data_dir)
    }

    fn of(reach: &Reach, config: Fact<AgentConfig>, data_dir: &str) -> Self {
        let named = config.present().and_then(|config| config.data_dir.as_ref());
        let host_uuid = Path::new(named.map_or(data_dir, Text::as_str)).join("host_uuid");
        let host_id = seen(reach, |tree| tree.read(&host_uuid, 256)).and_read(|text| host_id(&text));
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

/// The text of what is encoded as Go's decoder takes it: padded, with line ends anywhere.
fn decode(encoded: &str, limit: u64) -> Result<String, Why> {
    const GO: GeneralPurpose =
        GeneralPurpose::new(&STANDARD, GeneralPurposeConfig::new().with_decode_allow_trailing_bits(true));
    let encoded: String = encoded.chars().filter(|character| !matches!(character, '\r' | '\n')).collect();
    if encoded.len() as u64 / 4 * 3 > limit {
        return Err(Why::TooLarge);
    }
    let bytes = GO.decode(encoded).map_err(|_| Why::Encoding)?;
    String::from_utf8(bytes).map_err(|_| Why::Encoding)
}

pub(super) fn parse(text: &str) -> Result<Document, Why> {
    Ok(as_product(text)?.unwrap_or_default())
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
    proxy_server: Option<String>,
    data_dir: Option<String>,
}

/// A host id, as the product makes them: a UUID, or the account and the instance of a cloud. Any other file may lie there, and is
/// not told.
fn host_id(text: &str) -> Result<Text, Why> {
    let id = text.trim();
    let is_id = (1..=64).contains(&id.len())
        && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte));
    if is_id { Ok(Text::new(id)) } else { Err(Why::Unusual) }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Service {
    /// The product takes it for a text, whatever it looks like.
    enabled: Option<String>,
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
        let on = |service: &Option<Service>| service.as_ref().and_then(Service::enabled) == Some(true);
        let other_services =
            others.iter().filter(|(service, _)| on(service)).map(|(_, role)| Text::new(role)).collect();
        let global = self.teleport.unwrap_or_default();
        let text =
            |value: Option<String>| value.filter(|value| !value.is_empty()).map(|value| Text::new(&value));
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
    /// Whether it is switched on or off, where the section says so. What the product does not know means no.
    fn enabled(&self) -> Option<bool> {
        let word = self.enabled.as_deref().filter(|word| !word.is_empty())?.to_ascii_lowercase();
        Some(matches!(word.as_str(), "yes" | "yeah" | "y" | "true" | "1" | "on"))
    }
}

fn switch(service: Option<&Service>) -> ServiceSwitch {
    match service.map(Service::enabled) {
        None => ServiceSwitch::Missing,
        Some(Some(false)) => ServiceSwitch::Off,
        Some(Some(true) | None) => ServiceSwitch::On,
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
    fn a_host_id_has_the_form_of_one() {
        for id in ["6e1d5f2a-0000-4000-8000-000000000001\n", "123456789012-i-0abc\n", "host.example_1"] {
            assert_eq!(host_id(id), Ok(id.trim().into()));
        }
        for other in
            ["", "\n", "root:x:0:0:root:/root:/bin/bash", "two words", "two\nlines", &"x".repeat(65), "ä"]
        {
            assert_eq!(host_id(other), Err(Why::Unusual), "{other}");
        }
    }

    #[test]
    fn a_broken_file_is_unreadable() {
        assert_eq!(parse("teleport: [").expect_err("broken"), Why::Yaml);
    }
}
