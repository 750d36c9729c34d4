//! What the Kubernetes API tells a probe, by what the rights of a service account let it see, and on bad days.

use std::time::Duration;

use selfcheck_core::Fact;
use selfcheck_core::Policy;
use selfcheck_core::Status;
use selfcheck_core::Verdict;
use selfcheck_core::Why;
use selfcheck_core::observation::GitOps;
use selfcheck_probe::ApiServer;
use selfcheck_probe::Probe;
use selfcheck_probe::SYSTEM_BUS;
use selfcheck_tests::kubernetes::Fault;
use selfcheck_tests::kubernetes::cluster::AgentOfRelease;
use selfcheck_tests::kubernetes::cluster::NAMESPACE;
use selfcheck_tests::kubernetes::cluster::RELEASE;
use selfcheck_tests::kubernetes::cluster::TOKEN;
use selfcheck_tests::kubernetes::cluster::api;
use selfcheck_tests::kubernetes::cluster::judged;
use selfcheck_tests::kubernetes::cluster::pod;
use selfcheck_tests::kubernetes::cluster::pod_called;
use selfcheck_tests::kubernetes::cluster::pod_name;
use selfcheck_tests::kubernetes::cluster::shipped_role;
use selfcheck_tests::kubernetes::cluster::shipped_role_of;
use selfcheck_tests::kubernetes::cluster::stateful_set;
use selfcheck_tests::kubernetes::cluster::stock_role;
use selfcheck_tests::kubernetes::cluster::updater;
use tokio::io::AsyncReadExt;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;

use super::reasons;

/// Long enough for whatever answers.
const LOOK_TIME: Duration = Duration::from_secs(20);

fn said(status: &Status) -> (Verdict, Vec<&'static str>) {
    (status.verdict, reasons(status))
}

/// The requests that one look makes where everything is named by the release.
fn requests() -> [String; 3] {
    [
        format!("get /api/v1/namespaces/teleport/pods/{}", pod_name()),
        "get /apis/apps/v1/namespaces/teleport/statefulsets/agents".to_owned(),
        "get /apis/apps/v1/namespaces/teleport/deployments/agents-updater".to_owned(),
    ]
}

#[tokio::test]
async fn with_the_shipped_role_everything_is_seen_by_three_requests() {
    let agent = AgentOfRelease::permitted().await;
    let seen = agent.look().await;
    assert_eq!(agent.api.requests(), requests());
    let told = api(&seen);
    assert_eq!(told.pod.present().expect("a pod").image_version, Some("18.4.1".into()));
    let workload = told.workload.present().expect("a workload");
    assert_eq!(
        (workload.kind.as_str(), workload.name.as_str(), workload.paused),
        ("StatefulSet", RELEASE, false)
    );
    let updater = told.updater.present().expect("an updater");
    assert_eq!((updater.replicas, updater.available, updater.agent.as_ref()), (1, 1, Some(&RELEASE.into())));
    // The chart is too old for a state file, and yet the updater is known to run.
    assert_eq!(said(&judged(&seen)), (Verdict::Accompanied, vec![]));
}

#[tokio::test]
async fn with_the_rights_of_the_chart_the_updater_is_hidden_and_never_said_to_be_missing() {
    let agent = AgentOfRelease::start().await;
    agent.api.grant(&stock_role());
    let seen = agent.look().await;
    let told = api(&seen);
    assert!(told.pod.is_present());
    assert_eq!(told.workload, Fact::Unreadable(Why::Denied));
    assert_eq!(told.updater, Fact::Unreadable(Why::Denied));
    assert_eq!(said(&judged(&seen)), (Verdict::Unknown, vec!["kube-unproven", "kubernetes-denied"]));
    assert_eq!(agent.api.requests(), requests());
}

