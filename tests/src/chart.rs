//! A chart of the tests, rendered by a real helm.

use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

use crate::Helm;
use crate::helm::charts;

/// What helm makes of a chart in this version for `release` in `namespace`; `None`, with the reason told, where there is no helm.
pub fn rendered(
    (chart, version): (&str, &str),
    release: &str,
    namespace: &str,
    arguments: &[&str],
) -> Option<Vec<Value>> {
    let helm = Helm::Old.program()?;
    let packages = TempDir::new().expect("folder");
    let packed = Command::new(helm)
        .arg("package")
        .arg(charts().join(chart))
        .args(["--version", version, "--app-version", version, "--destination"])
        .arg(packages.path())
        .env("HOME", charts())
        .output()
        .expect("helm");
    assert!(packed.status.success(), "{}", String::from_utf8_lossy(&packed.stderr));
    let output = Command::new(helm)
        .args(["template", release])
        .arg(packages.path().join(format!("{chart}-{version}.tgz")))
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
