//! The remedies.

use crate::verdict::coded;
use std::fmt;

use serde::Deserialize;
use serde::Serialize;

use crate::Generation;
use crate::Reason;
use crate::observation::Legible;

use super::Remedy;
use super::RemedyTarget;
use super::Step;
use super::kubernetes;
use super::shell;

coded! {
    /// The catalogue of remedies. Ids are stable and never reused.
    RemedyId {
        /// Enable teleport-update for this installation.
        EnableV2 = "enable-v2",
        /// Install teleport-update by the proxy's script.
        InstallV2 = "install-v2",
        /// Let the version move again.
        UnpinV2 = "unpin-v2",
        /// Point the updater at the agent's proxy.
        SetProxyV2 = "set-proxy-v2",
        /// Set the broken update.yaml aside and write a new one.
        RewriteConfigV2 = "rewrite-config-v2",
        /// Download from Teleport's own servers again.
        ResetBaseUrlV2 = "reset-base-url-v2",
        /// Write the updater's service anew, and run it.
        RewriteServiceV2 = "rewrite-service-v2",
        /// Try the update again now.
        RetryUpdateV2 = "retry-update-v2",
        /// Enable and start the timer.
        EnableTimer = "enable-timer",
        /// Start the timer.
        StartTimer = "start-timer",
        /// Restart the timer.
        RestartTimer = "restart-timer",
        /// Take away local changes of the timer.
        RevertTimer = "revert-timer",
        /// Take away local changes of the service.
        RevertService = "revert-service",
        /// Let the agent's unit start the timer.
        WantTimer = "want-timer",
        /// Unmask, enable and start the timer.
        UnmaskTimer = "unmask-timer",
        /// Unmask the service.
        UnmaskService = "unmask-service",
        /// Take a mask off the timer that lasts until the next boot, enable and start it.
        UnmaskRuntimeTimer = "unmask-runtime-timer",
        /// Take a mask off the service that lasts until the next boot.
        UnmaskRuntimeService = "unmask-runtime-service",
        /// Run the updater now.
        RunUpdater = "run-updater",
        /// Forget the failures and run the updater now.
        ResetUpdater = "reset-updater",
        /// Stop the run in progress.
        StopRun = "stop-run",
        /// Restart the agent.
        RestartAgent = "restart-agent",
        /// Restart the unit that runs the agent, which has another name than an installation's.
        RestartUnit = "restart-unit",
        /// Let systemd read its unit files again.
        ReloadSystemd = "reload-systemd",
        /// Start the system bus.
        StartBus = "start-bus",
        /// Look again as root.
        LookAsRoot = "look-as-root",
        /// Look again with more time.
        LookLonger = "look-longer",
        /// List what a security module refused.
        ShowDenials = "show-denials",
        /// Enable the updater of a Helm release.
        EnableKubeUpdater = "enable-kube-updater",
        /// Take away the annotation that pauses the Kubernetes updater.
        ResumeKubeUpdater = "resume-kube-updater",
        /// Look whether the Kubernetes updater is available.
        ShowKubeUpdater = "show-kube-updater",
        /// List what the Kubernetes updater says.
        ShowKubeUpdaterLogs = "show-kube-updater-logs",
    }
}

/// Teleport's reference of the updater's command line.
const CLI: &str = "https://goteleport.com/docs/reference/cli/teleport-update";
/// Teleport's documentation of managed updates.
const UPDATES: &str = "https://goteleport.com/docs/upgrading/agent-managed-updates/";
/// What stands for a proxy that is not known,
const PLACEHOLDER: &str = "PROXY";
/// and what to do about that.
const FILL_IN: &str = "; write your cluster's proxy address for PROXY";
/// What enabling the newer updater means for the older one.
const TAKES_OVER: &str = "takes over from teleport-upgrade, which then does nothing any more";
/// What stands for the agent's unit where that is not known,
const UNIT: &str = "UNIT";
/// and what to do about that.
const FILL_IN_UNIT: &str = "; write the unit that runs the agent for UNIT";
/// Which folders of a host a remedy writes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Writes {
    /// None of those.
    Nothing,
    /// That of units.
    Units,
    /// That of units and that of the installation.
    Installation,
}

