//! The command against `kube-updater-off`, run by real helms against an API that holds the release: it makes the finding go away and changes
//! nothing else, or it is not named.

use selfcheck_core::RemedyId;
use selfcheck_core::Status;
use selfcheck_core::Verdict;
use selfcheck_tests::Administrator;
use selfcheck_tests::Helm;
use selfcheck_tests::environment;
use selfcheck_tests::kubernetes::ADMIN;
use selfcheck_tests::kubernetes::cluster::AgentOfRelease;
use selfcheck_tests::kubernetes::cluster::NAMESPACE;
use selfcheck_tests::kubernetes::cluster::RELEASE;
use selfcheck_tests::kubernetes::cluster::judged;
use selfcheck_tests::kubernetes::cluster::pod_name;
use selfcheck_tests::kubernetes::cluster::shipped_role_for;
use selfcheck_tests::rendered;
use selfcheck_tests::shown;
use serde_json::Value;
use serde_json::json;

use super::reasons;

/// Generations of the chart: without a state of the updater, with one, and with the updater as a library.
const VERSIONS: [&str; 3] = ["17.2.0", "18.4.0", "18.7.2"];

/// The remedy that this file executes.
pub(crate) const EXECUTED: RemedyId = RemedyId::EnableKubeUpdater;

/// A cluster with one release of the chart, and who administers it.
struct Cluster {
    agent: AgentOfRelease,
    administrator: Administrator,
}

impl Cluster {
    async fn new(helm: Helm) -> Option<Self> {
        let agent = AgentOfRelease::alone(Vec::new(), RELEASE).await;
        let administrator = Administrator::new(helm, &agent.api, ADMIN, &VERSIONS).await?;
        Some(Self { agent, administrator })
    }

    /// Installs the chart in a version.
    async fn install(&mut self, version: &str, values: &str) {
        let install = format!(
            "helm install {RELEASE} teleport/teleport-kube-agent --namespace {NAMESPACE} --version {version} {values}"
        );
        self.administrator.must(&install).await;
        self.agent.api.grant(&shipped_role_for(RELEASE, RELEASE));
        self.roll_out();
    }

    fn workload(&self) -> Value {
        let get = |resource| self.agent.api.get(resource, NAMESPACE, RELEASE);
        get("statefulsets").or_else(|| get("deployments")).expect("a workload")
    }

    /// The pod that the workload makes now, and its updater, which runs.
    fn roll_out(&mut self) {
        let workload = self.workload();
        let mut pod = workload["spec"]["template"].clone();
        // A pod of a Deployment is known by the name of its host alone.
        let is_deployment = workload["kind"] == "Deployment";
        let name = if is_deployment { pod_name() } else { format!("{RELEASE}-0") };
        pod["kind"] = "Pod".into();
        pod["metadata"]["name"] = name.clone().into();
        pod["metadata"]["namespace"] = NAMESPACE.into();
        pod["metadata"]["labels"]["pod-template-hash"] = "7d9c".into();
        let owner = if is_deployment {
            json!({"kind": "ReplicaSet", "name": format!("{RELEASE}-7d9c"), "controller": true})
        } else {
            json!({"kind": "StatefulSet", "name": RELEASE, "controller": true})
        };
        pod["metadata"]["ownerReferences"] = json!([owner]);
        let mut of_container = environment(&pod["spec"]["containers"][0], &name, NAMESPACE);
        if is_deployment {
            // Which in a pod the files of its service account say.
            of_container.push(("KUBE_NAMESPACE".to_owned(), NAMESPACE.to_owned()));
        }
        self.agent.api.put(pod);
        self.agent.execute_anew(of_container);
        let updater = format!("{RELEASE}-updater");
        if self.agent.api.get("deployments", NAMESPACE, &updater).is_some() {
            self.agent.api.change("deployments", NAMESPACE, &updater, |updater| {
                updater["status"] = json!({"availableReplicas": 1});
            });
        }
    }

    async fn status(&self) -> Status {
        judged(&self.agent.look().await)
    }

    /// The tag of the image that the workload's pods run.
    fn tag(&self) -> String {
        let image = self.workload()["spec"]["template"]["spec"]["containers"][0]["image"].to_string();
        image.trim_matches('"').rsplit_once(':').expect("a tag").1.to_owned()
    }
}

fn off(status: &Status) -> String {
    assert_eq!((status.verdict, reasons(status)), (Verdict::Unaccompanied, vec!["kube-updater-off"]));
    status.remedy.as_ref().expect("a remedy").shell.clone()
}