#[tokio::test]
async fn without_rights_or_with_a_token_that_is_not_taken_nothing_is_absent() {
    let agent = AgentOfRelease::start().await;
    let hidden = (Verdict::Unknown, vec!["kube-unproven", "kubernetes-denied"]);
    let seen = agent.look().await;
    assert_eq!(api(&seen).pod, Fact::Unreadable(Why::Denied));
    assert_eq!(said(&judged(&seen)), hidden);
    agent.api.lock_out(TOKEN);
    assert_eq!(said(&agent.status().await), hidden);
    std::fs::remove_file(agent.api.token_file()).expect("there was one");
    let seen = agent.look().await;
    assert_eq!(seen.kubernetes.present().expect("a pod").api, Fact::Unreadable(Why::Denied));
    assert_eq!(said(&judged(&seen)), hidden);
}

#[tokio::test]
async fn a_token_that_a_kubelet_has_replaced_is_read_before_the_old_one_ends() {
    let agent = AgentOfRelease::permitted().await;
    let mut probe = agent.probe();
    let mut look = async || api(&probe.look(LOOK_TIME).await).pod.is_present();
    assert!(look().await);
    let asked = agent.api.requests();
    agent.api.let_in("the-next-token", NAMESPACE, RELEASE);
    std::fs::write(agent.api.token_file(), "the-next-token\n").expect("written");
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(60)).await;
    tokio::time::resume();
    assert!(look().await);
    agent.api.lock_out(TOKEN);
    assert!(look().await);
    // Nothing was refused, and asked for again.
    assert_eq!(agent.api.requests(), [&*asked, &*asked].concat());
}

#[tokio::test]
async fn what_is_wrong_with_the_updater_is_told() {
    let agent = AgentOfRelease::permitted().await;
    let change = |change: fn(&mut serde_json::Value)| {
        agent.api.put(updater(RELEASE));
        agent.api.change("deployments", NAMESPACE, "agents-updater", change);
    };
    change(|updater| updater["spec"]["replicas"] = 0.into());
    // That it has none available is not yet told, as right after it was scaled down.
    assert_eq!(said(&agent.status().await), (Verdict::Accompanied, vec![]));
    change(|updater| {
        updater["spec"]["replicas"] = 0.into();
        updater["status"]["availableReplicas"] = 0.into();
    });
    assert_eq!(said(&agent.status().await), (Verdict::Impaired, vec!["kube-updater-down"]));
    change(|updater| updater["status"] = serde_json::json!({"unavailableReplicas": 1}));
    assert_eq!(said(&agent.status().await), (Verdict::Impaired, vec!["kube-updater-down"]));
    agent.api.remove("deployments", NAMESPACE, "agents-updater");
    let status = agent.status().await;
    assert_eq!(said(&status), (Verdict::Impaired, vec!["kube-updater-down"]));
    let remedy = status.remedy.expect("a remedy").shell;
    assert_eq!(remedy, "kubectl --namespace teleport logs --selector app=agents-updater --tail 50");
}

#[tokio::test]
async fn a_pause_is_held_and_what_keeps_the_release_is_known() {
    let agent = AgentOfRelease::permitted().await;
    agent.api.change("statefulsets", NAMESPACE, RELEASE, |workload| {
        workload["metadata"]["annotations"]["teleport.dev/skipreconcile"] = "true".into();
    });
    assert_eq!(said(&agent.status().await), (Verdict::Held, vec!["kube-paused"]));
    agent.api.change("statefulsets", NAMESPACE, RELEASE, |workload| {
        workload["metadata"]["annotations"]["teleport.dev/skipreconcile"] = "false".into();
        workload["metadata"]["annotations"]["argocd.argoproj.io/tracking-id"] = "agents".into();
    });
    let seen = agent.look().await;
    assert_eq!(api(&seen).workload.present().expect("a workload").marks.gitops, Some(GitOps::ArgoCd));
    assert_eq!(said(&judged(&seen)), (Verdict::Accompanied, vec![]));
}

