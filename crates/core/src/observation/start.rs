//! How the agent was started: its command line and its environment.

use serde::Deserialize;
use serde::Serialize;

use crate::Text;
use crate::UpdaterKind;

/// What a command line says, as far as judgement needs it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct CommandLine {
    /// The command given, where it is one that starts an agent.
    #[serde(default)]
    pub command: Option<AgentCommand>,
    /// `--config`.
    #[serde(default)]
    pub config: Option<Text>,
    /// Whether there is a `--config-string`, the configuration itself. It may hold a join token and is not kept.
    #[serde(default)]
    pub config_string: bool,
    /// `--roles`, or the role that the command sets. It replaces the roles `auth`, `proxy`, `node`, `app` and `db` of the
    /// configuration.
    #[serde(default)]
    pub roles: Option<Vec<Text>>,
    /// Whether there is an `--auth-server`, with which the auth service is not run.
    #[serde(default)]
    pub auth_server: bool,
}

/// A command that starts an agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AgentCommand {
    /// `teleport start`.
    Start,
    /// `teleport app start`, whose one role is `app`.
    AppStart,
    /// `teleport db start`, whose one role is `db`.
    DbStart,
}

/// What an agent reads its configuration from. A string goes before a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum ConfigSource {
    /// A file: the one that its command line names, or the usual one.
    #[default]
    File,
    /// The command line, by `--config-string`.
    CommandLine,
    /// The environment, by `TELEPORT_CONFIG`.
    Environment,
}

/// The environment variables by which Teleport detects updaters. Each is null where it is not set.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Environment {
    /// `TELEPORT_EXT_UPGRADER`: the kind of updater the installer claims.
    #[serde(default, deserialize_with = "crate::updater::read_or_empty")]
    pub ext_upgrader: Option<UpdaterKind>,
    /// `TELEPORT_EXT_UPGRADER_VERSION`: its version.
    #[serde(default)]
    pub ext_upgrader_version: Option<Text>,
    /// `TELEPORT_UPDATE_CONFIG_FILE`: the path of update.yaml.
    #[serde(default)]
    pub update_config_file: Option<Text>,
    /// `TELEPORT_INSTALL_METHOD_AWSOIDC_DEPLOYSERVICE`: the cluster redeploys this agent.
    #[serde(default)]
    pub awsoidc_deploy_service: Option<Text>,
    /// `TELEPORT_INSTALL_METHOD_HELM_KUBE_AGENT`: installed by the Helm chart.
    #[serde(default)]
    pub helm_kube_agent: Option<Text>,
    /// `RELEASE_NAME`: the Helm release.
    #[serde(default)]
    pub release_name: Option<Text>,
    /// `KUBE_NAMESPACE`: the Kubernetes namespace.
    #[serde(default)]
    pub kube_namespace: Option<Text>,
    /// `TELEPORT_REPLICA_NAME`: the name of the pod.
    #[serde(default)]
    pub replica_name: Option<Text>,
    /// Whether there is a `TELEPORT_CONFIG`, the agent's configuration itself. It may hold a join token and is not kept.
    #[serde(default)]
    pub config_string: bool,
}

impl Environment {
    /// Whether the cluster itself redeploys the agent, through its AWS OIDC integration.
    pub fn is_redeployed_by_cluster(&self) -> bool {
        self.awsoidc_deploy_service.as_ref().is_some_and(|set| set == "true")
    }

    /// Whether it shows that the agent runs in a pod of the Helm chart.
    pub fn is_kubernetes(&self) -> bool {
        self.ext_upgrader == Some(UpdaterKind::Kube)
            || self.helm_kube_agent.as_ref().is_some_and(|set| set == "true")
    }
}