#[tokio::test]
async fn a_release_of_every_generation_is_mended_at_its_own_version() {
    for version in VERSIONS {
        let Some(mut cluster) = Cluster::new(Helm::New).await else { return };
        cluster.install(version, "--set extraLabels.pod.team=access").await;
        let command = off(&cluster.status().await);
        assert!(command.contains(&format!(" --version {version} ")), "{command}");
        cluster.administrator.must(&command).await;
        cluster.roll_out();
        let status = cluster.status().await;
        assert_eq!((status.verdict, reasons(&status)), (Verdict::Accompanied, vec![]), "{version}");
        assert_eq!(cluster.tag(), version);
        let label = &cluster.workload()["spec"]["template"]["metadata"]["labels"]["team"];
        assert_eq!(label, "access", "values that were set stay");
    }
}

#[tokio::test]
async fn a_version_that_the_image_does_not_say_is_not_named() {
    for values in [
        "--set teleportVersionOverride=18.4.0-dev.1",
        "--set image=mirror/teleport,teleportVersionOverride=latest",
    ] {
        let Some(mut cluster) = Cluster::new(Helm::New).await else { return };
        cluster.install("17.2.0", values).await;
        let status = cluster.status().await;
        let command = off(&status);
        assert!(!command.contains("--version"), "{command}");
        assert!(status.remedy.expect("a remedy").effect.contains("newer chart without `--version`"));
        let before = cluster.tag();
        cluster.administrator.must(&command).await;
        cluster.roll_out();
        assert_eq!(cluster.status().await.verdict, Verdict::Accompanied);
        assert_eq!(cluster.tag(), before, "the image is what the administrator set");
    }
}

#[tokio::test]
async fn an_older_helm_takes_what_the_effect_says_instead() {
    let Some(mut cluster) = Cluster::new(Helm::Old).await else { return };
    cluster.install("18.4.0", "").await;
    let status = cluster.status().await;
    let command = off(&status);
    let output = cluster.administrator.runs(&command).await;
    assert!(shown(&output).contains("unknown flag: --reset-then-reuse-values"), "{}", shown(&output));
    let effect = status.remedy.expect("a remedy").effect;
    assert!(effect.contains("`--reuse-values` for `--reset-then-reuse-values`"), "{effect}");
    cluster.administrator.must(&command.replace("--reset-then-reuse-values", "--reuse-values")).await;
    cluster.roll_out();
    assert_eq!(cluster.status().await.verdict, Verdict::Accompanied);
}

#[tokio::test]
async fn the_older_deployment_is_mended_too() {
    let Some(mut cluster) = Cluster::new(Helm::New).await else { return };
    cluster.install("18.4.0", "--set workload=Deployment").await;
    let status = cluster.status().await;
    assert!(status.summary.contains("older Deployment"), "{}", status.summary);
    let command = off(&status);
    cluster.administrator.must(&command).await;
    cluster.roll_out();
    assert_eq!(cluster.status().await.verdict, Verdict::Accompanied);
}

#[tokio::test]
async fn where_helm_holds_no_release_its_command_would_fail_and_is_not_named() {
    let Some(mut cluster) = Cluster::new(Helm::New).await else { return };
    // As the enrolment of EKS clusters applies it: as rendered, with a state that the pod waits for.
    let values = ["--set", "stateIsOptional=false"];
    let Some(manifests) = rendered(("teleport-kube-agent", "18.4.0"), RELEASE, NAMESPACE, &values) else {
        return;
    };
    cluster.agent.api.apply(&manifests);
    cluster.agent.api.grant(&shipped_role_for(RELEASE, RELEASE));
    cluster.roll_out();
    let status = cluster.status().await;
    assert_eq!((status.verdict, reasons(&status)), (Verdict::Unaccompanied, vec!["kube-updater-off"]));
    assert_eq!(status.remedy, None);
    assert!(status.summary.contains("no Helm release holds the agent"), "{}", status.summary);
    let upgrade = format!(
        "helm upgrade {RELEASE} teleport/teleport-kube-agent --namespace {NAMESPACE} --set updater.enabled=true"
    );
    let output = cluster.administrator.runs(&upgrade).await;
    assert!(shown(&output).contains("has no deployed releases"), "{}", shown(&output));
    // What the words say to do instead helps.
    let values = [&values[..], &["--set", "updater.enabled=true"]].concat();
    let Some(manifests) = rendered(("teleport-kube-agent", "18.4.0"), RELEASE, NAMESPACE, &values) else {
        return;
    };
    cluster.agent.api.apply(&manifests);
    cluster.roll_out();
    assert_eq!(cluster.status().await.verdict, Verdict::Accompanied);
}
