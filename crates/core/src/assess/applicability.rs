//! Does this agent need an updater on its host at all?

use crate::Fact;
use crate::Namespace;
use crate::Observation;
use crate::Reason;
use crate::Text;
use crate::Why;
use crate::observation::AgentConfig;
use crate::observation::Environment;
use crate::observation::FactName;

use super::case::Case;

/// Adds the exempt reasons that hold.
pub(super) fn judge(case: &mut Case<'_>) {
    let observation = case.observation;
    let control: Vec<_> =
        roles(observation).into_iter().filter(|role| matches!(role.as_str(), "Auth" | "Proxy")).collect();
    if !control.is_empty() && !may_be_configured_elsewhere(observation) {
        let names: Vec<_> = control.iter().map(Text::as_str).collect();
        case.find(Reason::ControlPlane)
            .because("roles", names.join(",").as_str())
            .because("config", observation.agent.config_place());
    }
    if observation.environment().is_some_and(Environment::is_redeployed_by_cluster) {
        case.find(Reason::UpdatedByCluster)
            .because("environment", "TELEPORT_INSTALL_METHOD_AWSOIDC_DEPLOYSERVICE=true");
    }
    if let Some(acknowledged) = &case.policy.acknowledged {
        let ended = acknowledged.until.is_some_and(|until| case.horizon.is_past_realtime(until, 0));
        if !ended {
            let (reason, until) = (acknowledged.reason.clone(), acknowledged.until);
            case.find(Reason::Acknowledged).because("reason", reason).because_of("until", until);
        }
    }
}

/// Whether an environment that may not be seen could hold a configuration, which goes before every file. Roles that the
/// command line names are so in any case.
fn may_be_configured_elsewhere(observation: &Observation) -> bool {
    let process = observation.agent.process.present();
    let line = process.and_then(|process| process.command_line.present());
    let is_named = line.is_some_and(|line| line.roles.is_some() || line.config_string);
    !is_named && hidden_environment(observation).is_some()
}

/// The roles that `--roles` replaces; others are run by the configuration alone.
const BY_ROLES: [&str; 5] = ["Auth", "Proxy", "Node", "App", "Db"];

/// The agent's Teleport roles, as far as they could be seen.
pub(super) fn roles(observation: &Observation) -> Vec<Text> {
    let agent = &observation.agent;
    let process = agent.process.present().and_then(|process| process.command_line.present());
    let command_line = process.or_else(|| agent.unit.present()?.command_line.as_ref());
    let mut roles = match &agent.config {
        Fact::Present(config) => config.roles(),
        // Without any file the product runs by its defaults; without a process nothing follows.
        Fact::Absent if runs_without_a_file(observation) => AgentConfig::default().roles(),
        Fact::Absent | Fact::Unreadable(_) | Fact::NotApplicable => Vec::new(),
    };
    if let Some(named) = command_line.and_then(|line| line.roles.as_ref()) {
        roles.retain(|role| !BY_ROLES.contains(&role.as_str()));
        roles = named.iter().map(canonical_role).chain(roles).collect();
    }
    if command_line.is_some_and(|line| line.auth_server) {
        roles.retain(|role| *role != *"Auth");
    }
    roles
}

/// Whether Teleport was seen to run without a configuration where it looks for one by itself.
fn runs_without_a_file(observation: &Observation) -> bool {
    let agent = &observation.agent;
    let Some(process) = agent.process.present() else { return false };
    let is_started =
        process.command_line.present().is_some_and(|line| line.command.is_some() && line.config.is_none());
    let is_teleport =
        process.executable.present().is_none_or(|executable| executable.path.as_str().ends_with("/teleport"));
    is_started && is_teleport && agent.config_path.as_str() == Namespace::default().agent_config()
}

/// The role as certificates name it; the command line writes them in lower case.
fn canonical_role(role: &Text) -> Text {
    match role.as_str().to_ascii_lowercase().as_str() {
        "auth" => "Auth".into(),
        "proxy" => "Proxy".into(),
        "node" | "ssh" => "Node".into(),
        "kube" => "Kube".into(),
        "app" => "App".into(),
        "db" => "Db".into(),
        _ => role.clone(),
    }
}

/// What hides whether this agent needs an updater, if anything does.
pub(super) fn hidden(observation: &Observation) -> Option<(FactName, Why)> {
    hidden_environment(observation).or_else(|| hidden_roles(observation))
}

/// What hides the process's environment, if anything does. Without a process there is none to see.
pub(super) fn hidden_environment(observation: &Observation) -> Option<(FactName, Why)> {
    match &observation.agent.process {
        Fact::Unreadable(why) => Some((FactName::AgentProcess, *why)),
        Fact::Present(process) => Some((FactName::Environment, process.environment.why()?)),
        Fact::Absent | Fact::NotApplicable => None,
    }
}

fn hidden_roles(observation: &Observation) -> Option<(FactName, Why)> {
    if let Some(process) = observation.agent.process.present() {
        match &process.command_line {
            Fact::Present(command_line) if command_line.roles.is_some() => return None,
            Fact::Unreadable(why) => return Some((FactName::CommandLine, *why)),
            _ => {}
        }
    }
    Some((FactName::AgentConfig, observation.agent.config.why()?))
}
