//! What to look at.

use std::path::Path;
use std::path::PathBuf;

use selfcheck_core::Namespace;
use selfcheck_core::Policy;
use selfcheck_core::Text;
use selfcheck_core::policy::AskApi;
use selfcheck_core::policy::PodPolicy;

use crate::files::SERVICE_ACCOUNT;

/// The address of the system bus where nothing else is said.
pub const SYSTEM_BUS: &str = "unix:path=/run/dbus/system_bus_socket";

/// Whether an address of a bus, or each of several with `;` between them, is a socket of this host. Over any other transport
/// anybody might answer, and some of them read a file for whoever asks.
pub fn is_unix_address(address: &str) -> bool {
    !address.is_empty() && address.split(';').all(|each| each.starts_with("unix:"))
}

/// What to look at. The default is the agent of the default installation, found by its unit.
///
/// # Examples
///
/// ```
/// use selfcheck_core::Policy;
/// use selfcheck_probe::Target;
///
/// let target = Target::this_process().config("/etc/teleport.yaml").version("18.2.0").under(&Policy::default());
/// # let _ = target;
/// ```
#[derive(Debug, Clone)]
#[must_use = "a probe looks at it"]
pub struct Target {
    pub(crate) namespace: Option<Namespace>,
    pub(crate) pid: Option<u32>,
    pub(crate) config: Option<PathBuf>,
    pub(crate) kubernetes: Option<ApiServer>,
    pub(crate) in_pod: bool,
    pub(crate) version: Option<Text>,
    /// Where a pod's own labels and annotations are mounted, and whether the API is asked.
    pub(crate) pod: PodPolicy,
    /// The most bytes read of any configuration file.
    pub(crate) file_bytes: u64,
}

impl Default for Target {
    fn default() -> Self {
        let policy = Policy::default();
        Self {
            namespace: None,
            pid: None,
            config: None,
            kubernetes: None,
            in_pod: false,
            version: None,
            pod: policy.kubernetes,
            file_bytes: policy.limits.file_bytes,
        }
    }
}

impl Target {
    /// The agent that this process is.
    pub fn this_process() -> Self {
        Self::default().pid(std::process::id())
    }

    /// The installation to judge. Without it, that of the process found, else the default one.
    pub fn namespace(self, namespace: Namespace) -> Self {
        Self { namespace: Some(namespace), ..self }
    }

    /// The agent's process. Without it, the main process of its unit, else that of its pid file.
    pub fn pid(self, pid: u32) -> Self {
        Self { pid: Some(pid), ..self }
    }

    /// The agent's configuration. Without it, the one its command line names, else that of the installation.
    pub fn config(self, config: impl Into<PathBuf>) -> Self {
        Self { config: Some(config.into()), ..self }
    }

    /// The Kubernetes API, for an agent in a pod. It is asked only where a policy permits it, and the feature `kubernetes` is
    /// compiled in.
    pub fn kubernetes(self, server: ApiServer) -> Self {
        Self { kubernetes: Some(server), ..self }
    }

    /// Whoever looks is known to run in a pod, the agent's or another one, by what Kubernetes puts into its environment.
    pub fn in_pod(self) -> Self {
        Self { in_pod: true, ..self }
    }

    /// The agent's version, where whoever looks is part of it and knows.
    pub fn version(self, version: &str) -> Self {
        Self { version: Some(Text::new(version)), ..self }
    }

    /// As a policy has it: what of a pod is looked at, and how much of a file is read. A self-check of
    /// `selfcheck-daemon` sees to that when it starts; who makes a source of its own says it here.
    pub fn under(self, policy: &Policy) -> Self {
        Self { pod: policy.kubernetes.clone(), file_bytes: policy.limits.file_bytes, ..self }
    }

    /// The API server that is to be asked, if any.
    pub(crate) fn api_server(&self) -> Option<ApiServer> {
        self.kubernetes.clone().filter(|_| self.pod.api == AskApi::Auto)
    }
}

/// The API server of a Kubernetes cluster, and what lets a pod in.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ApiServer {
    /// Its address, as `https://10.96.0.1:443`.
    pub url: String,
    /// The file with the token of the service account. It is read again by each request that finds it a minute old.
    pub token: PathBuf,
    /// The file with the certificates of the authority that the server must be of.
    pub authority: PathBuf,
}

impl ApiServer {
    /// One at `url`, asked with the service account's token in the file `token`, of the authority whose certificates are in the
    /// file `authority`.
    pub fn new(url: impl Into<String>, token: impl Into<PathBuf>, authority: impl Into<PathBuf>) -> Self {
        Self { url: url.into(), token: token.into(), authority: authority.into() }
    }

    /// The one that a pod is told of by `KUBERNETES_SERVICE_HOST` and `KUBERNETES_SERVICE_PORT`, asked as its service
    /// account.
    pub fn of_pod(host: &str, port: &str) -> Self {
        let host = if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
        let file = |name: &str| Path::new(SERVICE_ACCOUNT).join(name);
        Self::new(format!("https://{host}:{port}"), file("token"), file("ca.crt"))
    }
}
