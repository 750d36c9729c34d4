//! Which process is the agent, and where its files are, in pods as they really are: several containers, processes that are shared, agents that
//! something else started, and somebody who looks from a container of his own.

use selfcheck_core::Fact;
use selfcheck_core::Observation;
use selfcheck_core::RemedyId;
use selfcheck_core::Status;
use selfcheck_core::Verdict;
use selfcheck_core::Why;
use selfcheck_tests::Container;
use selfcheck_tests::Debugger;
use selfcheck_tests::Pod;
use selfcheck_tests::PodFolder;
use selfcheck_tests::UPDATED;
use selfcheck_tests::eventually;
use selfcheck_tests::kubernetes::cluster::judged as judged_by_policy;
use selfcheck_tests::shown;

use super::STATUS;
use super::reasons;
use super::status;

fn judged(output: &std::process::Output) -> Status {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {}", shown(output)))
}

/// Remedies that this file executes, in a container and without the kubelet that `kubectl exec` needs.
pub(crate) const EXECUTED: [RemedyId; 2] = [RemedyId::LookInPod, RemedyId::LookLongerInPod];

/// What is said by the command that `kubectl exec` would execute in the agent's container.
fn executed(pod: &Pod, remedy: &str) -> Status {
    let (_, command) = remedy.split_once(" -- ").expect("a command in a container");
    let words = format!("/usr/local/bin/{command} --format json");
    judged(&pod.command(&words.split(' ').collect::<Vec<_>>()).output().expect("nsenter"))
}

/// What is said by somebody in a container beside the agent's.
fn debugged(pod: &Pod, debugger: Debugger) -> Status {
    judged(&pod.debug(debugger, &STATUS))
}

fn said(status: &Status) -> (Verdict, Vec<&'static str>) {
    (status.verdict, reasons(status))
}

const ACCOMPANIED: (Verdict, Vec<&str>) = (Verdict::Accompanied, Vec::new());

/// A pod whose updater keeps its state.
fn healthy() -> Option<PodFolder> {
    let folder = PodFolder::new()?;
    folder.mount("updater-config", &[("update.yaml", UPDATED)]);
    folder.mount("podinfo", &[("labels", "app=\"agents\"\n"), ("annotations", "")]);
    Some(folder.with_updater())
}

/// Starts it, and waits until what starts the agent there has done so.
fn started(folder: PodFolder) -> Pod {
    let pod = folder.start();
    eventually("the agent runs", || status(&pod).agent.pid.is_some());
    pod
}

#[test]
fn an_agent_is_found_whoever_started_it() {
    for by in [1, 3] {
        let Some(folder) = healthy() else { return };
        let pod = started(folder.changed(|container| container.supervised(by)));
        assert_eq!(said(&status(&pod)), ACCOMPANIED, "started by {by}");
        let Some(folder) = healthy() else { return };
        let pod = started(folder.changed(|container| container.supervised(by)).sharing_processes());
        assert_eq!(said(&status(&pod)), ACCOMPANIED, "started by {by} where processes are shared");
        // Its near miss: the same without an updater.
        let Some(folder) = PodFolder::new() else { return };
        let pod = started(folder.changed(|container| container.supervised(by)).sharing_processes());
        assert_eq!(
            said(&status(&pod)),
            (Verdict::Unaccompanied, vec!["kube-updater-off"]),
            "started by {by}"
        );
    }
}

