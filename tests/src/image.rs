//! An unpacked image in a private folder, as an image builder leaves it.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::path::PathBuf;
use std::process::Output;

use selfcheck_core::Status;
use tempfile::TempDir;

use crate::selfcheck;

/// The files of an image with a Teleport package and systemd, whose updater is enabled.
const HEALTHY: &[(&str, &str)] = &[
    ("/usr/lib/systemd/systemd", "ELF"),
    ("/etc/os-release", "NAME=Made\nPRETTY_NAME=\"Made up 1\"\n"),
    ("/etc/hostname", "image\n"),
    (
        "/etc/teleport.yaml",
        "teleport: {proxy_server: teleport.example.com}\nauth_service: {enabled: no}\nproxy_service: {enabled: no}\n",
    ),
    (
        "/opt/teleport/default/update.yaml",
        "version: v1\nkind: update_config\nspec: {proxy: teleport.example.com, group: production, enabled: true}\n\
         status: {active: {version: 18.2.0}}\n",
    ),
    ("/opt/teleport/default/versions/18.2.0/bin/teleport", "ELF"),
    ("/opt/teleport/default/versions/18.2.0/bin/teleport-update", "ELF"),
    (
        "/etc/systemd/system/teleport-update.timer",
        "[Timer]\nOnUnitActiveSec=5m\n[Install]\nWantedBy=teleport.service\n",
    ),
    (
        "/etc/systemd/system/teleport-update.service",
        "[Service]\nType=oneshot\nExecStart=/usr/local/bin/teleport-update update\n",
    ),
    ("/etc/systemd/system/teleport.service", "[Service]\nExecStart=/usr/local/bin/teleport start\n"),
];
/// Its links, which are absolute as those of a running host are.
const LINKS: &[(&str, &str)] = &[
    (
        "/etc/systemd/system/teleport.service.wants/teleport-update.timer",
        "/etc/systemd/system/teleport-update.timer",
    ),
    ("/usr/local/bin/teleport", "/opt/teleport/default/versions/18.2.0/bin/teleport"),
    ("/usr/local/bin/teleport-update", "/opt/teleport/default/versions/18.2.0/bin/teleport-update"),
];

/// An unpacked image.
#[derive(Debug)]
pub struct UnpackedImage(TempDir);

impl UnpackedImage {
    /// An image without Teleport.
    pub fn bare() -> Self {
        let image = Self(TempDir::new().expect("folder"));
        image.write("/usr/lib/systemd/systemd", "ELF");
        image
    }

    /// An image whose updater is enabled.
    pub fn accompanied() -> Self {
        let image = Self::bare();
        for (path, text) in HEALTHY {
            image.write(path, text);
        }
        for (path, target) in LINKS {
            image.link(path, target);
        }
        image
    }

    /// The folder.
    pub fn root(&self) -> &Path {
        self.0.path()
    }

    /// Where a path of the image lies.
    pub fn at(&self, path: &str) -> PathBuf {
        self.root().join(path.trim_start_matches('/'))
    }

    /// Writes a file, and the folders it needs.
    pub fn write(&self, path: &str, text: impl AsRef<[u8]>) {
        self.make_room(path);
        fs::write(self.at(path), text).unwrap_or_else(|error| panic!("{path}: {error}"));
    }

    /// Makes a link in place of whatever is there.
    pub fn link(&self, path: &str, target: &str) {
        self.make_room(path);
        symlink(target, self.at(path)).unwrap_or_else(|error| panic!("{path}: {error}"));
    }

    /// Removes a file or folder.
    pub fn remove(&self, path: &str) {
        let at = self.at(path);
        let removed =
            if at.is_dir() && !at.is_symlink() { fs::remove_dir_all(at) } else { fs::remove_file(at) };
        removed.unwrap_or_else(|error| panic!("{path}: {error}"));
    }

    /// Removes whatever is at a path, and makes the folders above it.
    pub fn make_room(&self, path: &str) {
        let at = self.at(path);
        fs::create_dir_all(at.parent().expect("folder")).unwrap_or_else(|error| panic!("{path}: {error}"));
        if at.symlink_metadata().is_ok() {
            self.remove(path);
        }
    }

    /// `debug updater-status --root` of it.
    pub fn look(&self, flags: &[&str]) -> Output {
        let root = self.root().to_str().expect("path");
        selfcheck(&[&["debug", "updater-status", "--root", root], flags].concat(), "")
    }

    /// The status that the command prints as JSON.
    pub fn status(&self, flags: &[&str]) -> Status {
        let output = self.look(&[&["--format", "json"], flags].concat());
        serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|error| panic!("{error}: {}", crate::shown(&output)))
    }

    /// Requires this verdict and exactly these reasons.
    pub fn expect(&self, verdict: &str, reasons: &[&str]) {
        self.expect_with(&[], verdict, reasons);
    }

    /// The same with more `flags`.
    pub fn expect_with(&self, flags: &[&str], verdict: &str, reasons: &[&str]) {
        let status = self.status(flags);
        let seen: Vec<_> = status.findings.iter().map(|finding| finding.reason.code()).collect();
        assert_eq!((status.verdict.code(), seen.as_slice()), (verdict, reasons), "{status:#?}");
    }
}
