//! What teleport-update itself does.

use crate::Generation;
use crate::ProxyAddr;
use crate::Reason;
use crate::Updates;
use crate::observation::Legible;

use super::RemedyTarget;
use super::plan::CLI;
use super::plan::Plan;
use super::plan::UPDATES;
use super::plan::words;

/// What stands for a proxy that is not known.
const PROXY: &str = "PROXY";
/// What enabling the newer updater means for the older one.
const TAKES_OVER: &str = "takes over from teleport-upgrade, which then does nothing any more";

pub(super) fn enable(target: &RemedyTarget<'_>) -> Plan {
    Plan::new(command(target, &["enable"]), enabling(target), UPDATES)
        .undone_by(command(target, &["disable"]))
}

/// The proxy's own install script, which installs and enables teleport-update.
pub(super) fn install(target: &RemedyTarget<'_>) -> Plan {
    let proxy = target.proxy.as_ref().map_or_else(|| PROXY.to_owned(), ProxyAddr::to_string);
    let script = format!("https://{proxy}/scripts/install.sh");
    let effect = "installs teleport-update and enables it, may update to the cluster's version and restart the agent now";
    Plan::new(words(&["curl", "-fsSL", &script]), effect, UPDATES)
        .piped_to(words(&["bash"]))
        .undone_by(command(target, &["uninstall"]))
        .needs(missing(target))
}

pub(super) fn unpin(target: &RemedyTarget<'_>) -> Plan {
    let effect = "lets the updater follow the cluster's version again, in its next window";
    Plan::new(command(target, &["unpin"]), effect, CLI).undone_by(command(target, &["pin"]))
}

/// Without a proxy that is named, the updater would stay where it is.
pub(super) fn set_proxy(target: &RemedyTarget<'_>) -> Plan {
    let proxy = target.proxy.as_ref().map_or_else(|| PROXY.to_owned(), ProxyAddr::to_string);
    let effect = format!(
        "points the updater at the agent's proxy{}; may update and reload the agent now",
        turning_on(target)
    );
    Plan::new(command(target, &["enable", "--proxy", &proxy]), effect, CLI).needs(missing(target))
}

pub(super) fn rewrite_config(target: &RemedyTarget<'_>) -> Plan {
    let path = target.update_config;
    let aside = format!("{path}.broken");
    let effect = format!(
        "sets the broken file aside ({} with it) and writes a new one; may update and reload the agent now",
        lost(target.lost)
    );
    let mut enable = command(target, &["enable"]);
    if let Some(proxy) = &target.proxy {
        enable.extend(["--proxy".to_owned(), proxy.to_string()]);
    }
    Plan::new(words(&["mv", path, &aside]), effect, UPDATES)
        .then(enable)
        .undone_by(words(&["mv", &aside, path]))
}

pub(super) fn reset_base_url(target: &RemedyTarget<'_>) -> Plan {
    let effect = format!(
        "downloads from Teleport's own servers again{}; to keep a mirror, as clusters of the community edition need one, write \
         its https address for `default`; may update and reload the agent now",
        turning_on(target)
    );
    Plan::new(command(target, &["enable", "--base-url", "default"]), effect, CLI)
}

/// A timer that is active is not started by being enabled.
pub(super) fn rewrite_timer(target: &RemedyTarget<'_>) -> Plan {
    let timer = target.generation.timer(target.namespace);
    Plan::new(command(target, &["enable"]), enabling(target), UPDATES)
        .then(words(&["systemctl", "restart", &timer]))
        .undone_by(command(target, &["disable"]))
}

pub(super) fn rewrite_service(target: &RemedyTarget<'_>) -> Plan {
    let effect = format!("{}; then runs the updater", enabling(target));
    let service = target.generation.service(target.namespace);
    Plan::new(command(target, &["enable"]), effect, UPDATES)
        .then(words(&["systemctl", "restart", &service]))
        .undone_by(command(target, &["disable"]))
}

pub(super) fn retry(target: &RemedyTarget<'_>) -> Plan {
    let effect = "tries the update again without waiting for its window, may reload the agent, and says why if it fails";
    Plan::new(command(target, &["update", "--now"]), effect, CLI)
}

/// A command of teleport-update for the installation meant.
fn command(target: &RemedyTarget<'_>, arguments: &[&str]) -> Vec<String> {
    let program = target.program;
    match target.namespace.suffix() {
        None => words(&[&[program], arguments].concat()),
        Some(suffix) => words(&[&[program, "--install-suffix", suffix], arguments].concat()),
    }
}

/// What a person has to fill in where the proxy is not known.
fn missing(target: &RemedyTarget<'_>) -> Option<&'static str> {
    target.proxy.is_none().then_some("write your cluster's proxy address for PROXY")
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
        None => "creates or re-creates the units",
        Some(_) => "re-creates the units",
    };
    format!("{does}{}, may update to the cluster's version and reload the agent now", turning_on(target))
}

/// What enabling does besides, where a person turned updates off.
fn turning_on(target: &RemedyTarget<'_>) -> &'static str {
    let is_said = target.reason == Some(Reason::UpdatesDisabled);
    if target.updates == Updates::Off && !is_said {
        " and turns updates on, which were turned off"
    } else {
        ""
    }
}

/// What is lost with a broken update.yaml, by name as far as it is legible.
fn lost(legible: Option<&Legible>) -> String {
    let group = legible.and_then(|legible| legible.group.as_ref());
    let group = group.map_or("its group".to_owned(), |group| format!("its group `{group}`"));
    let pin =
        if legible.is_some_and(|legible| legible.pinned) { "its pin, which is set," } else { "any pin" };
    format!("{group} and {pin} are lost")
}
