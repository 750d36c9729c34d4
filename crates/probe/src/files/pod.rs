//! What a pod knows of itself by files: its labels and annotations by the downward API, and its namespace.

use std::path::Path;

use selfcheck_core::Fact;
use selfcheck_core::Text;
use selfcheck_core::Why;
use selfcheck_core::observation::Kubernetes;
use selfcheck_core::observation::Marks;
use selfcheck_core::policy::PodPolicy;

use crate::marks::keep;

use super::tree::Reach;
use super::tree::seen;

/// Where a kubelet mounts the files of a pod's service account.
pub(crate) const SERVICE_ACCOUNT: &str = "/var/run/secrets/kubernetes.io/serviceaccount";
/// No name in Kubernetes is longer.
const NAME: u64 = 256;

/// Looks at the files of a pod. Each is of at most `limit` bytes.
pub(crate) fn pod(reach: &Reach, files: &PodPolicy, limit: u64) -> Kubernetes {
    let read = |path: &Path| seen(reach, |tree| tree.read(path, limit)).and_read(|text| marks(&text));
    // Beside the token, which is never opened here.
    let namespace = seen(reach, |tree| tree.read(&Path::new(SERVICE_ACCOUNT).join("namespace"), NAME));
    Kubernetes {
        namespace: namespace.map(|text| Text::new(text.trim())),
        labels: read(&files.labels),
        annotations: read(&files.annotations),
        api: Fact::NotApplicable,
    }
}

/// Reads a file of the downward API: a line `key="value"` for each, the value quoted as Go does. What is asked for here needs no
/// escapes, so they are left in, where they make a value one that is no name.
pub(super) fn marks(text: &str) -> Result<Marks, Why> {
    let mut marks = Marks::default();
    for line in text.lines().filter(|line| !line.is_empty()) {
        let (key, quoted) = line.split_once('=').ok_or(Why::Protocol)?;
        let value = quoted.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).ok_or(Why::Protocol)?;
        keep(&mut marks, key, value);
    }
    Ok(marks)
}

#[cfg(test)]
mod tests {
    use selfcheck_core::observation::GitOps;

    use super::*;

    #[test]
    fn keeps_what_names_the_release_and_nothing_else() {
        let seen = marks(
            "app=\"agents\"\napp.kubernetes.io/managed-by=\"Helm\"\nhelm.sh/chart=\"teleport-kube-agent-18.2.0\"\n\
             password=\"hunter2\"\nnote=\"a=\\\"b\\\"\\n\"\nargocd.argoproj.io/tracking-id=\"a:apps/StatefulSet:t/a\"\n",
        );
        let expected = Marks {
            app: Some("agents".into()),
            managed_by: Some("Helm".into()),
            chart: Some("teleport-kube-agent-18.2.0".into()),
            gitops: Some(GitOps::ArgoCd),
            ..Marks::default()
        };
        assert_eq!(seen, Ok(expected));
        assert_eq!(marks(""), Ok(Marks::default()));
        for bad in ["app", "app=agents", "app=\"agents", "a=\"b\"\nc"] {
            assert_eq!(marks(bad), Err(Why::Protocol), "{bad}");
        }
    }
}