#[tokio::test]
async fn an_updater_that_came_after_the_pod_needs_another_pod() {
    let agent = AgentOfRelease::start_with(&[]).await;
    agent.api.grant(&shipped_role());
    assert_eq!(said(&agent.status().await), (Verdict::Impaired, vec!["restart-needed"]));
    // Forged marks of Helm prove nothing.
    agent.api.remove("deployments", NAMESPACE, "agents-updater");
    agent.api.change("statefulsets", NAMESPACE, RELEASE, |workload| {
        workload["metadata"]["labels"]["app.kubernetes.io/managed-by"] = "Helm".into();
        workload["metadata"]["annotations"]["meta.helm.sh/release-name"] = RELEASE.into();
    });
    assert_eq!(said(&agent.status().await), (Verdict::Unaccompanied, vec!["kube-updater-off"]));
}

#[tokio::test]
async fn an_agent_may_have_another_name_than_its_release_and_a_neighbour() {
    let agent = AgentOfRelease::start().await;
    let role = serde_json::to_string(&shipped_role()).expect("text");
    let role =
        role.replace("[\"agents\"", "[\"proxied\"").replace("\"agents-updater\"", "\"proxied-updater\"");
    agent.api.grant(&serde_json::from_str::<Vec<_>>(&role).expect("a role"));
    // Only the objects of the other name are this agent's; those of the release's name are of another one.
    agent.api.put(pod("proxied"));
    agent.api.put(stateful_set("proxied"));
    agent.api.put(updater("proxied"));
    let seen = agent.look().await;
    assert_eq!(api(&seen).updater.present().expect("its own").name.as_str(), "proxied-updater");
    assert_eq!(said(&judged(&seen)), (Verdict::Accompanied, vec![]));
    // Some charts name the updater by the release. One request more finds it, if it may be seen.
    agent.api.remove("deployments", NAMESPACE, "proxied-updater");
    agent.api.requests();
    assert_eq!(said(&agent.status().await), (Verdict::Unknown, vec!["kube-unproven", "kubernetes-denied"]));
    assert_eq!(agent.api.requests().len(), 4);
    let role = serde_json::to_string(&shipped_role()).expect("text").replace("agents-selfcheck", "second");
    agent.api.grant(&serde_json::from_str::<Vec<_>>(&role).expect("a role"));
    assert_eq!(said(&agent.status().await), (Verdict::Impaired, vec!["kube-updater-down"]), "a neighbour's");
    agent.api.change("deployments", NAMESPACE, "agents-updater", |updater| {
        updater["spec"]["template"]["spec"]["containers"][0]["args"][0] = "--agent-name=proxied".into();
    });
    assert_eq!(said(&agent.status().await), (Verdict::Accompanied, vec![]));
}

#[tokio::test]
async fn a_neighbours_updater_says_nothing_where_its_own_is_hidden() {
    let agent = AgentOfRelease::start().await;
    agent.api.put(pod("agents-b"));
    agent.api.put(stateful_set("agents-b"));
    // Of the two agents of the release, the rights let it see its workload and the updater of the other one.
    let role = serde_json::to_string(&shipped_role()).expect("text").replace("[\"agents\"", "[\"agents-b\"");
    agent.api.grant(&serde_json::from_str::<Vec<_>>(&role).expect("a role"));
    let seen = agent.look().await;
    assert_eq!(api(&seen).workload.present().expect("its own").name.as_str(), "agents-b");
    assert_eq!(api(&seen).updater, Fact::Unreadable(Why::Denied));
    assert_eq!(said(&judged(&seen)), (Verdict::Unknown, vec!["kube-unproven", "kubernetes-denied"]));
    // It is asked for all the same, because a chart may name the updater by the release.
    assert_eq!(agent.api.requests().len(), 4);
}

#[tokio::test]
async fn a_pod_on_the_network_of_its_node_is_known_by_the_name_in_its_environment() {
    let agent = AgentOfRelease::start_with(&[
        ("TELEPORT_EXT_UPGRADER", "kube"),
        ("TELEPORT_REPLICA_NAME", "agents-3"),
    ])
    .await;
    agent.api.grant(&shipped_role_of("agents-3"));
    agent.api.put(pod_called("agents-3", RELEASE));
    let seen = agent.look().await;
    assert_eq!(api(&seen).pod.present().expect("a pod").image_version, Some("18.4.1".into()));
    assert_eq!(said(&judged(&seen)), (Verdict::Accompanied, vec![]));
    assert_eq!(agent.api.requests()[0], "get /api/v1/namespaces/teleport/pods/agents-3");
}