/// The parts of a remedy that differ from one to the next.
struct Plan {
    argvs: Vec<Vec<String>>,
    effect: String,
    undo: Option<String>,
    docs: &'static str,
}

impl RemedyId {
    /// Whether it may update the agent at once, which reloads it.
    pub const fn may_update(self) -> bool {
        matches!(
            self,
            Self::EnableV2
                | Self::InstallV2
                | Self::SetProxyV2
                | Self::RewriteConfigV2
                | Self::ResetBaseUrlV2
                | Self::RewriteServiceV2
                | Self::RetryUpdateV2
                | Self::RunUpdater
                | Self::ResetUpdater
                | Self::RevertService
                | Self::EnableKubeUpdater
        )
    }

    /// Whether it is run where the cluster is managed, and not on the agent's host.
    pub const fn is_kubernetes(self) -> bool {
        matches!(
            self,
            Self::EnableKubeUpdater
                | Self::ResumeKubeUpdater
                | Self::ShowKubeUpdater
                | Self::ShowKubeUpdaterLogs
        )
    }

    /// Which folders of a host it writes to.
    pub const fn writes(self) -> Writes {
        match self {
            Self::EnableV2
            | Self::InstallV2
            | Self::UnpinV2
            | Self::SetProxyV2
            | Self::RewriteConfigV2
            | Self::ResetBaseUrlV2
            | Self::RewriteServiceV2
            | Self::RetryUpdateV2
            | Self::RunUpdater
            | Self::ResetUpdater => Writes::Installation,
            Self::EnableTimer
            | Self::RevertTimer
            | Self::RevertService
            | Self::WantTimer
            | Self::UnmaskTimer
            | Self::UnmaskService => Writes::Units,
            Self::StartTimer
            | Self::RestartTimer
            | Self::UnmaskRuntimeTimer
            | Self::UnmaskRuntimeService
            | Self::StopRun
            | Self::RestartAgent
            | Self::RestartUnit
            | Self::ReloadSystemd
            | Self::StartBus
            | Self::LookAsRoot
            | Self::LookLonger
            | Self::ShowDenials
            | Self::EnableKubeUpdater
            | Self::ResumeKubeUpdater
            | Self::ShowKubeUpdater
            | Self::ShowKubeUpdaterLogs => Writes::Nothing,
        }
    }

    /// Whether its command names the agent's unit.
    pub const fn names_agents_unit(self) -> bool {
        matches!(self, Self::WantTimer | Self::RestartUnit)
    }

    /// Renders this remedy for `target`.
    pub fn render(self, target: &RemedyTarget<'_>) -> Remedy {
        match (self, &target.proxy) {
            (Self::InstallV2, _) => return install(target),
            (Self::SetProxyV2, None) => return set_some_proxy(target),
            _ if self.is_kubernetes() => return kubernetes::render(self, &target.kubernetes),
            _ => {}
        }
        let plan = self.plan(target);
        let steps: Vec<_> = plan.argvs.into_iter().map(|argv| Step { argv, stdin_from: None }).collect();
        let shell = shell::line(&steps, true);
        let is_to_fill_in = self.names_agents_unit() && target.agent_unit.is_none();
        Remedy {
            id: self,
            shell,
            steps: if is_to_fill_in { Vec::new() } else { steps },
            root: true,
            effect: if is_to_fill_in { plan.effect + FILL_IN_UNIT } else { plan.effect },
            undo: plan.undo,
            docs: plan.docs.to_owned(),
        }
    }

