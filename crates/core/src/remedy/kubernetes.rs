//! The remedies that are run where the cluster is managed: no command of a host, and no root.

use crate::DnsLabel;
use crate::HelmRelease;

use super::KubernetesTarget;
use super::plan::Plan;
use super::plan::words;

/// Teleport's documentation of the chart.
const CHART: &str = "https://goteleport.com/docs/reference/helm-reference/teleport-kube-agent/";
/// The chart, by the name that Teleport's documentation gives its repository.
const CHART_NAME: &str = "teleport/teleport-kube-agent";
/// What stands for a pod that is not known.
const POD: &str = "POD";
/// By which the updater leaves an agent alone.
const PAUSE: &str = "teleport.dev/skipreconcile";
/// What a command that looks again cannot know of the agent's image.
const LOOK: &str = "looks again in the agent's container, as its own user; where its image has no teleport-selfcheck, \
                    `kubectl debug POD --profile sysadmin --image IMAGE --target CONTAINER` runs one beside it that may see \
                    everything";
/// What has to be so for the one command that changes a release,
const ENABLE: &str = "adds the updater to the release and restarts its pods; only if `helm list` shows chart teleport-kube-agent \
                      for it, as any other chart would be replaced, and where no other tool keeps it";
/// and what Helm before version 3.14 does not know.
const OLD_HELM: &str = "Helm before 3.14 needs `--reuse-values` for `--reset-then-reuse-values`, and may then lack values that \
                        a newer chart reads";

/// Looks again in the agent's container.
pub(super) fn look(target: &KubernetesTarget) -> Plan {
    Plan::on_cluster(status(target, &[]), LOOK, CHART).needs(pod_to_name(target))
}

/// The same, and waits for longer.
pub(super) fn look_longer(target: &KubernetesTarget) -> Plan {
    let effect = "looks again in the agent's container, and waits up to 30 seconds";
    Plan::on_cluster(status(target, &["--timeout", "30s"]), effect, CHART).needs(pod_to_name(target))
}

/// Lets the release have the chart's updater.
pub(super) fn enable_updater(target: &KubernetesTarget) -> Plan {
    let namespace = target.released_in.as_ref().map_or(namespace(target), DnsLabel::as_str);
    let mut argv = words(&["helm", "upgrade", release(target), CHART_NAME, "--namespace", namespace]);
    let chart = match &target.chart_version {
        Some(version) => {
            argv.extend(["--version".to_owned(), version.to_string()]);
            "moves it to the chart of its image's version"
        }
        None => "may move it to a newer chart without `--version`",
    };
    argv.extend(words(&["--reset-then-reuse-values", "--set", "updater.enabled=true"]));
    Plan::on_cluster(argv, format!("{ENABLE}; {chart}; {OLD_HELM}"), CHART).needs(release_to_name(target))
}

/// Takes a person's mark off that the updater leaves the agent alone for.
pub(super) fn resume_updater(target: &KubernetesTarget) -> Plan {
    let annotate = |mark: &str| {
        // Charts name their objects in more than one way, and label them in one.
        let agent = format!("app={}", release(target));
        kubectl(target, &["annotate", "statefulset,deployment", "--selector", &agent, mark, "--overwrite"])
    };
    Plan::on_cluster(annotate(&format!("{PAUSE}-")), "lets the updater update the agent again", CHART)
        .undone_by(annotate(&format!("{PAUSE}=true")))
        .needs(release_to_name(target))
}

/// Shows whether there is an updater.
pub(super) fn show_updater(target: &KubernetesTarget) -> Plan {
    let effect = "lists the updater with its replicas; if there is none, the release has no updater";
    Plan::on_cluster(kubectl(target, &["get", "deployments", "--selector", &updater(target)]), effect, CHART)
        .needs(release_to_name(target))
}

/// Shows what the updater says.
pub(super) fn show_logs(target: &KubernetesTarget) -> Plan {
    let argv = kubectl(target, &["logs", "--selector", &updater(target), "--tail", "50"]);
    Plan::on_cluster(argv, "lists what the updater said last", CHART).needs(release_to_name(target))
}

fn release(target: &KubernetesTarget) -> &str {
    let name = target.release.name.as_ref().or(target.guess.as_ref());
    name.map_or(HelmRelease::NAME, DnsLabel::as_str)
}

