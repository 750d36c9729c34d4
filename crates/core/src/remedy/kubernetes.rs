//! The remedies that are run where the cluster is managed: no command of a host, and no root.

use crate::DnsLabel;

use super::KubernetesTarget;
use super::Remedy;
use super::RemedyId;
use super::Step;
use super::shell;

/// Teleport's documentation of the chart.
const CHART: &str = "https://goteleport.com/docs/reference/helm-reference/teleport-kube-agent/";
/// The chart, by the name that Teleport's documentation gives its repository.
const CHART_NAME: &str = "teleport/teleport-kube-agent";
/// What stands for a release or a namespace that is not known,
const RELEASE: &str = "RELEASE";
const NAMESPACE: &str = "NAMESPACE";
/// and what to do about that.
const FILL_IN: &str = "; write the Helm release and its namespace for RELEASE and NAMESPACE";
/// By which the updater leaves an agent alone.
const PAUSE: &str = "teleport.dev/skipreconcile";

pub(super) fn render(id: RemedyId, target: &KubernetesTarget) -> Remedy {
    let release = target.release.as_ref().map_or(RELEASE, DnsLabel::as_str);
    let namespace = target.namespace.as_ref().map_or(NAMESPACE, DnsLabel::as_str);
    let kubectl = |arguments: &[&str]| words(&[&["kubectl", "--namespace", namespace], arguments].concat());
    // Charts name their objects in more than one way, and label them in one.
    let agent = format!("app={release}");
    let updater = format!("app={release}-updater");
    let annotate = |mark: &str| {
        kubectl(&["annotate", "statefulset,deployment", "--selector", &agent, mark, "--overwrite"])
    };
    let (argv, effect, undo) = match id {
        RemedyId::EnableKubeUpdater => (
            words(&[
                "helm",
                "upgrade",
                release,
                CHART_NAME,
                "--namespace",
                namespace,
                "--reuse-values",
                "--set",
                "updater.enabled=true",
            ]),
            "adds the updater to the release; may move it to a newer chart, and restarts its pods",
            None,
        ),
        RemedyId::ResumeKubeUpdater => (
            annotate(&format!("{PAUSE}-")),
            "lets the updater update the agent again",
            Some(annotate(&format!("{PAUSE}=true"))),
        ),
        RemedyId::ShowKubeUpdaterLogs => (
            kubectl(&["logs", "--selector", &updater, "--tail", "50"]),
            "lists what the updater said last",
            None,
        ),
        _ => (
            kubectl(&["get", "deployments", "--selector", &updater]),
            "lists the updater with its replicas; if there is none, the release has no updater",
            None,
        ),
    };
    let steps = vec![Step { argv, stdin_from: None }];
    let is_known = target.release.is_some() && target.namespace.is_some();
    let line = |argv| shell::line(&[Step { argv, stdin_from: None }], false);
    Remedy {
        id: id.into(),
        shell: shell::line(&steps, false),
        steps: if is_known { steps } else { Vec::new() },
        root: false,
        effect: format!("{effect}{}", if is_known { "" } else { FILL_IN }),
        undo: undo.map(line),
        docs: CHART.to_owned(),
    }
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|&word| word.to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_release_that_is_not_known_has_to_be_filled_in() {
        let known =
            KubernetesTarget { release: DnsLabel::parse("agents"), namespace: DnsLabel::parse("teleport") };
        let unknown = KubernetesTarget { release: None, ..known.clone() };
        for id in RemedyId::ALL.iter().copied().filter(|id| id.is_kubernetes()) {
            let (known, unknown) = (render(id, &known), render(id, &unknown));
            assert!(
                known.shell.contains("--namespace teleport") && known.shell.contains("agents"),
                "{known:?}"
            );
            assert!(!known.root && !known.shell.contains("sudo") && known.steps.len() == 1, "{known:?}");
            assert!(unknown.steps.is_empty() && unknown.effect.ends_with(FILL_IN), "{unknown:?}");
        }
    }
}