#[tokio::test]
async fn a_policy_keeps_the_api_from_being_asked() {
    let agent = AgentOfRelease::permitted().await;
    let policy: Policy = serde_saphyr::from_str("kubernetes: {api: never}").expect("a policy");
    let target = agent.target().under(&policy);
    let seen = Probe::new(target, SYSTEM_BUS).look(LOOK_TIME).await;
    assert_eq!(seen.kubernetes.present().expect("a pod").api, Fact::NotApplicable);
    assert_eq!(said(&judged(&seen)), (Verdict::Unknown, vec!["kube-unproven"]));
    assert_eq!(agent.api.requests(), Vec::<String>::new());
}

#[tokio::test]
async fn a_bad_day_of_the_api_is_never_a_fault_of_the_agent() {
    let agent = AgentOfRelease::permitted().await;
    for (fault, why) in [
        (Fault::Status(429, Some(1)), Why::Refused),
        (Fault::Status(500, None), Why::Refused),
        (Fault::Status(503, None), Why::Refused),
        (Fault::Status(302, None), Why::Protocol),
        // Not in the words of the API: something before it, or one that has only just started.
        (Fault::Status(404, None), Why::Protocol),
        (Fault::Close, Why::Closed),
        (Fault::Truncated, Why::Closed),
        (Fault::Endless, Why::TooLarge),
        (Fault::Garbage, Why::Protocol),
        (Fault::Silence, Why::Timeout),
    ] {
        agent.api.fault(Some(fault));
        let time = if fault == Fault::Silence { Duration::from_millis(300) } else { LOOK_TIME };
        let seen = agent.probe().look(time).await;
        let told = api(&seen);
        assert_eq!(told.updater, Fact::Unreadable(why), "{fault:?}");
        assert_eq!(told.workload, Fact::Unreadable(why), "{fault:?}");
        let expected = (Verdict::Unknown, vec!["kube-unproven", "kubernetes-unreachable"]);
        assert_eq!(said(&judged(&seen)), expected, "{fault:?}");
        agent.api.fault(None);
        assert_eq!(said(&agent.status().await), (Verdict::Accompanied, vec![]), "after {fault:?}");
    }
}

#[tokio::test]
async fn a_certificate_of_a_curve_that_is_not_understood_is_told_as_such() {
    let agent = AgentOfRelease::permitted().await;
    if !agent.api.be_of_p521() {
        return;
    }
    let seen = agent.look().await;
    assert_eq!(api(&seen).updater, Fact::Unreadable(Why::Incompatible));
    let status = judged(&seen);
    assert_eq!(said(&status), (Verdict::Unknown, vec!["kube-unproven", "kubernetes-unreachable"]));
    assert!(status.findings[1].summary.contains("P-521"), "{}", status.findings[1].summary);
    agent.api.replace_certificates();
    assert_eq!(said(&agent.status().await), (Verdict::Accompanied, vec![]));
}

#[tokio::test]
async fn a_server_that_finds_nothing_in_common_is_told_as_such() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let agent = AgentOfRelease::permitted().await;
    let url = format!("https://{}", listener.local_addr().expect("its address"));
    let ApiServer { token, authority, .. } = agent.server();
    let server = ApiServer::new(url, token, authority);
    let refusing = tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.expect("a connection");
            // A fatal alert: handshake_failure.
            stream.read_u8().await.expect("a greeting");
            stream.write_all(&[21, 3, 3, 0, 2, 2, 40]).await.expect("written");
        }
    });
    let target = agent.target().kubernetes(server);
    let seen = Probe::new(target, SYSTEM_BUS).look(LOOK_TIME).await;
    assert_eq!(api(&seen).updater, Fact::Unreadable(Why::Incompatible));
    refusing.abort();
}
