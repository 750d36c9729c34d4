//! From a remedy of the catalogue to what is shown and run.

use super::Remedy;
use super::RemedyId;
use super::RemedyTarget;
use super::kubernetes;
use super::look;
use super::units;
use super::updater;

impl RemedyId {
    /// Renders this remedy for `target`.
    pub fn render(self, target: &RemedyTarget<'_>) -> Remedy {
        match self {
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
            Self::LookInPod => kubernetes::look(&target.kubernetes),
            Self::LookLongerInPod => kubernetes::look_longer(&target.kubernetes),
            Self::EnableKubeUpdater => kubernetes::enable_updater(&target.kubernetes),
            Self::ResumeKubeUpdater => kubernetes::resume_updater(&target.kubernetes),
            Self::ShowKubeUpdater => kubernetes::show_updater(&target.kubernetes),
            Self::ShowKubeUpdaterLogs => kubernetes::show_logs(&target.kubernetes),
        }
        .finish(self)
    }
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
