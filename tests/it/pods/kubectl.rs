//! A real kubectl: what the shipped role lets its holder do, and the commands that are advised.

use std::path::Path;
use std::process::Command;
use std::process::Output;

use selfcheck_core::RemedyId;
use selfcheck_core::Status;
use selfcheck_core::Verdict;
use selfcheck_tests::available;
use selfcheck_tests::kubernetes::ADMIN;
use selfcheck_tests::kubernetes::cluster::AgentOfRelease;
use selfcheck_tests::kubernetes::cluster::NAMESPACE;
use selfcheck_tests::kubernetes::cluster::RELEASE;
use selfcheck_tests::kubernetes::cluster::TOKEN;
use selfcheck_tests::kubernetes::cluster::pod_name;
use selfcheck_tests::kubernetes::cluster::updater;
use selfcheck_tests::shown;
use serde_json::json;
use tempfile::TempDir;

/// The remedies that are executed here. Two of them mend nothing: they show what the updater does.
pub(crate) const EXECUTED: [RemedyId; 3] =
    [RemedyId::ResumeKubeUpdater, RemedyId::ShowKubeUpdaterLogs, RemedyId::ShowKubeUpdater];

fn is_here() -> bool {
    let missing = "/usr/bin/kubectl is missing, which comes with the Debian package kubernetes-client";
    let is_here = Path::new("/usr/bin/kubectl").exists();
    available("kubectl", if is_here { Ok(()) } else { Err(missing.to_owned()) })
}

/// Runs a command line as one who has this token, while the server goes on.
async fn run(agent: &AgentOfRelease, token: &str, command: &str) -> Output {
    let home = TempDir::new().expect("folder");
    let mut shell = Command::new("sh");
    shell.args(["-c", command]).env("KUBECONFIG", agent.api.kubeconfig(token)).env("HOME", home.path());
    let output = tokio::task::spawn_blocking(move || shell.output().expect("sh"));
    output.await.expect("it ends")
}

#[tokio::test]
async fn the_shipped_role_lets_its_holder_see_three_objects_and_nothing_else() {
    if !is_here() {
        return;
    }
    let agent = AgentOfRelease::permitted().await;
    agent.api.put(updater("neighbours"));
    agent.api.put(
        json!({"kind": "Secret", "apiVersion": "v1", "metadata": {"name": "join", "namespace": NAMESPACE}}),
    );
    let pod = format!("get pod {}", pod_name());
    for permitted in [&pod, "get statefulset agents", "get deployment agents-updater"] {
        let command = format!("kubectl --namespace {NAMESPACE} {permitted} -o name");
        let output = run(&agent, TOKEN, &command).await;
        assert!(output.status.success(), "{permitted}: {}", shown(&output));
    }
    for refused in [
        "get pods",
        "get pod other",
        "get statefulsets",
        "get deployments",
        "get deployment neighbours-updater",
        "get secrets",
        "get secret join",
        "annotate statefulset agents a=b",
        "logs agents-updater-x",
    ] {
        let command = format!("kubectl --namespace {NAMESPACE} {refused}");
        let output = run(&agent, TOKEN, &command).await;
        assert!(shown(&output).contains("Forbidden"), "{refused}: {}", shown(&output));
    }
}

/// The command of the remedy, which must be this one.
fn remedy(status: Status, id: RemedyId) -> String {
    let remedy = status.remedy.expect("a remedy");
    assert_eq!(remedy.id, id);
    remedy.shell
}

#[tokio::test]
async fn the_commands_that_are_advised_do_what_they_say() {
    if !is_here() {
        return;
    }
    let agent = AgentOfRelease::permitted().await;
    agent.api.change("statefulsets", NAMESPACE, RELEASE, |workload| {
        workload["metadata"]["annotations"]["teleport.dev/skipreconcile"] = "true".into();
    });
    let status = agent.status().await;
    assert_eq!(status.verdict, Verdict::Held);
    let output = run(&agent, ADMIN, &remedy(status, EXECUTED[0])).await;
    assert!(output.status.success(), "{}", shown(&output));
    assert_eq!(agent.status().await.verdict, Verdict::Accompanied);

    agent.api.put(json!({
        "kind": "Pod", "apiVersion": "v1",
        "metadata": {"name": "agents-updater-x", "namespace": NAMESPACE, "labels": {"app": "agents-updater"}},
        "spec": {"containers": [{"name": "kube-agent-updater", "image": "x"}]},
    }));
    agent.api.change("deployments", NAMESPACE, "agents-updater", |updater| {
        updater["status"]["availableReplicas"] = 0.into();
    });
    let status = agent.status().await;
    assert_eq!(status.verdict, Verdict::Impaired);
    let output = run(&agent, ADMIN, &remedy(status, EXECUTED[1])).await;
    assert!(shown(&output).contains("the updater says what it does"), "{}", shown(&output));

    agent.api.revoke();
    let status = agent.status().await;
    assert_eq!(status.verdict, Verdict::Unknown);
    let output = run(&agent, ADMIN, &remedy(status, EXECUTED[2])).await;
    assert!(output.status.success() && shown(&output).contains("agents-updater"), "{}", shown(&output));
}
