//! What a real helm renders, applied to an API server that enforces its rights.

use selfcheck_core::Verdict;
use selfcheck_tests::environment;
use selfcheck_tests::installed;
use selfcheck_tests::kubernetes::cluster::AgentOfRelease;
use selfcheck_tests::kubernetes::cluster::NAMESPACE;
use selfcheck_tests::kubernetes::cluster::RELEASE;
use selfcheck_tests::kubernetes::cluster::api;
use selfcheck_tests::kubernetes::cluster::judged;
use selfcheck_tests::kubernetes::cluster::pod_name;
use selfcheck_tests::kubernetes::cluster::shipped_role_for;
use selfcheck_tests::rendered;
use serde_json::Value;
use serde_json::json;

use super::reasons;

/// Which values a release has.
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a value of its own, and all combinations are tried"
)]
#[derive(Debug, Clone, Copy)]
struct Values {
    has_updater: bool,
    is_chart_with_state_file: bool,
    is_deployment: bool,
    creates_rights: bool,
}

impl Values {
    fn all() -> impl Iterator<Item = Self> {
        (0..16_u32).map(|bits| {
            let bit = |place: u32| bits >> place & 1 == 1;
            Self {
                has_updater: bit(0),
                is_chart_with_state_file: bit(1),
                is_deployment: bit(2),
                creates_rights: bit(3),
            }
        })
    }

    const fn kind(self) -> &'static str {
        if self.is_deployment { "Deployment" } else { "StatefulSet" }
    }

    /// A pod of a Deployment is known by the name of its host alone.
    fn pod_name(self) -> String {
        if self.is_deployment { pod_name() } else { format!("{RELEASE}-0") }
    }

    const fn version(self) -> &'static str {
        if self.is_chart_with_state_file { "18.4.0" } else { "17.2.0" }
    }

    fn rendered(self) -> Option<Vec<Value>> {
        let set = [
            format!("updater.enabled={}", self.has_updater),
            format!("rbac.create={}", self.creates_rights),
            format!("workload={}", self.kind()),
        ];
        let arguments: Vec<_> = set.iter().flat_map(|value| ["--set", value]).collect();
        rendered(("teleport-kube-agent", self.version()), RELEASE, NAMESPACE, &arguments)
    }

    /// What is judged by the rights of the chart.
    const fn verdict(self) -> Verdict {
        if self.has_updater { Verdict::Unknown } else { Verdict::Unaccompanied }
    }
}

/// What the cluster makes of what was applied: the pod of the workload, and an updater that runs.
fn controllers(agent: &AgentOfRelease, workload: &Value, values: Values) {
    let mut pod = workload["spec"]["template"].clone();
    let owner = match values.kind() {
        "Deployment" => {
            pod["metadata"]["labels"]["pod-template-hash"] = "7d9c8f6b5".into();
            json!({"kind": "ReplicaSet", "name": format!("{}-7d9c8f6b5", RELEASE), "controller": true})
        }
        kind => json!({"kind": kind, "name": RELEASE, "controller": true}),
    };
    pod["kind"] = "Pod".into();
    pod["metadata"]["name"] = values.pod_name().into();
    pod["metadata"]["namespace"] = NAMESPACE.into();
    pod["metadata"]["ownerReferences"] = json!([owner]);
    agent.api.put(pod);
    if values.has_updater {
        let updater = format!("{RELEASE}-updater");
        agent.api.change("deployments", NAMESPACE, &updater, |updater| {
            updater["status"] = json!({"availableReplicas": 1});
        });
    }
}

#[tokio::test]
async fn every_release_is_judged_by_the_rights_of_its_chart_and_by_those_of_the_shipped_role() {
    for values in Values::all() {
        let Some(manifests) = values.rendered() else { return };
        let manifests = installed(RELEASE, NAMESPACE, manifests);
        let is_workload =
            |object: &&Value| object["kind"] == values.kind() && object["metadata"]["name"] == RELEASE;
        let workload = manifests.iter().find(is_workload).expect("a workload");
        let spec = &workload["spec"]["template"]["spec"];
        let mut environment = environment(&spec["containers"][0], &values.pod_name(), NAMESPACE);
        if values.is_deployment {
            // Which in a pod the files of its service account say.
            environment.push(("KUBE_NAMESPACE".to_owned(), NAMESPACE.to_owned()));
        }
        let account = spec["serviceAccountName"].as_str().expect("an account");
        let agent = AgentOfRelease::alone(environment, account).await;
        agent.api.apply(&manifests);
        controllers(&agent, workload, values);

        let seen = agent.look().await;
        let status = judged(&seen);
        assert_eq!(api(&seen).pod.is_present(), values.creates_rights, "{values:?}");
        let found = if values.has_updater { "kube-unproven" } else { "kube-updater-off" };
        let expected = (values.verdict(), vec![found, "kubernetes-denied"]);
        assert_eq!((status.verdict, reasons(&status)), expected, "{values:?}");

        agent.api.apply(&shipped_role_for(RELEASE, account));
        let seen = agent.look().await;
        let status = judged(&seen);
        // Pods of a Deployment cannot be named beforehand, and name nothing that made them.
        if values.is_deployment && !values.creates_rights {
            assert_eq!(
                (status.verdict, reasons(&status)),
                (values.verdict(), vec![found, "kubernetes-denied"])
            );
            continue;
        }
        let told = api(&seen).workload.present().expect("a workload");
        assert_eq!((told.kind.as_str(), told.name.as_str()), (values.kind(), RELEASE));
        let verdict = if values.has_updater { Verdict::Accompanied } else { Verdict::Unaccompanied };
        let off: Vec<_> = (!values.has_updater).then_some("kube-updater-off").into_iter().collect();
        assert_eq!((status.verdict, reasons(&status)), (verdict, off), "{values:?}");
        let command = status.remedy.filter(|_| !values.has_updater).map(|remedy| remedy.shell);
        let version = values.version();
        let upgrade = format!(
            "helm upgrade agents teleport/teleport-kube-agent --namespace teleport --version {version} \
             --reset-then-reuse-values --set updater.enabled=true"
        );
        assert_eq!(command, (!values.has_updater).then_some(upgrade), "{values:?}");
    }
}
