//! The remedies that are run where the cluster is managed: no command of a host, and no root.

use crate::DnsLabel;

use super::KubernetesTarget;
use super::Remedy;
use super::RemedyId;
use super::Step;
use super::plan::words;
use super::shell;

/// Teleport's documentation of the chart.
const CHART: &str = "https://goteleport.com/docs/reference/helm-reference/teleport-kube-agent/";
/// The chart, by the name that Teleport's documentation gives its repository.
const CHART_NAME: &str = "teleport/teleport-kube-agent";
const RELEASE: &str = KubernetesTarget::RELEASE;
const NAMESPACE: &str = KubernetesTarget::NAMESPACE;
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

pub(super) fn render(id: RemedyId, target: &KubernetesTarget) -> Remedy {
    let of_release = target.release.as_ref().or(target.guess.as_ref());
    let release = of_release.map_or(RELEASE, DnsLabel::as_str);
    let namespace = target.namespace.as_ref().map_or(NAMESPACE, DnsLabel::as_str);
    let kubectl = |arguments: &[&str]| words(&[&["kubectl", "--namespace", namespace], arguments].concat());
    // Charts name their objects in more than one way, and label them in one.
    let agent = format!("app={release}");
    let updater = format!("app={release}-updater");
    let annotate = |mark: &str| {
        kubectl(&["annotate", "statefulset,deployment", "--selector", &agent, mark, "--overwrite"])
    };
    let (argv, effect, undo) = match id {
        RemedyId::LookInPod => (look(target, &kubectl, &[]), LOOK.to_owned(), None),
        RemedyId::LookLongerInPod => {
            let effect = "looks again in the agent's container, and waits up to 30 seconds".to_owned();
            (look(target, &kubectl, &["--timeout", "30s"]), effect, None)
        }
        RemedyId::EnableKubeUpdater => (
            upgrade(release, target.released_in.as_ref().map_or(namespace, DnsLabel::as_str), target),
            effect_of_upgrade(target),
            None,
        ),
        RemedyId::ResumeKubeUpdater => (
            annotate(&format!("{PAUSE}-")),
            "lets the updater update the agent again".to_owned(),
            Some(annotate(&format!("{PAUSE}=true"))),
        ),
        RemedyId::ShowKubeUpdaterLogs => (
            kubectl(&["logs", "--selector", &updater, "--tail", "50"]),
            "lists what the updater said last".to_owned(),
            None,
        ),
        _ => (
            kubectl(&["get", "deployments", "--selector", &updater]),
            "lists the updater with its replicas; if there is none, the release has no updater".to_owned(),
            None,
        ),
    };
    let steps = vec![Step { argv, stdin_from: None }];
    let missing = missing(id, target);
    let line = |argv| shell::line(&[Step { argv, stdin_from: None }], false);
    Remedy {
        id: id.into(),
        shell: shell::line(&steps, false),
        steps: if missing.is_none() { steps } else { Vec::new() },
        root: false,
        effect: effect + &missing.unwrap_or_default(),
        undo: undo.map(line),
        docs: CHART.to_owned(),
    }
}

fn look(
    target: &KubernetesTarget,
    kubectl: &dyn Fn(&[&str]) -> Vec<String>,
    arguments: &[&str],
) -> Vec<String> {
    let pod = target.pod.as_ref().map_or(POD, DnsLabel::as_str);
    let status = ["exec", pod, "--", "teleport-selfcheck", "debug", "updater-status"];
    kubectl(&[&status, arguments].concat())
}

fn upgrade(release: &str, namespace: &str, target: &KubernetesTarget) -> Vec<String> {
    let mut argv = words(&["helm", "upgrade", release, CHART_NAME, "--namespace", namespace]);
    if let Some(version) = &target.chart_version {
        argv.extend(["--version".to_owned(), version.to_string()]);
    }
    argv.extend(words(&["--reset-then-reuse-values", "--set", "updater.enabled=true"]));
    argv
}

fn effect_of_upgrade(target: &KubernetesTarget) -> String {
    match target.chart_version {
        Some(_) => format!("{ENABLE}; moves it to the chart of its image's version; {OLD_HELM}"),
        None => format!("{ENABLE}; may move it to a newer chart without `--version`; {OLD_HELM}"),
    }
}

/// What a person has to find out and write into the command first.
fn missing(id: RemedyId, target: &KubernetesTarget) -> Option<String> {
    if matches!(id, RemedyId::LookInPod | RemedyId::LookLongerInPod) {
        let is_known = target.pod.is_some() && target.namespace.is_some();
        return (!is_known)
            .then(|| "; write the agent's pod and its namespace for POD and NAMESPACE".to_owned());
    }
    match (&target.release, &target.guess, &target.namespace) {
        (Some(_), _, Some(_)) => None,
        (None, Some(guess), Some(_)) => Some(format!(
            "; that the release is called {guess} is a guess by a label of the pod, which `helm list` confirms"
        )),
        _ => Some("; write the Helm release and its namespace for RELEASE and NAMESPACE".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use semver::Version;

    use super::*;

    #[test]
    fn what_is_not_known_has_to_be_filled_in_and_what_is_guessed_confirmed() {
        let known = KubernetesTarget {
            release: "agents".parse().ok(),
            namespace: "teleport".parse().ok(),
            pod: "agents-0".parse().ok(),
            ..KubernetesTarget::default()
        };
        let unknown = KubernetesTarget { release: None, pod: None, ..known.clone() };
        let guessed = KubernetesTarget { guess: known.release.clone(), ..unknown.clone() };
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
        let kept = render(RemedyId::EnableKubeUpdater, &target(Some(Version::new(18, 4, 1))));
        assert!(kept.shell.contains(" --version 18.4.1 --reset-then-reuse-values "), "{kept:?}");
        assert!(kept.effect.contains("--reuse-values") && !kept.effect.contains("newer chart without"));
        let moved = render(RemedyId::EnableKubeUpdater, &target(None));
        assert!(!moved.shell.contains("--version") && moved.effect.contains("newer chart without"));
    }
}
