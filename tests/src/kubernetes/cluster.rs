//! An agent of a release, and the objects that the chart makes for it.

use std::path::Path;
use std::process::Child;
use std::process::Command;
use std::time::Duration;

use nix::unistd::gethostname;
use selfcheck_core::Observation;
use selfcheck_core::Policy;
use selfcheck_core::Status;
use selfcheck_core::assess;
use selfcheck_core::observation::KubernetesApi as Api;
use selfcheck_probe::ApiServer;
use selfcheck_probe::Probe;
use selfcheck_probe::SYSTEM_BUS;
use selfcheck_probe::Target;
use serde_json::Value;
use serde_json::json;
use tempfile::TempDir;

use super::KubernetesApi;

/// The release of the agent, and the namespace it is in.
pub const RELEASE: &str = "agents";
/// The namespace of the release.
pub const NAMESPACE: &str = "teleport";
/// The token of the agent's service account.
pub const TOKEN: &str = "t0ken-of-agents";
/// A look takes at most so long.
const LOOK_TIME: Duration = Duration::from_secs(20);

/// A process that has the environment of an agent in a pod, without the pod, and an API server to ask.
#[derive(Debug)]
pub struct AgentOfRelease {
    process: Child,
    folder: TempDir,
    /// Whom it asks.
    pub api: KubernetesApi,
    server: ApiServer,
}

impl AgentOfRelease {
    /// One whose chart has no state file, with what the chart makes for it, without any right.
    pub async fn start() -> Self {
        Self::start_with(&[("TELEPORT_EXT_UPGRADER", "kube")]).await
    }

    /// The same with this in its environment, beside what names the release.
    pub async fn start_with(environment: &[(&str, &str)]) -> Self {
        let of_release = [
            ("TELEPORT_INSTALL_METHOD_HELM_KUBE_AGENT", "true"),
            ("RELEASE_NAME", RELEASE),
            ("KUBE_NAMESPACE", NAMESPACE),
        ];
        let environment = of_release.iter().chain(environment);
        let environment = environment.map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let agent = Self::alone(environment.collect(), RELEASE).await;
        agent.api.put(pod(RELEASE));
        agent.api.put(stateful_set(RELEASE));
        agent.api.put(updater(RELEASE));
        agent
    }

    /// One with this environment and service account, without any objects.
    pub async fn alone(environment: Vec<(String, String)>, account: &str) -> Self {
        let api = KubernetesApi::start().await;
        let process = sleeping(environment);
        let server = api.server(NAMESPACE, account, TOKEN);
        Self { process, folder: TempDir::new().expect("folder"), api, server }
    }

    /// With the rights of the role that is shipped.
    pub async fn permitted() -> Self {
        let agent = Self::start().await;
        agent.api.grant(&shipped_role());
        agent
    }

    /// Becomes another process, with this environment, as in another pod.
    pub fn execute_anew(&mut self, environment: Vec<(String, String)>) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        self.process = sleeping(environment);
    }

    /// Its process.
    pub fn pid(&self) -> u32 {
        self.process.id()
    }

    /// Whom it asks, and as whom.
    pub const fn server(&self) -> &ApiServer {
        &self.server
    }

    /// It, and whom to ask about it.
    pub fn target(&self) -> Target {
        let target = Target::default().pid(self.process.id());
        target.config(self.folder.path().join("teleport.yaml")).kubernetes(self.server.clone())
    }

    /// A probe of it.
    pub fn probe(&self) -> Probe {
        Probe::new(self.target(), SYSTEM_BUS)
    }

    /// What one look finds.
    pub async fn look(&self) -> Observation {
        self.probe().look(LOOK_TIME).await
    }

    /// What is said of one look.
    pub async fn status(&self) -> Status {
        judged(&self.look().await)
    }
}