    #[expect(clippy::too_many_lines, reason = "a table with one row per remedy")]
    fn plan(self, target: &RemedyTarget<'_>) -> Plan {
        let timer = target.generation.timer(target.namespace);
        let service = target.generation.service(target.namespace);
        let agent_unit = target.agent_unit.unwrap_or(UNIT);
        let soon = match target.generation {
            Generation::V2 => "within two minutes",
            Generation::V1 => "when it next fires",
        };
        let disable = Some(shell::command(&updater(target, &["disable"])));
        match self {
            // Installing is a pipe and has a plan of its own.
            Self::EnableV2 | Self::InstallV2 => {
                one(updater(target, &["enable"]), &enabling(target), disable, UPDATES)
            }
            Self::UnpinV2 => one(
                updater(target, &["unpin"]),
                "lets the updater follow the cluster's version again, in its next window",
                Some(shell::command(&updater(target, &["pin"]))),
                CLI,
            ),
            Self::SetProxyV2 => one(
                enable_from(target),
                "points the updater at the agent's proxy; may update and reload the agent now",
                None,
                CLI,
            ),
            Self::RewriteConfigV2 => {
                let path = target.update_config;
                let aside = format!("{path}.broken");
                let effect = format!(
                    "sets the broken file aside ({} with it) and writes a new one; may update and reload the agent now",
                    lost(target.lost)
                );
                let undo = Some(shell::command(&words(&["mv", &aside, path])));
                one(words(&["mv", path, &aside]), &effect, undo, UPDATES).then(enable_from(target))
            }
            Self::ResetBaseUrlV2 => one(
                updater(target, &["enable", "--base-url", "default"]),
                "downloads from Teleport's own servers again; to keep a mirror, write its https address for \"default\"; may \
                 update and reload the agent now",
                None,
                CLI,
            ),
            Self::RewriteServiceV2 => {
                one(updater(target, &["enable"]), &format!("{}; then runs the updater", enabling(target)), disable, UPDATES)
                    .then(systemctl(&["restart", &service]))
            }
            Self::RetryUpdateV2 => one(
                updater(target, &["update", "--now"]),
                "tries the update again without waiting for its window, may reload the agent, and says why if it fails",
                None,
                CLI,
            ),
            Self::EnableTimer => one(
                systemctl(&["enable", "--now", &timer]),
                "starts the timer now and at every boot",
                Some(format!("sudo systemctl disable --now {timer}")),
                UPDATES,
            ),
            Self::StartTimer => one(
                systemctl(&["start", &timer]),
                &format!("starts the timer; the updater runs {soon}"),
                Some(format!("sudo systemctl stop {timer}")),
                UPDATES,
            ),
            Self::RestartTimer => one(
                systemctl(&["restart", &timer]),
                &format!("arms the timer anew; the updater runs {soon}"),
                None,
                UPDATES,
            ),
            Self::RevertTimer => one(
                systemctl(&["revert", &timer]),
                &format!("takes away all drop-ins of {timer} and arms it anew; the updater runs {soon}"),
                None,
                UPDATES,
            )
            .then(systemctl(&["restart", &timer])),
            Self::RevertService => one(
                systemctl(&["revert", &service]),
                &format!(
                    "takes away all drop-ins of {service}, whatever they are for (as a proxy for downloads), and runs the \
                     updater now, which may update and reload the agent"
                ),
                None,
                UPDATES,
            )
            .then(systemctl(&["restart", &service])),
            Self::WantTimer => one(
                systemctl(&["add-wants", agent_unit, &timer]),
                &format!("lets {agent_unit} start the timer at every boot, and starts it now"),
                Some(shell::command(&words(&[
                    "rm",
                    &format!("/etc/systemd/system/{agent_unit}.wants/{timer}"),
                ]))),
                UPDATES,
            )
            .then(systemctl(&["start", &timer])),
            Self::UnmaskTimer => unmask(&[], &timer, &["--now"]).then(systemctl(&["enable", "--now", &timer])),
            Self::UnmaskService => unmask(&[], &service, &[]).then(systemctl(&["restart", &timer])),
            Self::UnmaskRuntimeTimer => {
                unmask(&["--runtime"], &timer, &["--now"]).then(systemctl(&["enable", "--now", &timer]))
            }
            Self::UnmaskRuntimeService => {
                unmask(&["--runtime"], &service, &[]).then(systemctl(&["restart", &timer]))
            }
            Self::RunUpdater => one(
                systemctl(&["start", &service]),
                &format!(
                    "runs the updater now, which may update and reload the agent; if it fails again, \
                     `journalctl -u {service}` says why"
                ),
                None,
                CLI,
            ),
            Self::ResetUpdater => one(
                systemctl(&["reset-failed", &service]),
                "clears the failures systemd counted and runs the updater now, which may update and reload the agent",
                None,
                CLI,
            )
            .then(systemctl(&["start", &service])),
            Self::StopRun => one(
                systemctl(&["stop", &service]),
                "ends the run in progress; the timer starts the next one",
                None,
                UPDATES,
            ),
            Self::RestartAgent => one(
                systemctl(&["restart", &target.namespace.agent_unit()]),
                "restarts the agent; sessions through it end",
                None,
                UPDATES,
            ),
            Self::RestartUnit => one(
                systemctl(&["restart", agent_unit]),
                "restarts the agent; sessions through it end",
                None,
                UPDATES,
            ),
            Self::ReloadSystemd => {
                one(systemctl(&["daemon-reload"]), "lets systemd read its unit files again", None, UPDATES)
            }
            Self::StartBus => one(
                systemctl(&["start", "dbus.socket", "dbus.service"]),
                "starts the system bus, if it is not running",
                None,
                UPDATES,
            ),
            Self::LookAsRoot => one(look(target, &[]), "looks again with the rights to see everything", None, UPDATES),
            Self::ShowDenials => one(
                words(&["ausearch", "-m", "avc", "-ts", "recent"]),
                "lists what SELinux refused even root lately; a local policy module can permit it",
                None,
                UPDATES,
            ),
            // Those of Kubernetes have plans of their own.
            Self::LookLonger
            | Self::EnableKubeUpdater
            | Self::ResumeKubeUpdater
            | Self::ShowKubeUpdater
            | Self::ShowKubeUpdaterLogs => {
                one(look(target, &["--timeout", "30s"]), "looks again and waits up to 30 seconds", None, UPDATES)
            }
        }
    }
}

