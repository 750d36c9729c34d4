//! Pods as a real helm renders them from values, in all their combinations.

use std::path::Path;

use selfcheck_core::Status;
use selfcheck_core::Verdict;
use selfcheck_tests::Container;
use selfcheck_tests::PodFolder;
use selfcheck_tests::UPDATED;
use selfcheck_tests::environment;
use selfcheck_tests::rendered;
use selfcheck_tests::shown;
use serde_json::Value;

use super::reasons;
use super::status;

const RELEASE: &str = "agents";
const NAMESPACE: &str = "teleport";

/// Which values a release has, and what of the environment a pod has lost on its way.
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a value of its own, and all combinations are tried"
)]
#[derive(Debug, Clone, Copy)]
struct Values {
    has_updater: bool,
    is_chart_with_state_file: bool,
    has_pod_files: bool,
    is_argo_cd: bool,
    is_release_in_environment: bool,
}

impl Values {
    fn all() -> impl Iterator<Item = Self> {
        (0..32_u32).map(|bits| {
            let bit = |place: u32| bits >> place & 1 == 1;
            Self {
                has_updater: bit(0),
                is_chart_with_state_file: bit(1),
                has_pod_files: bit(2),
                is_argo_cd: bit(3),
                is_release_in_environment: bit(4),
            }
        })
    }

    fn rendered(self) -> Option<Vec<Value>> {
        let files = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/kubernetes/values.yaml");
        let files = files.to_str().expect("path");
        let mut arguments = vec!["--set".to_owned(), format!("updater.enabled={}", self.has_updater)];
        let mut set = |value: &str| arguments.extend(["--set".to_owned(), value.to_owned()]);
        if self.is_argo_cd {
            set(r"annotations.pod.argocd\.argoproj\.io/tracking-id=agents:apps/StatefulSet:teleport/agents");
        }
        if self.has_pod_files {
            arguments.extend(["-f".to_owned(), files.to_owned()]);
        }
        let version = if self.is_chart_with_state_file { "18.4.0" } else { "17.2.0" };
        rendered(
            ("teleport-kube-agent", version),
            RELEASE,
            NAMESPACE,
            &arguments.iter().map(String::as_str).collect::<Vec<_>>(),
        )
    }

    /// What must be said of a pod of such a release.
    fn expected(self) -> (Verdict, Vec<&'static str>, Option<String>) {
        let knows_release = self.is_release_in_environment || self.has_pod_files;
        let release = if knows_release { RELEASE } else { "RELEASE" };
        let helm = format!(
            "helm upgrade {release} teleport/teleport-kube-agent --namespace {NAMESPACE} \
             --reset-then-reuse-values --set updater.enabled=true"
        );
        let is_kept = self.is_argo_cd && self.has_pod_files;
        match (self.has_updater, self.is_chart_with_state_file) {
            (false, _) => (Verdict::Unaccompanied, vec!["kube-updater-off"], (!is_kept).then_some(helm)),
            (true, true) => (Verdict::Accompanied, vec![], None),
            (true, false) => {
                let show = format!(
                    "kubectl --namespace {NAMESPACE} get deployments --selector app={release}-updater"
                );
                (Verdict::Unknown, vec!["kube-unproven"], Some(show))
            }
        }
    }
}

/// The pod that a StatefulSet makes, with what a kubelet puts into it.
fn pod(manifests: &[Value], values: Values) -> Option<PodFolder> {
    let template = &of_kind(manifests, "StatefulSet").expect("a workload")["spec"]["template"];
    let container = &template["spec"]["containers"][0];
    let mut pod = PodFolder::bare()?;
    pod.mount("serviceaccount", &[("namespace", NAMESPACE)]);
    for (name, value) in environment(container, "agents-0", NAMESPACE) {
        if values.is_release_in_environment || !["RELEASE_NAME", "KUBE_NAMESPACE"].contains(&&*name) {
            pod = pod.with(&name, &value);
        }
    }
    let volumes = template["spec"]["volumes"].as_array().expect("volumes");
    for mount in container["volumeMounts"].as_array().expect("mounts") {
        let volume = volumes.iter().find(|volume| volume["name"] == mount["name"]).expect("a volume");
        let path = mount["mountPath"].as_str().expect("path");
        if let Some(items) = volume["downwardAPI"]["items"].as_array() {
            assert_eq!(path, "/etc/podinfo");
            let files = items.iter().map(|item| downward(item, &template["metadata"]));
            let files: Vec<_> = files.collect();
            pod.mount("podinfo", &files.iter().map(|(name, text)| (*name, &**text)).collect::<Vec<_>>());
        } else if volume["configMap"]["optional"] == true {
            assert_eq!(path, "/etc/updater-config");
            // Its updater, which writes this, is among what was rendered.
            let updater = of_kind(manifests, "Deployment").expect("an updater");
            assert_eq!(updater["metadata"]["name"], volume["configMap"]["name"]);
            pod.mount("updater-config", &[("update.yaml", UPDATED)]);
        }
    }
    Some(pod)
}

fn of_kind<'a>(manifests: &'a [Value], kind: &str) -> Option<&'a Value> {
    manifests.iter().find(|manifest| manifest["kind"] == kind)
}

