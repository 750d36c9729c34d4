//! What is kept of the objects that the API sends: a few fields of what may hold anything.

use std::collections::BTreeMap;

use jiff::Timestamp;
use selfcheck_core::Text;
use selfcheck_core::observation::Marks;
use selfcheck_core::observation::Pod;
use selfcheck_core::observation::UpdaterDeployment;
use selfcheck_core::observation::Workload;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::marks;

use super::names::Kind;
use super::names::Owner;

/// Tells the updater to leave a workload alone.
const PAUSED: &str = "teleport.dev/skipreconcile";
/// What the updater takes for a yes, as Go does.
const YES: [&str; 6] = ["1", "t", "T", "true", "TRUE", "True"];
/// The container of the agent in its pod.
const AGENT: &str = "teleport";

/// Something that is read from an object of the API.
pub(super) trait Object: Clone + PartialEq {
    /// Reads it; `None` if the object is not of its shape.
    fn read(object: &Value) -> Option<Self>;
}

/// The agent's own pod, and what made it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct OwnPod {
    pub(super) pod: Pod,
    pub(super) owner: Option<Owner>,
}

/// The version of an object: of two, the greater is the later one. Others than numbers say nothing.
pub(super) fn version(object: &Value) -> Option<u64> {
    object["metadata"]["resourceVersion"].as_str()?.parse().ok()
}

/// Whether this is how a server says that there is no object of this name.
pub(super) fn says_not_found(status: &Value, name: &str) -> bool {
    status["kind"] == "Status" && status["reason"] == "NotFound" && status["details"]["name"] == name
}

