//! The labels and annotations that are kept, of all that there may be.

use selfcheck_core::Text;
use selfcheck_core::observation::GitOps;
use selfcheck_core::observation::Marks;

/// Marks by which tools know what they keep.
const GITOPS: [(&str, GitOps); 4] = [
    ("argocd.argoproj.io/instance", GitOps::ArgoCd),
    ("argocd.argoproj.io/tracking-id", GitOps::ArgoCd),
    ("helm.toolkit.fluxcd.io/name", GitOps::Flux),
    ("kustomize.toolkit.fluxcd.io/name", GitOps::Flux),
];

/// What begins with this is one of Rancher Fleet.
const FLEET: &str = "objectset.rio.cattle.io/";
/// By which kubectl knows what it applied last.
const APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// Keeps the label or annotation `key`, if it is one that matters here.
pub(crate) fn keep(marks: &mut Marks, key: &str, value: &str) {
    let place = match key {
        "app" => &mut marks.app,
        "app.kubernetes.io/name" => &mut marks.name,
        "app.kubernetes.io/instance" => &mut marks.instance,
        "app.kubernetes.io/managed-by" => &mut marks.managed_by,
        "helm.sh/chart" => &mut marks.chart,
        "meta.helm.sh/release-name" => &mut marks.release_name,
        "meta.helm.sh/release-namespace" => &mut marks.release_namespace,
        APPLIED => {
            marks.applied = true;
            return;
        }
        _ => {
            let tool = GITOPS.into_iter().find(|(mark, _)| *mark == key).map(|(_, tool)| tool);
            let fleet = key.starts_with(FLEET).then_some(GitOps::Fleet);
            marks.gitops = marks.gitops.or(tool).or(fleet);
            return;
        }
    };
    *place = (!value.is_empty()).then(|| Text::new(value));
}
