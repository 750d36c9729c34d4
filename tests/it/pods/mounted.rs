//! What an agent in a pod knows of its updater by its environment and mounted files.

use std::io::BufRead;
use std::io::BufReader;
use std::process::Stdio;

use selfcheck_core::Fact;
use selfcheck_core::Observation;
use selfcheck_core::Status;
use selfcheck_core::Verdict;
use selfcheck_core::Why;
use selfcheck_core::observation::Marks;
use selfcheck_tests::Pod;
use selfcheck_tests::PodFolder;
use selfcheck_tests::UPDATED;
use selfcheck_tests::shown;
use serde_json::Value;

use super::STATUS;
use super::reasons;
use super::status;

fn observation(pod: &Pod) -> Observation {
    let output = pod.selfcheck(&["debug", "updater-status", "--save-observation", "/tmp/seen.json"]);
    let seen =
        pod.selfcheck(&["debug", "updater-status", "--observation", "/tmp/seen.json", "--format", "json"]);
    assert_eq!(output.status.code(), seen.status.code(), "{}", shown(&seen));
    let text = std::fs::read_to_string(pod.path("/tmp/seen.json")).expect("saved");
    serde_json::from_str(&text).expect("an observation")
}

#[test]
fn a_pod_whose_updater_keeps_its_state_is_accompanied() {
    let Some(folder) = PodFolder::new() else { return };
    folder.mount("updater-config", &[("update.yaml", UPDATED)]);
    folder.mount("podinfo", &[("labels", "app=\"agents\"\n"), ("annotations", "checksum/config=\"abc\"\n")]);
    folder.mount("serviceaccount", &[("namespace", "teleport"), ("token", "t0ken"), ("ca.crt", "c3rt")]);
    let pod = folder.with_updater().start();
    let seen = status(&pod);
    assert_eq!((seen.verdict, reasons(&seen)), (Verdict::Accompanied, vec![]));
    let updater = seen.updater.as_ref().expect("an updater");
    assert_eq!(
        (updater.kind.as_str(), updater.version.as_ref().expect("its version").as_str()),
        ("kube", "18.4.0")
    );
    assert_eq!(updater.group, Some("default".into()));
    assert_eq!(seen.agent.services, [selfcheck_core::Text::from("Kube")]);
    assert!(seen.proof.last_success.is_some() && seen.agent.pid.is_some());
    assert_eq!(seen.unseen, []);
    let observation = observation(&pod);
    let kubernetes = observation.kubernetes.present().expect("a pod");
    assert_eq!(kubernetes.namespace.present().expect("its namespace").as_str(), "teleport");
    assert_eq!(kubernetes.labels.present().expect("its labels").app, Some("agents".into()));
}

#[test]
fn a_release_without_its_updater_is_unaccompanied_and_the_remedy_names_it() {
    let Some(folder) = PodFolder::new() else { return };
    let pod = folder.start();
    let seen = status(&pod);
    assert_eq!((seen.verdict, reasons(&seen)), (Verdict::Unaccompanied, vec!["kube-updater-off"]));
    let output = pod.selfcheck(&["debug", "updater-status"]);
    assert_eq!(output.status.code(), Some(11));
    let told =
        String::from_utf8(output.stdout).expect("text").split_whitespace().collect::<Vec<_>>().join(" ");
    let helm =
        "helm upgrade agents teleport/teleport-kube-agent --namespace teleport --reset-then-reuse-values";
    assert!(told.contains("hint: where the Kubernetes cluster is managed, run"), "{told}");
    assert!(told.replace(" \\ ", " ").contains(helm), "{told}");
}

