//! From a remedy of the catalogue to what is shown and run.

use super::Remedy;
use super::RemedyId;
use super::RemedyTarget;
use super::Step;
use super::kubernetes;
use super::look;
use super::shell;
use super::units;
use super::updater;

/// Teleport's reference of the updater's command line.
pub(super) const CLI: &str = "https://goteleport.com/docs/reference/cli/teleport-update";
/// Teleport's documentation of managed updates.
pub(super) const UPDATES: &str = "https://goteleport.com/docs/upgrading/agent-managed-updates/";

/// The parts of a remedy that differ from one to the next.
pub(super) struct Plan {
    steps: Vec<Step>,
    effect: String,
    undo: Option<String>,
    docs: &'static str,
    /// What a person has to write into the command first, and for which word in it.
    fill_in: Option<&'static str>,
}

impl Plan {
    pub(super) fn new(argv: Vec<String>, effect: impl Into<String>, docs: &'static str) -> Self {
        let steps = vec![Step { argv, stdin_from: None }];
        Self { steps, effect: effect.into(), undo: None, docs, fill_in: None }
    }

    /// Runs this, too, once all before it went well.
    pub(super) fn then(mut self, argv: Vec<String>) -> Self {
        self.steps.push(Step { argv, stdin_from: None });
        self
    }

    /// Feeds what the last step prints to this one.
    pub(super) fn piped_to(mut self, argv: Vec<String>) -> Self {
        let from = self.steps.len() - 1;
        self.steps.push(Step { argv, stdin_from: Some(from) });
        self
    }

    /// How to take it back.
    pub(super) fn undone_by(self, argv: &[String]) -> Self {
        Self { undo: Some(shell::command(argv)), ..self }
    }

    /// Where something is not known, a person has to fill it in before anything can be run.
    pub(super) fn filled_in(self, what: Option<&'static str>) -> Self {
        Self { fill_in: what, ..self }
    }
}

impl RemedyId {
    /// Renders this remedy for `target`.
    pub fn render(self, target: &RemedyTarget<'_>) -> Remedy {
        let plan = match self {
            Self::EnableV2 => updater::enable(target),
            Self::InstallV2 => updater::install(target),
            Self::UnpinV2 => updater::unpin(target),
            Self::SetProxyV2 => updater::set_proxy(target),
            Self::RewriteConfigV2 => updater::rewrite_config(target),
            Self::ResetBaseUrlV2 => updater::reset_base_url(target),
            Self::RewriteTimerV2 => updater::rewrite_timer(target),
            Self::RewriteServiceV2 => updater::rewrite_service(target),
            Self::RetryUpdateV2 => updater::retry(target),
            Self::EnableTimer => units::enable_timer(target),
            Self::StartTimer => units::start_timer(target),
            Self::RestartTimer => units::restart_timer(target),
            Self::RevertTimer => units::revert_timer(target),
            Self::RevertEnableTimer => units::revert_and_enable_timer(target),
            Self::RevertService => units::revert_service(target),
            Self::WantTimer => units::want_timer(target),
            Self::UnmaskTimer => units::unmask_timer(target, &[]),
            Self::UnmaskService => units::unmask_service(target, &[]),
            Self::UnmaskRuntimeTimer => units::unmask_timer(target, &["--runtime"]),
            Self::UnmaskRuntimeService => units::unmask_service(target, &["--runtime"]),
            Self::RunUpdater => units::run_updater(target),
            Self::ResetUpdater => units::reset_updater(target),
            Self::StopRun => units::stop_run(target),
            Self::RestartAgent => units::restart_agent(target),
            Self::RestartUnit => units::restart_unit(target),
            Self::ReloadSystemd => units::reload_systemd(),
            Self::StartBus => units::start_bus(),
            Self::LookAsRoot => look::as_root(target),
            Self::LookLonger => look::longer(target),
            Self::ShowDenials => look::denials(),
            Self::LookInPod
            | Self::LookLongerInPod
            | Self::EnableKubeUpdater
            | Self::ResumeKubeUpdater
            | Self::ShowKubeUpdater
            | Self::ShowKubeUpdaterLogs => return kubernetes::render(self, &target.kubernetes),
        };
        let shell = shell::line(&plan.steps, true);
        let (steps, to_fill_in) = match plan.fill_in {
            None => (plan.steps, String::new()),
            Some(what) => (Vec::new(), format!("; write {what}")),
        };
        Remedy {
            id: self.into(),
            steps,
            shell,
            root: true,
            effect: plan.effect + &to_fill_in,
            undo: plan.undo,
            docs: plan.docs.to_owned(),
        }
    }
}

/// The words of a command.
pub(super) fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|&word| word.to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Generation;
    use crate::KubernetesTarget;
    use crate::Namespace;
    use crate::Updates;

    #[test]
    fn a_proxy_that_is_not_known_has_to_be_filled_in() {
        let namespace = Namespace::default();
        let render = |id: RemedyId, proxy: Option<&str>| {
            id.render(&RemedyTarget {
                namespace: &namespace,
                reason: None,
                updates: Updates::On,
                lost: None,
                agent_unit: None,
                generation: Generation::V2,
                proxy: proxy.and_then(|proxy| proxy.parse().ok()),
                update_config: "/opt/teleport/default/update.yaml",
                program: "teleport-update",
                kubernetes: KubernetesTarget::default(),
            })
        };
        for id in [RemedyId::WantTimer, RemedyId::RestartUnit] {
            let unknown = render(id, None);
            assert!(unknown.steps.is_empty() && unknown.shell.contains("UNIT"), "{unknown:?}");
            assert!(unknown.effect.ends_with("write the unit that runs the agent for UNIT"), "{unknown:?}");
        }
        for id in [RemedyId::SetProxyV2, RemedyId::InstallV2] {
            let unknown = render(id, None);
            assert!(unknown.steps.is_empty() && unknown.shell.contains("PROXY"), "{unknown:?}");
            assert!(unknown.effect.ends_with("write your cluster's proxy address for PROXY"), "{unknown:?}");
            let known = render(id, Some("teleport.example.com"));
            assert!(!known.steps.is_empty() && known.shell.contains("teleport.example.com"), "{known:?}");
        }
    }
}
