//! Which objects are asked for. They are asked for by name; nothing is listed.

use selfcheck_core::DnsLabel;
use selfcheck_core::observation::Environment;
use selfcheck_core::observation::Kubernetes;

/// No name of an object is longer.
const LONGEST: usize = 253;
/// How long the random end of a pod's name is, where a Deployment made it.
const RANDOM: usize = 5;

/// The kinds of objects that are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Pod,
    StatefulSet,
    Deployment,
}

/// One object of the API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Key {
    pub(super) kind: Kind,
    pub(super) namespace: DnsLabel,
    pub(super) name: String,
}

/// What makes the agent's pods.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Owner {
    pub(super) kind: Kind,
    pub(super) name: String,
}

/// What the agent's pod says of its place.
#[derive(Debug, Clone)]
pub(super) struct Place {
    pub(super) namespace: DnsLabel,
    pub(super) release: Option<DnsLabel>,
}

impl Kind {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Pod => "Pod",
            Self::StatefulSet => "StatefulSet",
            Self::Deployment => "Deployment",
        }
    }

    const fn path(self) -> (&'static str, &'static str) {
        match self {
            Self::Pod => ("/api/v1", "pods"),
            Self::StatefulSet => ("/apis/apps/v1", "statefulsets"),
            Self::Deployment => ("/apis/apps/v1", "deployments"),
        }
    }
}

impl Key {
    /// The path at which the object is had.
    pub(super) fn path(&self) -> String {
        format!("{}/{}", self.collection(), self.name)
    }

    /// The path at which it is shown, if it is there, and its changes from then on are told for so many seconds.
    ///
    /// No version is named after which they are to be told. That of an object which has not changed for long is one
    /// that a server has forgotten: it remembers the last changes of all objects of a kind, of one it remembers none.
    pub(super) fn changes(&self, seconds: u64) -> String {
        let Self { name, .. } = self;
        let collection = self.collection();
        format!("{collection}?watch=true&fieldSelector=metadata.name%3D{name}&timeoutSeconds={seconds}")
    }

    fn collection(&self) -> String {
        let (api, objects) = self.kind.path();
        format!("{api}/namespaces/{}/{objects}", self.namespace)
    }
}

impl Place {
    /// Where the environment, and mounted files where that says nothing, place it.
    pub(super) fn of(environment: &Environment, mounted: &Kubernetes) -> Option<Self> {
        let namespace = mounted.pod_namespace(environment)?;
        let release = mounted.release(environment).or_else(|| mounted.guessed_release());
        Some(Self { namespace, release })
    }

    /// The object of this name here.
    pub(super) fn object(&self, kind: Kind, name: &str) -> Option<Key> {
        is_name(name).then(|| Key { kind, namespace: self.namespace.clone(), name: name.to_owned() })
    }
}

impl Owner {
    /// By a reference in the pod. A ReplicaSet is made by a Deployment, and named by it and the hash of its template.
    pub(super) fn of_pod(kind: &str, name: &str, hash: Option<&str>) -> Option<Self> {
        let (kind, name) = match kind {
            "StatefulSet" => (Kind::StatefulSet, name),
            "ReplicaSet" => (Kind::Deployment, name.strip_suffix(hash?)?.strip_suffix('-')?),
            _ => return None,
        };
        is_name(name).then(|| Self { kind, name: name.to_owned() })
    }

    /// By the name of the pod, where the pod itself may not be seen.
    pub(super) fn by_name(pod: &str) -> Option<Self> {
        let (rest, last) = pod.rsplit_once('-')?;
        let is_number = !last.is_empty() && last.bytes().all(|byte| byte.is_ascii_digit());
        if is_number && last.len() < RANDOM {
            return is_name(rest).then(|| Self { kind: Kind::StatefulSet, name: rest.to_owned() });
        }
        let (name, hash) = rest.rsplit_once('-')?;
        let is_made = last.len() == RANDOM && (5..=10).contains(&hash.len()) && is_name(name);
        is_made.then(|| Self { kind: Kind::Deployment, name: name.to_owned() })
    }

    /// As the chart names it where nothing else is known.
    pub(super) fn by_release(release: &DnsLabel) -> Self {
        Self { kind: Kind::StatefulSet, name: release.as_str().to_owned() }
    }
}

/// Whether it is a DNS subdomain, as names of objects are. Such a name changes no path and no query.
fn is_name(name: &str) -> bool {
    let permitted = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-.".contains(&byte);
    let ends = |name: &str| name.bytes().next().is_some_and(|byte| byte.is_ascii_alphanumeric());
    name.len() <= LONGEST && ends(name) && name.bytes().all(permitted) && !name.contains("..")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_owner_is_known_by_reference_or_by_name() {
        let owner = |kind, name: &str| Some(Owner { kind, name: name.to_owned() });
        assert_eq!(Owner::of_pod("StatefulSet", "agents", None), owner(Kind::StatefulSet, "agents"));
        assert_eq!(
            Owner::of_pod("ReplicaSet", "agents-7d9c8f", Some("7d9c8f")),
            owner(Kind::Deployment, "agents")
        );
        for (kind, name, hash) in [
            ("ReplicaSet", "agents-7d9c8f", None),
            ("ReplicaSet", "agents", Some("7d9c8f")),
            ("Job", "agents", None),
            ("StatefulSet", "../secrets", None),
        ] {
            assert_eq!(Owner::of_pod(kind, name, hash), None, "{kind} {name}");
        }
        assert_eq!(Owner::by_name("agents-0"), owner(Kind::StatefulSet, "agents"));
        assert_eq!(Owner::by_name("my-agents-12"), owner(Kind::StatefulSet, "my-agents"));
        assert_eq!(Owner::by_name("agents-7d9c8f6b5-x2x4z"), owner(Kind::Deployment, "agents"));
        for other in ["agents", "agents-", "node.example.com", "-0", "a b-0"] {
            assert_eq!(Owner::by_name(other), None, "{other}");
        }
    }

    #[test]
    fn objects_are_asked_for_by_name() {
        let place = Place { namespace: "teleport".parse().expect("a label"), release: None };
        let updater = place.object(Kind::Deployment, "agents-updater").expect("a name");
        assert_eq!(updater.path(), "/apis/apps/v1/namespaces/teleport/deployments/agents-updater");
        assert_eq!(
            updater.changes(60),
            "/apis/apps/v1/namespaces/teleport/deployments\
             ?watch=true&fieldSelector=metadata.name%3Dagents-updater&timeoutSeconds=60"
        );
        for bad in ["", "a/b", "..", "a..b", "a?b", "A", "a%2f", &"x".repeat(254)] {
            assert_eq!(place.object(Kind::Pod, bad), None, "{bad}");
        }
    }
}