#[test]
fn a_state_file_that_is_empty_broken_or_out_of_reach_is_told_apart() {
    let Some(folder) = PodFolder::new() else { return };
    folder.mount("updater-config", &[("update.yaml", "")]);
    let pod = folder.with_updater().start();
    assert_eq!(reasons(&status(&pod)), ["kube-unproven"], "nothing yet");
    let policy = "thresholds: {kube_rollout: 1us}\n";
    pod.mount("config", &[("policy.yaml", policy)]);
    let late = pod.selfcheck(&[&STATUS[..], &["--policy", "/etc/teleport/policy.yaml"]].concat());
    let late: Status = serde_json::from_slice(&late.stdout).expect("a status");
    assert_eq!(reasons(&late), ["kube-never-ran"]);
    for (text, expected) in [
        ("kind: [", "config-corrupt"),
        (&UPDATED.replace("success: true", "success: false"), "kube-update-failed"),
        (&UPDATED.replace("enabled: true", "enabled: false"), "updates-disabled"),
    ] {
        pod.mount("updater-config", &[("update.yaml", text)]);
        assert_eq!(reasons(&status(&pod)), [expected], "{text}");
    }
    let file = pod.volume("updater-config").join("..data/update.yaml");
    std::fs::set_permissions(file, std::os::unix::fs::PermissionsExt::from_mode(0o600)).expect("rights");
    assert_eq!(reasons(&status(&pod)), ["config-denied"]);
}

#[test]
fn a_change_of_what_is_mounted_is_noticed() {
    let Some(folder) = PodFolder::new() else { return };
    folder.mount("updater-config", &[("update.yaml", UPDATED)]);
    let pod = folder.with_updater().start();
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
    let lines = BufReader::new(watching.stdout.take().expect("output")).lines();
    let mut verdicts = lines.map(|line| {
        let status: Value = serde_json::from_str(&line.expect("text")).expect("a status");
        status["verdict"].as_str().expect("a verdict").to_owned()
    });
    assert_eq!(verdicts.next().as_deref(), Some("accompanied"));
    pod.mount("updater-config", &[("update.yaml", &UPDATED.replace("success: true", "success: false"))]);
    assert_eq!(verdicts.next().as_deref(), Some("impaired"));
    pod.mount("updater-config", &[("update.yaml", UPDATED)]);
    assert_eq!(verdicts.next().as_deref(), Some("accompanied"));
    watching.kill().expect("it runs");
    watching.wait().expect("it ends");
}

#[test]
fn the_files_of_the_service_account_and_of_helm_are_in_no_output() {
    const SECRET: &str = "pl4nted-s3cret";
    let Some(folder) = PodFolder::new() else { return };
    folder.mount("updater-config", &[("update.yaml", &UPDATED.replace("version: v1", SECRET))]);
    let annotations = format!("note=\"{SECRET}\"\nmeta.helm.sh/release-name=\"agents\"\nauth={SECRET}\n");
    folder
        .mount("podinfo", &[("labels", &format!("password=\"{SECRET}\"\n")), ("annotations", &annotations)]);
    folder.mount("serviceaccount", &[("namespace", "teleport"), ("token", SECRET), ("ca.crt", SECRET)]);
    let pod = folder.with_updater().with("AUTH_TOKEN", SECRET).start();
    for flags in [
        &["-v"][..],
        &["-v", "--format", "json"],
        &["--format", "label"],
        &["-v", "--save-observation", "/tmp/seen.json", "--include-identifiers"],
    ] {
        let output = pod.selfcheck(&[&["debug", "updater-status"], flags].concat());
        let told = shown(&output);
        assert!(!told.contains(SECRET), "{flags:?}: {told}");
        assert_ne!(output.status.code(), Some(1), "{flags:?}: {told}");
    }
    let saved = std::fs::read_to_string(pod.path("/tmp/seen.json")).expect("saved");
    assert!(!saved.contains(SECRET), "{saved}");
    let observation: Observation = serde_json::from_str(&saved).expect("an observation");
    let kubernetes = observation.kubernetes.present().expect("a pod");
    assert_eq!(kubernetes.labels, Fact::Present(Marks::default()));
    assert_eq!(kubernetes.annotations, Fact::Unreadable(Why::Protocol), "a line of it is none");
}
