//! update.yaml, the configuration and state of managed updates v2.

use selfcheck_core::Edition;
use selfcheck_core::Revision;
use selfcheck_core::Text;
use selfcheck_core::Why;
use selfcheck_core::observation::LastUpdate;
use selfcheck_core::observation::Legible;
use selfcheck_core::observation::UpdateConfig;
use selfcheck_core::observation::UpdateSpec;
use selfcheck_core::observation::UpdateStatus;
use serde::Deserialize;
use serde_saphyr::Spanned;

use super::go_time::time;
use super::yaml::Bool;
use super::yaml::as_product;

/// What is read of update.yaml.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct UpdateYaml {
    pub(super) config: UpdateConfig,
    /// The folder where the installation links its programs, where that is written.
    pub(super) links: Option<String>,
}

/// Reads update.yaml. Keys this version does not know are ignored, as the product does.
pub(super) fn parse(text: &str) -> Result<UpdateYaml, Why> {
    let document: Document = as_product(text)?.unwrap_or_default();
    if document.kind.as_deref() != Some("update_config") {
        return Err(Why::Kind);
    }
    if document.version.as_deref() != Some("v1") {
        return Err(Why::Version);
    }
    let spec = document.spec.unwrap_or_default();
    let status = document.status.unwrap_or_default();
    let last_update = status.last_update.map(|last| last_update(text, last)).transpose()?;
    let config = UpdateConfig {
        spec: UpdateSpec {
            proxy: filled(spec.proxy),
            group: filled(spec.group),
            insecure_base_url: filled(spec.base_url).is_some_and(|url| !is_https(url.as_str())),
            enabled: spec.enabled.unwrap_or_default().0,
            pinned: spec.pinned.unwrap_or_default().0,
        },
        status: UpdateStatus {
            active: status.active.and_then(revision),
            backup: status.backup.and_then(revision),
            skip: status.skip.and_then(revision),
            last_update,
        },
    };
    Ok(UpdateYaml { config, links: spec.path.filter(|path| !path.is_empty()) })
}

fn last_update(text: &str, last: Last) -> Result<LastUpdate, Why> {
    Ok(LastUpdate {
        success: last.success.unwrap_or_default().0,
        time: last.time.map(|value| time(text, &value)).transpose()?.flatten(),
        target: last.target.and_then(revision),
    })
}

/// What the updater demands of the address that it downloads from.
fn is_https(url: &str) -> bool {
    url.get(..8).is_some_and(|scheme| scheme.eq_ignore_ascii_case("https://"))
}

/// What of a file that the updater cannot read is still legible, line by line: the group and whether it is pinned.
pub(super) fn legible(text: &str) -> Legible {
    let value = |key: &str| {
        let mut lines =
            text.lines().filter_map(|line| line.trim_start().strip_prefix(key)?.strip_prefix(':'));
        let value = lines.next()?.split(" #").next()?.trim().trim_matches(['"', '\'']);
        Some(value.to_owned()).filter(|value| !value.is_empty())
    };
    let is_yes = |value: String| matches!(value.to_ascii_lowercase().as_str(), "true" | "yes" | "on" | "y");
    Legible {
        group: value("group").map(|group| Text::new(&group)),
        pinned: value("pinned").is_some_and(is_yes),
    }
}

/// An empty string is what Go writes for a value that is not set.
fn filled(text: Option<String>) -> Option<Text> {
    text.filter(|text| !text.is_empty()).map(|text| Text::new(&text))
}

fn revision(raw: RawRevision) -> Option<Revision> {
    let version = raw.version.filter(|version| !version.is_empty())?;
    let has = |flag: &str| raw.flags.iter().flatten().flatten().any(|seen| seen == flag);
    let edition = match (has("Enterprise"), has("FIPS")) {
        (_, true) => Edition::EnterpriseFips,
        (true, false) => Edition::Enterprise,
        (false, false) => Edition::Oss,
    };
    Some(Revision { version: Text::new(version.strip_prefix('v').unwrap_or(&version)), edition })
}

#[derive(Default, Deserialize)]
struct Document {
    version: Option<String>,
    kind: Option<String>,
    spec: Option<Spec>,
    status: Option<Status>,
}

#[derive(Default, Deserialize)]
struct Spec {
    proxy: Option<String>,
    path: Option<String>,
    group: Option<String>,
    base_url: Option<String>,
    enabled: Option<Bool>,
    pinned: Option<Bool>,
}

#[derive(Default, Deserialize)]
struct Status {
    /// Not kept, but the updater refuses a file in which it is no text.
    #[serde(rename = "id_file")]
    _id_file: Option<String>,
    active: Option<RawRevision>,
    backup: Option<RawRevision>,
    skip: Option<RawRevision>,
    last_update: Option<Last>,
}

#[derive(Deserialize)]
struct RawRevision {
    version: Option<String>,
    flags: Option<Vec<Option<String>>>,
}

#[derive(Deserialize)]
struct Last {
    success: Option<Bool>,
    time: Option<Spanned<String>>,
    target: Option<RawRevision>,
}

#[cfg(test)]
mod tests {
    use super::*;

    const FULL: &str = "\
version: v1
kind: update_config
spec:
    proxy: teleport.example.com
    path: /usr/local/bin
    group: production
    base_url: \"\"
    enabled: true
    pinned: false
    selinux-ssh: true
status:
    id_file: /tmp/teleport-update.id
    active:
        version: 18.2.0
        flags: [Enterprise, FIPS]
    backup:
        version: 18.1.0
    last_update:
        success: true
        time: 2026-11-20T10:00:00.123456789Z
        target:
            version: 18.2.0
            flags: [Enterprise, FIPS]
";

    #[test]
    fn reads_what_the_product_writes() {
        let UpdateYaml { config, links } = parse(FULL).expect("valid");
        assert_eq!(links.as_deref(), Some("/usr/local/bin"));
        assert_eq!(config.spec.group, Some("production".into()));
        assert!(config.spec.enabled && !config.spec.pinned);
        let active = config.status.active.expect("active");
        assert_eq!(active.to_string(), "18.2.0_ent_fips");
        let last = config.status.last_update.expect("last update");
        assert_eq!(last.target, Some(active));
        assert_eq!(last.time.expect("time").to_string(), "2026-11-20T10:00:00.123456789Z");
    }

    #[test]
    fn says_what_is_wrong() {
        let cases = [
            ("", Why::Kind),
            ("version: v1\nkind: update_config\nspec: [", Why::Yaml),
            ("version: v1\nkind: other\n", Why::Kind),
            ("version: v2\nkind: update_config\n", Why::Version),
            ("version: v1\nkind: update_config\nspec: {enabled: [1]}\n", Why::Invalid),
            ("version: v1\nkind: update_config\nspec: {enabled: \"true\"}\n", Why::Invalid),
            ("version: v1\nkind: update_config\nstatus: {last_update: {time: never}}\n", Why::Invalid),
            ("---\n---\nversion: v1\nkind: update_config\n", Why::Kind),
        ];
        for (text, why) in cases {
            assert_eq!(parse(text), Err(why), "{text}");
        }
    }
}