/// The name of an object.
pub(super) fn name(object: &Value) -> Option<&str> {
    object["metadata"]["name"].as_str()
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Envelope<S, T> {
    kind: Option<String>,
    metadata: Metadata,
    spec: S,
    status: Option<T>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Metadata {
    name: String,
    #[serde(default)]
    namespace: String,
    creation_timestamp: Option<Timestamp>,
    #[serde(default)]
    labels: BTreeMap<String, String>,
    #[serde(default)]
    annotations: BTreeMap<String, String>,
    #[serde(default)]
    owner_references: Vec<OwnerReference>,
}

#[derive(Deserialize)]
struct OwnerReference {
    kind: String,
    name: String,
    #[serde(default)]
    controller: bool,
}

#[derive(Deserialize)]
struct PodSpec {
    #[serde(default)]
    containers: Vec<Container>,
}

#[derive(Deserialize)]
struct Container {
    name: String,
    #[serde(default)]
    image: String,
    #[serde(default)]
    command: Vec<String>,
    #[serde(default)]
    args: Vec<String>,
    #[serde(default)]
    env: Vec<Variable>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Variable {
    name: String,
    value: Option<String>,
    value_from: Option<ValueFrom>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ValueFrom {
    field_ref: Option<FieldRef>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct FieldRef {
    field_path: String,
}

#[derive(Deserialize)]
struct DeploymentSpec {
    /// One, where nothing is said.
    replicas: Option<u32>,
    template: Template,
}

#[derive(Deserialize)]
struct Template {
    spec: PodSpec,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct DeploymentStatus {
    #[serde(default)]
    available_replicas: u32,
    #[serde(default)]
    conditions: Vec<Condition>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Condition {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    status: String,
    last_transition_time: Option<Timestamp>,
}

fn envelope<S: DeserializeOwned, T: DeserializeOwned>(object: &Value) -> Option<Envelope<S, T>> {
    Envelope::deserialize(object).ok()
}

impl Object for OwnPod {
    fn read(object: &Value) -> Option<Self> {
        let Envelope { metadata, spec, .. } = envelope::<PodSpec, Value>(object)?;
        let agent = spec.containers.iter().find(|container| container.name == AGENT);
        let hash = metadata.labels.get("pod-template-hash").map(String::as_str);
        let owner = metadata.owner_references.iter().find(|owner| owner.controller);
        Some(Self {
            pod: Pod {
                image_version: agent.and_then(|agent| tag(&agent.image)).map(Text::new),
                has_digest: agent.is_some_and(|agent| agent.image.contains('@')),
                marks: marks_of(&metadata),
            },
            owner: owner.and_then(|owner| Owner::of_pod(&owner.kind, &owner.name, hash)),
        })
    }
}

impl Object for Workload {
    fn read(object: &Value) -> Option<Self> {
        let Envelope { kind, metadata, .. } = envelope::<Value, Value>(object)?;
        Some(Self {
            kind: Text::new(&kind?),
            name: Text::new(&metadata.name),
            marks: marks_of(&metadata),
            paused: metadata.annotations.get(PAUSED).is_some_and(|value| YES.contains(&value.as_str())),
        })
    }
}

impl Object for UpdaterDeployment {
    fn read(object: &Value) -> Option<Self> {
        let Envelope { kind, metadata, spec, status } = envelope::<DeploymentSpec, DeploymentStatus>(object)?;
        if kind? != Kind::Deployment.name() {
            return None;
        }
        let containers = &spec.template.spec.containers;
        let said = |flag: &str| {
            let value = containers.iter().find_map(|container| container.said(flag, &metadata.namespace))?;
            Some(Text::new(&value))
        };
        // One that says "True" though none is available, as where one may be missing at any time, changed who knows when.
        let unavailable = status.as_ref().and_then(|status| {
            let mut conditions = status.conditions.iter();
            let unavailable = conditions.find(|condition| condition.kind == "Available")?;
            unavailable.last_transition_time.filter(|_| unavailable.status == "False")
        });
        Some(Self {
            name: Text::new(&metadata.name),
            agent: said("agent-name"),
            agent_namespace: said("agent-namespace"),
            replicas: spec.replicas.unwrap_or(1),
            available: status.map_or(0, |status| status.available_replicas),
            created: metadata.creation_timestamp,
            since: unavailable,
        })
    }
}

fn marks_of(metadata: &Metadata) -> Marks {
    let mut kept = Marks::default();
    for (key, value) in metadata.labels.iter().chain(&metadata.annotations) {
        marks::keep(&mut kept, key, value);
    }
    kept
}

impl Container {
    /// What its command line says for a flag, of which the last one counts, in a pod in `namespace`.
    fn said(&self, flag: &str, namespace: &str) -> Option<String> {
        let words: Vec<_> = self.command.iter().chain(&self.args).map(String::as_str).collect();
        let value = words.iter().enumerate().rev().find_map(|(index, word)| {
            let name = word.strip_prefix("--").or_else(|| word.strip_prefix('-'))?;
            let rest = name.strip_prefix(flag)?;
            if rest.is_empty() { words.get(index + 1).copied() } else { rest.strip_prefix('=') }
        })?;
        self.expanded(value, namespace).filter(|value| !value.is_empty())
    }

    /// A word as a kubelet passes it on: `$(NAME)` stands for a variable of the container. `None` where that is not told here.
    fn expanded(&self, word: &str, namespace: &str) -> Option<String> {
        let Some(name) = word.strip_prefix("$(").and_then(|rest| rest.strip_suffix(')')) else {
            return (!word.contains("$(")).then(|| word.to_owned());
        };
        let variable = self.env.iter().rev().find(|variable| variable.name == name)?;
        let field = variable.value_from.as_ref().and_then(|from| from.field_ref.as_ref());
        match (&variable.value, field) {
            (Some(value), _) if !value.contains("$(") => Some(value.clone()),
            (None, Some(field)) if field.field_path == "metadata.namespace" => Some(namespace.to_owned()),
            _ => None,
        }
    }
}

/// The version that an image's tag is. Others, like `latest`, say none.
fn tag(image: &str) -> Option<&str> {
    let (_, tag) = image.split('@').next()?.rsplit_once(':')?;
    let is_version = tag.split('.').count() >= 3 && tag.starts_with(|first: char| first.is_ascii_digit());
    is_version.then_some(tag)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_tag_is_a_version_or_none() {
        let digest = "teleport:18.4.1@sha256:0123456789abcdef";
        assert_eq!(tag(digest), Some("18.4.1"));
        assert_eq!(tag("registry:5000/teleport-distroless:18.4.1-beta.1"), Some("18.4.1-beta.1"));
        for none in
            ["teleport", "teleport:latest", "teleport:18", "registry:5000/teleport", "teleport@sha256:1.2.3"]
        {
            assert_eq!(tag(none), None, "{none}");
        }
    }

    #[test]
    fn whose_updater_it_is_stands_in_its_arguments() {
        let of = |command: &[&str], arguments: &[&str]| {
            let container = json!({
                "name": "u", "command": command, "args": arguments,
                "env": [
                    {"name": "AGENT", "value": "agents"},
                    {"name": "NAMESPACE", "valueFrom": {"fieldRef": {"fieldPath": "metadata.namespace"}}},
                    {"name": "SECRET", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}},
                ],
            });
            let container = Container::deserialize(&container).expect("a container");
            let said = |flag: &str| container.said(flag, "teleport").unwrap_or_default();
            [said("agent-namespace"), said("agent-name")].join("/")
        };
        assert_eq!(of(&[], &["--agent-namespace=t", "--agent-name=agents"]), "t/agents");
        assert_eq!(of(&["/updater", "-agent-name", "agents"], &["--agent-namespace", "t"]), "t/agents");
        assert_eq!(of(&["/updater", "--agent-name=a"], &["--agent-name=b"]), "/b", "the last one counts");
        assert_eq!(of(&[], &["--agent-name=$(AGENT)", "--agent-namespace=$(NAMESPACE)"]), "teleport/agents");
        assert_eq!(of(&[], &["--agent-name=$(SECRET)", "--agent-namespace=$(NONE)"]), "/");
        assert_eq!(of(&[], &["--agent-name=a-$(AGENT)", "--agent-names=x", "--agent-namespace="]), "/");
        assert_eq!(of(&[], &["--agent-name"]), "/");
    }

    #[test]
    fn a_pod_is_read_by_its_owner_and_the_agents_container() {
        let pod = json!({
            "kind": "Pod",
            "metadata": {
                "name": "agents-7d9c-x2x4z", "labels": {"pod-template-hash": "7d9c"},
                "ownerReferences": [
                    {"kind": "Node", "name": "n"}, {"kind": "ReplicaSet", "name": "agents-7d9c", "controller": true},
                ],
            },
            "spec": {"containers": [
                {"name": "proxy", "image": "envoy:1.2.3"}, {"name": "teleport", "image": "teleport:18.4.1"},
            ]},
        });
        let seen = OwnPod::read(&pod).expect("a pod");
        assert_eq!(seen.pod.image_version, Some("18.4.1".into()));
        assert_eq!(seen.owner, Owner::of_pod("ReplicaSet", "agents-7d9c", Some("7d9c")));
        assert!(OwnPod::read(&json!({"kind": "Pod", "metadata": {"name": "a"}})).is_none());
    }

    #[test]
    fn a_workload_is_read_by_its_marks() {
        let mut set = json!({
            "kind": "StatefulSet",
            "metadata": {
                "name": "agents", "labels": {"app": "agents", "secret": "x"},
                "annotations": {"meta.helm.sh/release-name": "agents", "teleport.dev/skipreconcile": "false"},
            },
            "spec": {},
        });
        let seen = Workload::read(&set).expect("a workload");
        let marks =
            Marks { app: Some("agents".into()), release_name: Some("agents".into()), ..Marks::default() };
        assert_eq!((seen.kind.as_str(), seen.marks, seen.paused), ("StatefulSet", marks, false));
        for (value, expected) in
            [("true", true), ("True", true), ("1", true), ("yes", false), ("0", false), ("", false)]
        {
            set["metadata"]["annotations"][PAUSED] = value.into();
            assert_eq!(Workload::read(&set).expect("a workload").paused, expected, "{value}");
        }
    }

    #[test]
    fn an_updater_is_read_by_its_replicas() {
        let mut deployment = json!({
            "kind": "Deployment",
            "metadata": {"name": "agents-updater", "creationTimestamp": "2026-11-20T10:00:00Z"},
            "spec": {"template": {"spec": {"containers": [{"name": "u", "args": ["--agent-name=agents"]}]}}},
        });
        let fresh = UpdaterDeployment::read(&deployment).expect("an updater");
        assert_eq!((fresh.replicas, fresh.available, fresh.since), (1, 0, None));
        assert_eq!(fresh.agent, Some("agents".into()));
        deployment["spec"]["replicas"] = 2.into();
        deployment["status"] = json!({"availableReplicas": 1, "conditions": [
            {"type": "Progressing", "status": "False", "lastTransitionTime": "2026-11-20T10:00:05Z"},
            {"type": "Available", "status": "False", "lastTransitionTime": "2026-11-20T10:00:09Z"},
        ]});
        let seen = UpdaterDeployment::read(&deployment).expect("an updater");
        assert_eq!((seen.replicas, seen.available), (2, 1));
        assert_eq!(seen.since, Some("2026-11-20T10:00:09Z".parse().expect("time")));
        deployment["status"]["conditions"][1]["status"] = "True".into();
        assert_eq!(UpdaterDeployment::read(&deployment).expect("an updater").since, None);
        deployment["kind"] = "Secret".into();
        assert!(UpdaterDeployment::read(&deployment).is_none());
    }
}