fn namespace(target: &KubernetesTarget) -> &str {
    target.release.namespace.as_ref().map_or(HelmRelease::NAMESPACE, DnsLabel::as_str)
}

/// By which the updater's objects are selected.
fn updater(target: &KubernetesTarget) -> String {
    format!("app={}-updater", release(target))
}

fn kubectl(target: &KubernetesTarget, arguments: &[&str]) -> Vec<String> {
    words(&[&["kubectl", "--namespace", namespace(target)], arguments].concat())
}

fn status(target: &KubernetesTarget, arguments: &[&str]) -> Vec<String> {
    let pod = target.pod.as_ref().map_or(POD, DnsLabel::as_str);
    let status = ["exec", pod, "--", "teleport-selfcheck", "debug", "updater-status"];
    kubectl(target, &[&status, arguments].concat())
}

/// What a person has to find out and write into a command for a pod.
fn pod_to_name(target: &KubernetesTarget) -> Option<&'static str> {
    let is_known = target.pod.is_some() && target.release.namespace.is_some();
    (!is_known).then_some("write the agent's pod and its namespace for POD and NAMESPACE")
}

/// What a person has to find out and write into a command for a release, or to confirm.
fn release_to_name(target: &KubernetesTarget) -> Option<String> {
    match (&target.release.name, &target.guess, &target.release.namespace) {
        (Some(_), _, Some(_)) => None,
        (None, Some(guess), Some(_)) => Some(format!(
            "that the release is called {guess} is a guess by a label of the pod, which `helm list` confirms"
        )),
        _ => Some("write the Helm release and its namespace for RELEASE and NAMESPACE".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Generation;
    use crate::Namespace;
    use crate::Remedy;
    use crate::RemedyId;
    use crate::RemedyTarget;
    use crate::TeleportVersion;

    fn render(id: RemedyId, kubernetes: &KubernetesTarget) -> Remedy {
        let namespace = Namespace::default();
        let target = RemedyTarget::new(&namespace, Generation::V2, "");
        id.render(&RemedyTarget { kubernetes: kubernetes.clone(), ..target })
    }

    #[test]
    fn what_is_not_known_has_to_be_filled_in_and_what_is_guessed_confirmed() {
        let known = KubernetesTarget {
            release: HelmRelease::new("agents".parse().ok(), "teleport".parse().ok()),
            pod: "agents-0".parse().ok(),
            ..KubernetesTarget::default()
        };
        let nameless = HelmRelease { name: None, ..known.release.clone() };
        let unknown = KubernetesTarget { release: nameless, pod: None, ..known.clone() };
        let guessed = KubernetesTarget { guess: known.release.name.clone(), ..unknown.clone() };
        for id in RemedyId::ALL.iter().copied().filter(|id| id.is_kubernetes()) {
            let looks = matches!(id, RemedyId::LookInPod | RemedyId::LookLongerInPod);
            let (known, unknown, guessed) = (render(id, &known), render(id, &unknown), render(id, &guessed));
            assert!(
                known.shell.contains("--namespace teleport") && known.shell.contains("agents"),
                "{known:?}"
            );
            assert!(!known.root && !known.shell.contains("sudo") && known.steps.len() == 1, "{known:?}");
            assert!(unknown.steps.is_empty() && unknown.effect.contains("; write the "), "{unknown:?}");
            assert!(guessed.steps.is_empty(), "{guessed:?}");
            assert!(looks || guessed.shell == known.shell && guessed.effect.contains("guess"), "{guessed:?}");
        }
    }

    #[test]
    fn a_chart_stays_at_its_version_where_that_is_known() {
        let target = |chart_version| KubernetesTarget { chart_version, ..KubernetesTarget::default() };
        let kept = render(RemedyId::EnableKubeUpdater, &target(Some(TeleportVersion::new(18, 4, 1))));
        assert!(kept.shell.contains(" --version 18.4.1 --reset-then-reuse-values "), "{kept:?}");
        assert!(kept.effect.contains("--reuse-values") && !kept.effect.contains("newer chart without"));
        let moved = render(RemedyId::EnableKubeUpdater, &target(None));
        assert!(!moved.shell.contains("--version") && moved.effect.contains("newer chart without"));
    }
}