impl Drop for AgentOfRelease {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn sleeping(environment: Vec<(String, String)>) -> Child {
    Command::new("sleep").arg("3600").env_clear().envs(environment).spawn().expect("sleep")
}

/// What is said of an observation by the usual policy.
pub fn judged(observation: &Observation) -> Status {
    assess(observation, &Policy::default(), observation.clock)
}

/// What the API told.
pub fn api(observation: &Observation) -> &Api {
    observation.kubernetes.present().expect("a pod").api.present().expect("the API was asked")
}

/// The role that is shipped, for the agent of the release, whose pod is called like this host.
pub fn shipped_role() -> Vec<Value> {
    shipped_role_of(&pod_name())
}

/// The same for a pod of another name.
pub fn shipped_role_of(pod: &str) -> Vec<Value> {
    filled_in(|role| role.replace("RELEASE-0", pod).replace("RELEASE", RELEASE).replace("ACCOUNT", RELEASE))
}

/// The role that is shipped, filled in for this workload and service account as its comment says.
pub fn shipped_role_for(workload: &str, account: &str) -> Vec<Value> {
    filled_in(|role| role.replace("RELEASE", workload).replace("ACCOUNT", account))
}

fn filled_in(fill_in: impl FnOnce(&str) -> String) -> Vec<Value> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/access/kubernetes/role.yaml");
    let text = std::fs::read_to_string(&path).expect("the role");
    let text = fill_in(&text).replace("NAMESPACE", NAMESPACE);
    text.split("---\n").map(|document| serde_saphyr::from_str(document).expect("YAML")).collect()
}

/// What the chart lets an agent see: pods, wherever they are.
pub fn stock_role() -> Vec<Value> {
    let subject = json!({"kind": "ServiceAccount", "name": RELEASE, "namespace": NAMESPACE});
    vec![
        json!({"kind": "ClusterRole", "metadata": {"name": RELEASE}, "rules": [
            {"apiGroups": [""], "resources": ["users", "groups", "serviceaccounts"], "verbs": ["impersonate"]},
            {"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]},
        ]}),
        json!({"kind": "ClusterRoleBinding", "metadata": {"name": RELEASE}, "subjects": [subject],
               "roleRef": {"kind": "ClusterRole", "name": RELEASE}}),
    ]
}

/// What the pod of the agent is called.
pub fn pod_name() -> String {
    gethostname().expect("a name").into_string().expect("text")
}

/// The agent's pod, made by the StatefulSet `owner`.
pub fn pod(owner: &str) -> Value {
    pod_called(&pod_name(), owner)
}

/// The same of another name.
pub fn pod_called(name: &str, owner: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {
            "name": name, "namespace": NAMESPACE, "labels": {"app": RELEASE},
            "ownerReferences": [{"kind": "StatefulSet", "name": owner, "controller": true}],
        },
        "spec": {"containers": [{
            "name": "teleport", "image": "public.ecr.aws/gravitational/teleport-distroless:18.4.1",
            "env": [{"name": "AUTH_TOKEN", "value": "pl4nted-in-the-pod"}],
        }]},
    })
}

/// What makes the agent's pods.
pub fn stateful_set(name: &str) -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": "StatefulSet",
        "metadata": {"name": name, "namespace": NAMESPACE, "labels": {"app": RELEASE}, "annotations": {}},
        "spec": {"template": {"spec": {"containers": []}}},
    })
}

/// The updater of the agent `name`, which is there.
pub fn updater(name: &str) -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {
            "name": format!("{name}-updater"), "namespace": NAMESPACE, "labels": {"app": format!("{RELEASE}-updater")},
            "creationTimestamp": "2026-11-01T10:00:00Z",
        },
        "spec": {"replicas": 1, "template": {"spec": {"containers": [{
            "name": "kube-agent-updater", "args": [format!("--agent-name={name}"), "--agent-namespace=teleport"],
        }]}}},
        "status": {"availableReplicas": 1, "conditions": [
            {"type": "Available", "status": "True", "lastTransitionTime": "2026-11-01T10:01:00Z"},
        ]},
    })
}