/// A file of the downward API, as a kubelet writes it.
fn downward<'a>(item: &'a Value, metadata: &Value) -> (&'a str, String) {
    let field = item["fieldRef"]["fieldPath"].as_str().expect("field").strip_prefix("metadata.");
    let entries = metadata[field.expect("of the metadata")].as_object().expect("entries");
    let lines = entries.iter().map(|(key, value)| format!("{key}={value}"));
    (item["path"].as_str().expect("path"), lines.collect::<Vec<_>>().join("\n"))
}

#[test]
fn every_combination_of_values_is_judged_and_its_remedy_names_the_release() {
    for values in Values::all() {
        let Some(manifests) = values.rendered() else { return };
        let Some(folder) = pod(&manifests, values) else { return };
        let pod = folder.start();
        let seen: Status = status(&pod);
        let remedy = seen.remedy.as_ref().map(|remedy| remedy.shell.clone());
        let seen = (seen.verdict, reasons(&seen), remedy);
        assert_eq!(seen, values.expected(), "{values:?}");
    }
}

/// A configuration of a relay, which reads it where Teleport looks by itself.
const RELAY: &str = "version: v3\nteleport: {proxy_server: teleport.example.com:443}\nauth_service: {enabled: no}\n\
                     proxy_service: {enabled: no}\nssh_service: {enabled: no}\nrelay_service: {enabled: yes}\n";

/// A pod of the chart of relays, whose labels are mounted or not.
fn relay(arguments: &[&str], configuration: &str) -> Option<PodFolder> {
    let manifests = rendered(("teleport-relay", "18.4.0"), "eu", NAMESPACE, arguments)?;
    let template = &of_kind(&manifests, "Deployment").expect("a workload")["spec"]["template"];
    let container = &template["spec"]["containers"][0];
    let mut pod = PodFolder::bare()?;
    for (name, value) in environment(container, "eu-7d9c8f6b5-x2x4z", NAMESPACE) {
        pod = pod.with(&name, &value);
    }
    let policy = "kubernetes: {labels: /podinfo/labels, annotations: /podinfo/annotations}\n";
    pod.mount("relay", &[("teleport.yaml", configuration), ("policy.yaml", policy)]);
    if let Some(items) = template["spec"]["volumes"][1]["downwardAPI"]["items"].as_array() {
        let files: Vec<_> = items.iter().map(|item| downward(item, &template["metadata"])).collect();
        pod.mount("labels", &files.iter().map(|(name, text)| (*name, &**text)).collect::<Vec<_>>());
    }
    let changed = pod.changed(|container| {
        let container = Container { volumes: Vec::new(), ..container };
        container
            .running(&["/usr/local/bin/teleport", "start"])
            .mounting("relay", "/etc")
            .mounting("labels", "/podinfo")
    });
    Some(changed)
}

#[test]
fn a_pod_of_another_chart_is_known_by_its_labels_or_by_what_it_runs() {
    let files = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/kubernetes/values.yaml");
    let files = files.to_str().expect("path");
    let look = |folder: PodFolder| -> Status {
        let pod = folder.start();
        let output = pod.selfcheck(&[&super::STATUS[..], &["--policy", "/etc/policy.yaml"]].concat());
        serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {}", shown(&output)))
    };
    let kube = RELAY.replace("relay_service", "kubernetes_service");
    for (arguments, configuration, words) in [
        (&["-f", files][..], RELAY, "chart teleport-relay has no updater"),
        (&["-f", files], &kube, "chart teleport-relay has no updater"),
        (&[], RELAY, "runs the role Relay"),
    ] {
        let Some(folder) = relay(arguments, configuration) else { return };
        let seen = look(folder);
        assert_eq!((seen.verdict, reasons(&seen)), (Verdict::Unaccompanied, vec!["kube-updater-off"]));
        assert_eq!(seen.remedy, None);
        assert!(seen.summary.contains(words), "{}", seen.summary);
    }
    // Its near miss: nothing speaks against the chart of agents.
    let Some(folder) = relay(&[], &kube) else { return };
    let remedy = look(folder).remedy.expect("a remedy");
    assert!(remedy.effect.contains("only if `helm list` shows chart teleport-kube-agent"), "{remedy:?}");
    assert!(remedy.steps.is_empty() && remedy.shell.contains("helm upgrade RELEASE"), "{remedy:?}");
}

#[test]
fn a_pod_of_the_older_deployment_is_told_in_words_of_its_own() {
    for has_updater in [false, true] {
        let set = format!("workload=Deployment,updater.enabled={has_updater}");
        let Some(manifests) =
            rendered(("teleport-kube-agent", "18.4.0"), RELEASE, NAMESPACE, &["--set", &set])
        else {
            return;
        };
        let is_workload =
            |manifest: &&Value| manifest["kind"] == "Deployment" && manifest["metadata"]["name"] == RELEASE;
        let workload = manifests.iter().find(is_workload).expect("a workload");
        let container = &workload["spec"]["template"]["spec"]["containers"][0];
        let Some(mut pod) = PodFolder::bare() else { return };
        for (name, value) in environment(container, "agents-7d9c8f6b5-x2x4z", NAMESPACE) {
            pod = pod.with(&name, &value);
        }
        pod.mount("serviceaccount", &[("namespace", NAMESPACE)]);
        let seen = status(&pod.start());
        let expected = if has_updater { "kube-unproven" } else { "kube-updater-off" };
        assert_eq!(reasons(&seen), [expected]);
        assert!(seen.summary.contains("in the chart's older Deployment form"), "{}", seen.summary);
    }
}
