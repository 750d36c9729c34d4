//! What the updater wrote into its state file, which the chart mounts into the agent's pod.

use jiff::Timestamp;

use crate::Fact;
use crate::Reason;
use crate::RemedyId;
use crate::Revision;
use crate::observation::Environment;
use crate::observation::LastUpdate;
use crate::observation::UpdateConfig;

use super::super::case::Case;
use super::super::gaps;
use super::Form;
use super::Owner;
use super::Pace;
use super::state_file;
use super::version;

/// Whether the updater's state file shows that it works, or that it does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shows {
    Something,
    Nothing,
    /// A fault, unless the updater is paused.
    FaultUnlessPaused,
}

/// Judges what the updater wrote.
pub(super) fn judge(case: &mut Case<'_>, environment: &Environment, pace: Pace) -> Shows {
    match state_file(case.observation, environment) {
        Some(Fact::Present(config)) => written(case, config, pace),
        Some(Fact::Unreadable(why)) if why.is_corruption() => {
            let path = case.observation.v2.config_path.clone();
            case.find(Reason::ConfigCorrupt)
                .because("path", path)
                .because("why", why.code())
                .remedied_by(Some(LOGS));
            Shows::Something
        }
        Some(Fact::Unreadable(why)) => {
            let path = case.observation.v2.config_path.clone();
            // Who may not see the agent's program is another user than the agent, which may well read this file.
            let process = case.observation.agent.process.present();
            let is_agents = process.is_none_or(|process| !process.executable.is_unreadable());
            let remedy = if is_agents { Some(LOGS) } else { gaps::remedy(case, *why) };
            case.find(Reason::ConfigDenied)
                .because("path", path)
                .because("why", why.code())
                .remedied_by(remedy);
            Shows::Something
        }
        Some(Fact::Absent | Fact::NotApplicable)
            if Form::of(case.observation, environment) == Form::StatefulSet =>
        {
            never_ran(case, pace)
        }
        None | Some(Fact::Absent | Fact::NotApplicable) => Shows::Nothing,
    }
}

/// What helps where only the updater itself can say more.
const LOGS: RemedyId = RemedyId::ShowKubeUpdaterLogs;

fn written(case: &mut Case<'_>, config: &UpdateConfig, pace: Pace) -> Shows {
    let path = case.observation.v2.config_path.clone();
    let version = |revision: &Option<Revision>| revision.as_ref().map(|revision| revision.version.clone());
    if !config.spec.enabled {
        case.find(Reason::UpdatesDisabled).because("path", &path).remedied_by(None);
    } else if config.spec.pinned {
        case.find(Reason::VersionPinned).because("path", &path).remedied_by(None);
    }
    if let Some(last) = config.status.last_update.as_ref().filter(|last| !last.success) {
        let again = written_again(case, last);
        case.find(Reason::KubeUpdateFailed)
            .because("path", &path)
            .because_of("written_again", again)
            .in_words(again.map(|_| STILL_FAILED.to_owned()))
            .because_of("target", version(&last.target))
            .because_of("active", version(&config.status.active))
            .because_of("time", last.time)
            .since(last.time);
        return Shows::Something;
    }
    let pace = if config.spec.enabled { pace } else { Pace::Paused };
    reverted(case, config, pace).unwrap_or(Shows::Something)
}

/// What is said of a failure that was not the last that its updater had to tell.
const STILL_FAILED: &str = "the Kubernetes updater's last update failed, and its state file, written later, still says so: only a \
                            version change clears it";

/// When the state was written again, if that was well after the update that it tells of. A kubelet takes a while to pass it on,
/// and writes it for each new pod, too.
fn written_again(case: &Case<'_>, last: &LastUpdate) -> Option<Timestamp> {
    let observation = case.observation;
    let (time, written) = (last.time?, observation.v2.config_written?);
    let started = observation.agent.process.present()?.started_boottime?;
    let age = observation.clock.boottime.checked_sub(started)?;
    let runs = observation.clock.realtime.duration_since(written).as_micros();
    let rollout = i128::from(case.policy.thresholds.kube_rollout.usec());
    let is_of_this_pods_start = runs + rollout > i128::from(age);
    (!is_of_this_pods_start && written.duration_since(time).as_micros() > rollout).then_some(written)
}

/// The agent runs another version than its updater set, for longer than that takes, if it does. The file is written on changes only: its age
/// alone says nothing.
fn reverted(case: &mut Case<'_>, config: &UpdateConfig, pace: Pace) -> Option<Shows> {
    let observation = case.observation;
    let running = version(observation);
    let active = config.status.active.as_ref().map(|active| active.version.clone());
    let (running, active) = (running?, active?);
    let updated = config.status.last_update.as_ref().and_then(|last| last.time);
    let set = updated.into_iter().chain(observation.v2.config_written).max()?;
    let started = observation.agent.process.present().and_then(|process| process.started_boottime);
    let started = started.filter(|_| running != active)?;
    let rollout = case.policy.thresholds.kube_rollout.usec();
    let old_enough = case.horizon.is_past_boottime(started, rollout);
    let long_enough = case.horizon.is_past_realtime(set, rollout);
    if !old_enough || !long_enough || pace == Pace::Paused {
        return None;
    }
    if pace == Pace::Unknown {
        return Some(Shows::FaultUnlessPaused);
    }
    let kept_by = Owner::of(observation).keeper.name();
    case.find(Reason::KubeImageReverted)
        .because("running", running)
        .because("active", active)
        .because_of("kept_by", kept_by)
        .since(Some(set));
    Some(Shows::Something)
}

/// The state file is mounted and empty, or missing because its ConfigMap is.
fn never_ran(case: &mut Case<'_>, pace: Pace) -> Shows {
    let observation = case.observation;
    let process = observation.agent.process.present();
    let Some(started) = process.and_then(|process| process.started_boottime) else { return Shows::Nothing };
    let rollout = case.policy.thresholds.kube_rollout.usec();
    // One that has only just been installed has had no time to; what installs it starts new pods, too.
    if !case.horizon.is_past_boottime(started, rollout) {
        return Shows::Nothing;
    }
    match pace {
        Pace::Paused => Shows::Something,
        Pace::Unknown => Shows::FaultUnlessPaused,
        Pace::AsUsual => {
            let path = observation.v2.config_path.clone();
            case.find(Reason::KubeNeverRan).because("missing", path);
            Shows::Something
        }
    }
}
