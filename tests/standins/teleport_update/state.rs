//! update.yaml, written by atomic rename.

use std::fs;
use std::path::Path;

use jiff::Timestamp;

use crate::Outcome;

#[derive(Debug, Default)]
pub(crate) struct State {
    pub(crate) proxy: Option<String>,
    pub(crate) group: Option<String>,
    pub(crate) base_url: Option<String>,
    pub(crate) enabled: bool,
    pub(crate) pinned: bool,
    pub(crate) active: Option<String>,
    pub(crate) backup: Option<String>,
    pub(crate) skip: Option<String>,
    last: Option<Last>,
}

#[derive(Debug)]
struct Last {
    success: bool,
    time: String,
    target: String,
}

impl State {
    /// Reads what [`write`](Self::write) wrote; a missing file is an empty state, a broken one an error.
    pub(crate) fn read(file: &Path) -> Outcome<Self> {
        let text = match fs::read_to_string(file) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(error) => return Err(format!("{}: {error}", file.display()).into()),
        };
        if !text.starts_with("version: v1\nkind: update_config\n") {
            return Err(format!("{}: invalid kind or version", file.display()).into());
        }
        // Every value has a path of its own, so the last keys seen at each depth name it.
        let mut path: Vec<&str> = Vec::new();
        let mut state = Self::default();
        for line in text.lines() {
            let Some((key, value)) = line.trim().split_once(':') else { continue };
            path.truncate((line.len() - line.trim_start().len()) / 4);
            path.push(key);
            let written = value.trim();
            let value = written.trim_matches('"');
            let place = path.join(".");
            let is_boolean = matches!(place.as_str(), "spec.enabled" | "spec.pinned");
            if is_boolean && !matches!(written, "true" | "false") {
                return Err(format!("{}: cannot unmarshal {written} into bool", file.display()).into());
            }
            if !value.is_empty() {
                state.set(&place, value);
            }
        }
        Ok(state)
    }

    /// Refuses what the updater refuses before it does anything.
    pub(crate) fn check(&self) -> Outcome {
        match &self.base_url {
            Some(url) if !url.to_ascii_lowercase().starts_with("https://") => {
                Err(format!("download base URL {url} must use TLS (https://)").into())
            }
            _ => Ok(()),
        }
    }

    fn set(&mut self, path: &str, value: &str) {
        let text = Some(value.to_owned());
        match path {
            "spec.proxy" => self.proxy = text,
            "spec.group" => self.group = text,
            "spec.base_url" => self.base_url = text,
            "spec.enabled" => self.enabled = value == "true",
            "spec.pinned" => self.pinned = value == "true",
            "status.active.version" => self.active = text,
            "status.backup.version" => self.backup = text,
            "status.skip.version" => self.skip = text,
            "status.last_update.success" => {
                self.last =
                    Some(Last { success: value == "true", time: String::new(), target: String::new() });
            }
            "status.last_update.time" => self.change_last(|last| value.clone_into(&mut last.time)),
            "status.last_update.target.version" => {
                self.change_last(|last| value.clone_into(&mut last.target));
            }
            _ => {}
        }
    }

    fn change_last(&mut self, change: impl FnOnce(&mut Last)) {
        if let Some(last) = &mut self.last {
            change(last);
        }
    }

    pub(crate) fn updated(&mut self, target: &str) {
        if self.active.as_deref() != Some(target) {
            self.backup = self.active.replace(target.to_owned());
            self.tried(true, target);
        } else if self.last.as_ref().is_none_or(|last| !last.success) {
            self.tried(true, target);
        }
    }

    pub(crate) fn failed(&mut self, target: &str) {
        self.tried(false, target);
    }

    #[expect(clippy::disallowed_methods, reason = "the real updater writes the present time")]
    fn tried(&mut self, success: bool, target: &str) {
        self.last = Some(Last { success, time: Timestamp::now().to_string(), target: target.to_owned() });
    }

    pub(crate) fn write(&self, file: &Path) -> Outcome {
        let revision = |key: &str, version: &Option<String>| {
            version
                .as_ref()
                .map(|version| format!("    {key}:\n        version: {version}\n"))
                .unwrap_or_default()
        };
        let last = self.last.as_ref().map(|last| {
            format!(
                "    last_update:\n        success: {}\n        time: {}\n        target:\n            version: {}\n",
                last.success, last.time, last.target
            )
        });
        let text = format!(
            "version: v1\nkind: update_config\nspec:\n    proxy: {}\n    path: \"\"\n    group: {}\n    \
             base_url: {}\n    enabled: {}\n    pinned: {}\nstatus:\n    id_file: /tmp/teleport-update.id\n{}{}{}{}",
            self.proxy.as_deref().unwrap_or("\"\""),
            self.group.as_deref().unwrap_or("\"\""),
            self.base_url.as_deref().unwrap_or("\"\""),
            self.enabled,
            self.pinned,
            revision("active", &self.active),
            revision("backup", &self.backup),
            revision("skip", &self.skip),
            last.unwrap_or_default(),
        );
        let fresh = file.with_extension("yaml.new");
        fs::write(&fresh, text)?;
        fs::rename(fresh, file)?;
        Ok(())
    }
}