impl Plan {
    fn then(mut self, argv: Vec<String>) -> Self {
        self.argvs.push(argv);
        self
    }
}

fn one(argv: Vec<String>, effect: &str, undo: Option<String>, docs: &'static str) -> Plan {
    Plan { argvs: vec![argv], effect: effect.to_owned(), undo, docs }
}

/// Takes a mask off `unit`; `flags` say which kind of mask, and with `undo` it is put back. A timer is stopped by that,
/// a run in progress is not.
fn unmask(flags: &[&str], unit: &str, undo: &[&str]) -> Plan {
    let mask = systemctl(&[&["mask"], flags, undo, &[unit]].concat());
    let effect = format!("brings the packaged {unit} back and starts the timer");
    one(systemctl(&[&["unmask"], flags, &[unit]].concat()), &effect, Some(shell::command(&mask)), UPDATES)
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|&word| word.to_owned()).collect()
}

fn systemctl(arguments: &[&str]) -> Vec<String> {
    words(&[&["systemctl"], arguments].concat())
}

/// A command of teleport-update for the installation meant.
fn updater(target: &RemedyTarget<'_>, arguments: &[&str]) -> Vec<String> {
    let program = target.program;
    match target.namespace.suffix() {
        None => words(&[&[program], arguments].concat()),
        Some(suffix) => words(&[&[program, "--install-suffix", suffix], arguments].concat()),
    }
}

/// Enables teleport-update for the agent's own proxy, where that is known.
fn enable_from(target: &RemedyTarget<'_>) -> Vec<String> {
    let mut argv = updater(target, &["enable"]);
    if let Some(proxy) = &target.proxy {
        argv.extend(["--proxy".to_owned(), proxy.to_string()]);
    }
    argv
}