#[test]
fn who_looks_from_another_container_sees_the_agents_files_or_says_that_he_does_not() {
    for is_shared in [true, false] {
        let Some(folder) = healthy() else { return };
        let folder = if is_shared { folder.sharing_processes() } else { folder };
        let pod = folder.start();
        for debugger in [Debugger::ROOT, Debugger::AGENT] {
            let seen = debugged(&pod, debugger);
            assert_eq!(said(&seen), ACCOMPANIED, "{debugger:?}");
            assert_eq!(seen.updater.expect("its updater").group, Some("default".into()));
            assert_eq!(seen.agent.services, [selfcheck_core::Text::from("Kube")]);
        }
        for debugger in [Debugger::OTHER, Debugger::BARE_ROOT] {
            let seen = debugged(&pod, debugger);
            // Some kernels show root the environment of everybody, and nothing else.
            let expected = if debugger.is_root() { "config-denied" } else { "applicability-unreadable" };
            let reasons = reasons(&seen);
            assert_eq!(seen.verdict, Verdict::Unknown, "{debugger:?}");
            assert!([&[expected], &["applicability-unreadable"]].contains(&&[reasons[0]]), "{reasons:?}");
            let remedy = seen.remedy.expect("a remedy");
            assert!(!remedy.root && remedy.shell.starts_with("kubectl "), "{remedy:?}");
            assert!(!remedy.shell.contains("sudo"), "{remedy:?}");
            assert_eq!(said(&executed(&pod, &remedy.shell)), ACCOMPANIED, "{remedy:?}");
        }
        // What is wrong is seen from there, too.
        pod.mount("updater-config", &[("update.yaml", &UPDATED.replace("success: true", "success: false"))]);
        for debugger in [Debugger::ROOT, Debugger::AGENT] {
            assert_eq!(
                said(&debugged(&pod, debugger)),
                (Verdict::Impaired, vec!["kube-update-failed"]),
                "{debugger:?}"
            );
        }
        pod.mount("updater-config", &[("update.yaml", "")]);
        assert_eq!(said(&debugged(&pod, Debugger::ROOT)), (Verdict::Unknown, vec!["kube-unproven"]));
    }
}

#[test]
fn the_agent_of_ones_own_container_goes_before_those_of_others() {
    let Some(folder) = healthy() else { return };
    let bare = Container::agent("second").with("TELEPORT_INSTALL_METHOD_HELM_KUBE_AGENT", "true");
    let pod = folder.beside(bare).beside(Container::bare("tools")).start();
    assert_eq!(said(&judged(&pod.selfcheck_in("teleport", &STATUS))), ACCOMPANIED);
    let second = judged(&pod.selfcheck_in("second", &STATUS));
    assert_eq!(said(&second), (Verdict::Unaccompanied, vec!["kube-updater-off"]));
    // From a third one nobody says which is meant.
    for seen in [judged(&pod.selfcheck_in("tools", &STATUS)), debugged(&pod, Debugger::ROOT)] {
        assert_eq!(said(&seen), (Verdict::Unknown, vec!["applicability-unreadable"]));
        let evidence = &seen.findings[0].evidence;
        let pids = serde_json::to_string(&evidence["pids"]).expect("text");
        let pids: Vec<_> = pids.trim_matches('"').split(',').collect();
        assert_eq!(pids.len(), 2, "{evidence:?}");
        assert!(seen.summary.contains("--pid"), "{}", seen.summary);
        let verdicts = pids
            .iter()
            .map(|pid| judged(&pod.debug(Debugger::ROOT, &[&STATUS[..], &["--pid", pid]].concat())).verdict);
        let mut verdicts: Vec<_> = verdicts.map(Verdict::code).collect();
        verdicts.sort_unstable();
        assert_eq!(verdicts, ["accompanied", "unaccompanied"], "each is judged by its own files");
    }
}

#[test]
fn agents_that_do_not_differ_and_tools_of_the_same_program_are_no_second_agent() {
    let Some(folder) = healthy() else { return };
    let session = ["/usr/local/bin/supervise", "supervise", "1"];
    // Teleport starts itself for each session, and is a tool for its administrator.
    let tool = folder.container().running(&["/usr/local/bin/teleport", "exec"]);
    let pod = folder.beside(Container { name: "tool".to_owned(), ..tool }).start();
    assert_eq!(said(&debugged(&pod, Debugger::ROOT)), ACCOMPANIED);
    drop(pod);
    // Nor is it one where there is no other.
    let Some(folder) = healthy() else { return };
    let pod = folder
        .changed(|container| container.running(&["/usr/local/bin/teleport", "wait", "duration"]))
        .start();
    assert_eq!(said(&status(&pod)), (Verdict::Unknown, vec!["no-agent"]));
    drop(pod);
    let Some(folder) = healthy() else { return };
    let twice = [&session[..], &["/usr/local/bin/teleport", "start"]].concat();
    let pod = started(folder.changed(|container| container.running(&twice)));
    assert_eq!(said(&status(&pod)).0, Verdict::Exempt, "without a configuration it runs a whole cluster");
}

