//! The command in a pod that may ask the Kubernetes API.

use std::fs;
use std::io::BufRead;
use std::io::BufReader;
use std::process::Stdio;

use selfcheck_core::Verdict;
use selfcheck_tests::Pod;
use selfcheck_tests::PodFolder;
use selfcheck_tests::kubernetes::KubernetesApi;
use selfcheck_tests::kubernetes::cluster::NAMESPACE;
use selfcheck_tests::kubernetes::cluster::RELEASE;
use selfcheck_tests::kubernetes::cluster::TOKEN;
use selfcheck_tests::kubernetes::cluster::pod_called;
use selfcheck_tests::kubernetes::cluster::shipped_role_of;
use selfcheck_tests::kubernetes::cluster::stateful_set;
use selfcheck_tests::kubernetes::cluster::updater;
use selfcheck_tests::shown;
use serde_json::Value;
use tokio::task::spawn_blocking;

use super::reasons;
use super::status;

/// A pod of a release whose chart is too old for a state file, with the shipped role.
async fn pod() -> Option<(KubernetesApi, Pod)> {
    let folder = PodFolder::new()?.on_host_network();
    let api = KubernetesApi::start().await;
    api.let_in(TOKEN, NAMESPACE, RELEASE);
    api.grant(&shipped_role_of("agents-0"));
    api.put(pod_called("agents-0", RELEASE));
    api.put(stateful_set(RELEASE));
    api.put(updater(RELEASE));
    let authority = api.authority();
    folder.mount("serviceaccount", &[("namespace", NAMESPACE), ("token", TOKEN), ("ca.crt", &authority)]);
    let pod = folder
        .with("TELEPORT_EXT_UPGRADER", "kube")
        .with("KUBERNETES_SERVICE_HOST", "127.0.0.1")
        .with("KUBERNETES_SERVICE_PORT", &api.address().port().to_string())
        .start();
    Some((api, pod))
}

#[tokio::test]
async fn it_is_known_that_the_updater_runs_and_no_secret_is_told() {
    let Some((api, pod)) = pod().await else { return };
    let pod = spawn_blocking(move || {
        let seen = status(&pod);
        assert_eq!((seen.verdict, reasons(&seen)), (Verdict::Accompanied, vec![]));
        pod
    });
    let pod = pod.await.expect("judged");
    let certificate = api.authority();
    let certificate = certificate.lines().nth(1).expect("a line").to_owned();
    assert_eq!(api.requests().len(), 3);
    // Where it goes wrong, more is told.
    api.change("deployments", NAMESPACE, "agents-updater", |updater| updater["status"] = Value::Null);
    api.change("pods", NAMESPACE, "agents-0", |pod| pod["spec"]["containers"] = "pl4nted-in-the-pod".into());
    let told = spawn_blocking(move || {
        let mut told = String::new();
        for flags in [
            &["-v"][..],
            &["-v", "--format", "json"],
            &["--format", "label"],
            &["-v", "--save-observation", "/tmp/seen.json", "--include-identifiers"],
        ] {
            told += &shown(&pod.selfcheck(&[&["debug", "updater-status"], flags].concat()));
        }
        told + &fs::read_to_string(pod.path("/tmp/seen.json")).expect("saved")
    });
    let told = told.await.expect("told");
    assert!(told.contains("kube-updater-down") && told.contains("kubernetes-unreachable"), "{told}");
    for secret in [TOKEN, "pl4nted", &certificate] {
        assert!(!told.contains(secret), "{secret}: {told}");
    }
}

#[tokio::test]
async fn the_daemon_logs_no_secret() {
    let Some((api, pod)) = pod().await else { return };
    let agent = ["/usr/local/bin/teleport-selfcheck", "daemon", "-v", "--socket", "/tmp/selfcheck.sock"];
    let agent = pod.command(&agent).stderr(Stdio::piped()).spawn().expect("nsenter");
    api.is_watched_by(2).await;
    // Its token is not taken for a while.
    api.lock_out(TOKEN);
    api.requests();
    api.fault(None);
    api.is_asked().await;
    api.let_in(TOKEN, NAMESPACE, RELEASE);
    api.is_watched_by(2).await;
    drop(pod); // and all that runs in it
    let output = spawn_blocking(move || agent.wait_with_output().expect("it ends")).await.expect("it ends");
    let told = shown(&output);
    assert!(told.contains("answering on"), "{told}");
    for secret in [TOKEN, "pl4nted"] {
        assert!(!told.contains(secret), "{secret}: {told}");
    }
}

#[tokio::test]
async fn a_change_in_the_cluster_is_told_by_the_daemon() {
    let Some((api, pod)) = pod().await else { return };
    let watching = [
        "/usr/local/bin/teleport-selfcheck",
        "debug",
        "updater-status",
        "--watch",
        "--probe",
        "--format",
        "json",
    ];
    let mut watching = pod.command(&watching).stdout(Stdio::piped()).spawn().expect("nsenter");
    let (verdicts, told) = tokio::sync::mpsc::unbounded_channel();
    let lines = BufReader::new(watching.stdout.take().expect("output")).lines();
    let reading = spawn_blocking(move || {
        for line in lines {
            let status: Value = serde_json::from_str(&line.expect("text")).expect("a status");
            let verdict = status["verdict"].as_str().expect("a verdict").to_owned();
            if verdicts.send(verdict).is_err() {
                return;
            }
        }
    });
    let mut told = told;
    assert_eq!(told.recv().await.as_deref(), Some("accompanied"));
    api.is_watched_by(2).await;
    for (mark, expected) in [("true", "held"), ("false", "accompanied")] {
        api.change("statefulsets", NAMESPACE, RELEASE, |workload| {
            workload["metadata"]["annotations"]["teleport.dev/skipreconcile"] = mark.into();
        });
        assert_eq!(told.recv().await.as_deref(), Some(expected));
    }
    watching.kill().expect("it runs");
    watching.wait().expect("it ends");
    drop(pod);
    reading.await.expect("read");
}
