//! What to look at.

use std::path::Path;
use std::path::PathBuf;

use selfcheck_core::Namespace;
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
#[derive(Debug, Clone)]
pub struct Target {
    /// The installation to judge. Without it, that of the process found, else the default one.
    pub namespace: Option<Namespace>,
    /// The agent's process. Without it, the main process of its unit, else that of its pid file.
    pub pid: Option<u32>,
    /// The agent's configuration. Without it, the one its command line names, else that of the installation.
    pub config: Option<PathBuf>,
    /// Where a pod's own labels and annotations are mounted, and whether the API is asked, for an agent in one.
    pub pod: PodPolicy,
    /// The Kubernetes API, for an agent in a pod. It is asked only if there is one here, `pod.api` permits it,
    /// and the feature `kubernetes` is compiled in.
    pub kubernetes: Option<ApiServer>,
    /// Whether whoever looks is known to run in a pod, the agent's or another one, by what Kubernetes puts into its environment.
    pub in_pod: bool,
    /// The agent's version, where whoever looks is part of it and knows.
    pub version: Option<Text>,
    /// The most bytes read of any configuration file.
    pub file_bytes: u64,
}

impl Default for Target {
    fn default() -> Self {
        Self {
            namespace: None,
            pid: None,
            config: None,
            pod: PodPolicy::default(),
            kubernetes: None,
            in_pod: false,
            version: None,
            file_bytes: 1 << 20,
        }
    }
}

impl Target {
    /// The agent that this process is.
    pub fn this_process() -> Self {
        Self { pid: Some(std::process::id()), ..Self::default() }
    }

    /// The API server that is to be asked, if any.
    pub(crate) fn api_server(&self) -> Option<ApiServer> {
        self.kubernetes.clone().filter(|_| self.pod.api == AskApi::Auto)
    }
}

/// The API server of a Kubernetes cluster, and what lets a pod in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiServer {
    /// Its address, as `https://10.96.0.1:443`.
    pub url: String,
    /// The file with the token of the service account. It is read whenever the kubelet may have replaced it.
    pub token: PathBuf,
    /// The file with the certificates of the authority that the server must be of.
    pub authority: PathBuf,
}

impl ApiServer {
    /// The one that a pod is told of by `KUBERNETES_SERVICE_HOST` and `KUBERNETES_SERVICE_PORT`, asked as its service
    /// account.
    pub fn of_pod(host: &str, port: &str) -> Self {
        let host = if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
        let file = |name: &str| Path::new(SERVICE_ACCOUNT).join(name);
        Self { url: format!("https://{host}:{port}"), token: file("token"), authority: file("ca.crt") }
    }
}