#[test]
fn what_was_late_is_looked_for_again_with_more_time() {
    let Some(folder) = healthy() else { return };
    let pod = folder.start();
    pod.selfcheck(&["debug", "updater-status", "--save-observation", "/tmp/seen.json"]);
    let text = std::fs::read_to_string(pod.path("/tmp/seen.json")).expect("saved");
    let mut seen: Observation = serde_json::from_str(&text).expect("an observation");
    assert!(seen.agent.process.is_present() && seen.host.in_pod);
    seen.agent.process = Fact::Unreadable(Why::Timeout);
    seen.kubernetes = Fact::NotApplicable;
    let late = judged_by_policy(&seen);
    assert_eq!(said(&late), (Verdict::Unknown, vec!["applicability-unreadable"]));
    let remedy = late.remedy.expect("a remedy");
    assert_eq!(remedy.id.known(), Some(RemedyId::LookLongerInPod));
    assert_eq!(said(&executed(&pod, &remedy.shell)), ACCOMPANIED);
}

#[test]
fn a_users_own_program_of_that_name_is_no_agent() {
    let own = ("standin-teleport".to_owned(), "/tmp/teleport".to_owned());
    let Some(folder) = healthy() else { return };
    let argv = ["/tmp/teleport", "start", "--config=/etc/teleport/teleport.yaml"];
    let forged = |container: Container| Container {
        users_programs: vec![own.clone()],
        ..container.running(&argv).with("TELEPORT_EXT_UPGRADER", "kube")
    };
    let pod = folder.beside(Container { user: 1000, ..forged(Container::bare("forged")) }).start();
    assert_eq!(said(&debugged(&pod, Debugger::ROOT)), ACCOMPANIED);
    drop(pod);
    // Alone it is nobody's agent either.
    let Some(folder) = healthy() else { return };
    let pod = folder.changed(forged).start();
    let seen = status(&pod);
    assert_eq!(said(&seen), (Verdict::Unknown, vec!["no-agent"]));
}

#[test]
fn a_pod_without_an_agent_has_none_whatever_its_environment_and_its_image_say() {
    let Some(folder) = PodFolder::bare() else { return };
    let pause = ["/usr/local/bin/supervise", "pause"];
    // tbot in Teleport's image.
    let pod = folder.with("KUBERNETES_SERVICE_HOST", "10.96.0.1");
    let pod = pod.changed(|container| container.running(&pause)).start();
    let seen = status(&pod);
    assert_eq!((said(&seen), seen.remedy), ((Verdict::Unknown, vec!["no-agent"]), None));
    drop(pod);
    // `kubectl exec` passes the environment of the chart on; the agent has ended, or is not seen.
    let Some(folder) = healthy() else { return };
    let pod = folder.changed(|container| container.running(&pause)).start();
    let seen = status(&pod);
    assert_eq!((said(&seen), seen.remedy), ((Verdict::Unknown, vec!["no-agent"]), None));
    assert_eq!(pod.selfcheck(&["debug", "updater-status"]).status.code(), Some(12));
}

#[test]
fn a_change_is_noticed_from_another_container() {
    use std::io::BufRead;
    let Some(folder) = healthy() else { return };
    let pod = folder.start();
    let watching = ["debug", "updater-status", "--watch", "--probe", "--format", "json"];
    let mut watching = pod
        .debugging(Debugger::ROOT, &watching)
        .stdout(std::process::Stdio::piped())
        .spawn()
        .expect("nsenter");
    let lines = std::io::BufReader::new(watching.stdout.take().expect("output")).lines();
    let mut verdicts = lines.map(|line| {
        let status: Status = serde_json::from_str(&line.expect("text")).expect("a status");
        status.verdict
    });
    assert_eq!(verdicts.next(), Some(Verdict::Accompanied));
    pod.mount("updater-config", &[("update.yaml", &UPDATED.replace("success: true", "success: false"))]);
    assert_eq!(verdicts.next(), Some(Verdict::Impaired));
    watching.kill().expect("it runs");
    watching.wait().expect("it ends");
}