/// What `teleport-update enable` does here.
fn enabling(target: &RemedyTarget<'_>) -> String {
    let does = match target.reason {
        Some(
            Reason::NoUpdater | Reason::UpdaterNotEnabled | Reason::ClaimsNoUpdater | Reason::ConfigMissing,
        ) => "creates update.yaml, the timer and the service",
        Some(Reason::UpdatesDisabled) => "turns updates on again",
        Some(Reason::RolledBack | Reason::TargetSkipped) => "tries the version again that it skips",
        Some(Reason::TwoUpdaters | Reason::V1Deprecated | Reason::PackageHeld) => TAKES_OVER,
        _ if target.generation == Generation::V1 => TAKES_OVER,
        _ => "re-creates the units",
    };
    format!("{does}, may update to the cluster's version and reload the agent now")
}

/// What is lost with a broken update.yaml, by name as far as it is legible.
fn lost(legible: Option<&Legible>) -> String {
    let group = legible.and_then(|legible| legible.group.as_ref());
    let group = group.map_or("its group".to_owned(), |group| format!("its group `{group}`"));
    let pin =
        if legible.is_some_and(|legible| legible.pinned) { "its pin, which is set," } else { "any pin" };
    format!("{group} and {pin} are lost")
}

fn look(target: &RemedyTarget<'_>, arguments: &[&str]) -> Vec<String> {
    let mut argv = words(&["teleport-selfcheck", "debug", "updater-status"]);
    if let Some(suffix) = target.namespace.suffix() {
        argv.extend(words(&["--install-suffix", suffix]));
    }
    argv.extend(words(arguments));
    argv
}

/// Points the updater at a proxy that a person has to fill in: without one it would stay where it is.
fn set_some_proxy(target: &RemedyTarget<'_>) -> Remedy {
    let enable = updater(target, &["enable", "--proxy", PLACEHOLDER]);
    Remedy {
        id: RemedyId::SetProxyV2,
        steps: Vec::new(),
        shell: shell::command(&enable),
        root: true,
        effect: format!(
            "points the updater at the agent's proxy; may update and reload the agent now{FILL_IN}"
        ),
        undo: None,
        docs: CLI.to_owned(),
    }
}

/// The proxy's own install script, which installs and enables teleport-update.
fn install(target: &RemedyTarget<'_>) -> Remedy {
    let effect = "installs teleport-update and enables it, may update to the cluster's version and restart the agent now";
    let undo = shell::command(&updater(target, &["uninstall"]));
    let fetch = |proxy: &str| words(&["curl", "-fsSL", &format!("https://{proxy}/scripts/install.sh")]);
    let piped = |proxy: &str| {
        vec![
            Step { argv: fetch(proxy), stdin_from: None },
            Step { argv: words(&["bash"]), stdin_from: Some(0) },
        ]
    };
    let (steps, shell, effect) = match &target.proxy {
        Some(proxy) => {
            let steps = piped(&proxy.to_string());
            let shell = shell::line(&steps, true);
            (steps, shell, effect.to_owned())
        }
        None => (Vec::new(), shell::line(&piped(PLACEHOLDER), true), format!("{effect}{FILL_IN}")),
    };
    Remedy {
        id: RemedyId::InstallV2,
        steps,
        shell,
        root: true,
        effect,
        undo: Some(undo),
        docs: UPDATES.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::KubernetesTarget;
    use crate::Namespace;
    use crate::ProxyAddr;

    #[test]
    fn a_proxy_that_is_not_known_has_to_be_filled_in() {
        let namespace = Namespace::default();
        let render = |id: RemedyId, proxy: Option<&str>| {
            id.render(&RemedyTarget {
                namespace: &namespace,
                reason: None,
                lost: None,
                agent_unit: None,
                generation: Generation::V2,
                proxy: proxy.and_then(ProxyAddr::parse),
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
