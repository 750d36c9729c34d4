//! The older updater: alone, whether it can do its work; beside the newer one, whether they fight.

use crate::Fact;
use crate::Generation;
use crate::Observation;
use crate::ProxyAddr;
use crate::Reason;
use crate::Text;
use crate::UpdaterKind;
use crate::Usec;
use crate::observation::ActiveState;
use crate::observation::Process;
use crate::observation::TimerUnit;
use crate::observation::UnitFileState;
use crate::observation::UpdaterV1;

use super::case::Case;

/// What the agent writes as the schedule, and an installation as the installer, to say "never".
const NEVER: &str = "nop";
/// A clock that is kept by the network moves by less, in microseconds.
const CLOCK_TOLERANCE: Usec = 60_000_000;

/// Judges the older updater where it is the one that is there.
pub(super) fn judge(case: &mut Case<'_>) {
    let observation = case.observation;
    let unit = Generation::V1.timer(&observation.agent.namespace);
    case.find(Reason::V1Deprecated).of(Generation::V1).because("unit", unit.as_str());
    endpoint(case, &observation.v1);
    schedule(case, &observation.v1);
    restart(case);
    held_package(case, &observation.v1);
}

/// Judges the older updater beside an enabled newer one.
pub(super) fn beside(case: &mut Case<'_>) {
    let observation = case.observation;
    let v1 = &observation.v1;
    // The installations with a suffix leave the older updater alone, and it them.
    let enabled = observation.v2.config.present().is_some_and(|config| config.spec.enabled);
    if observation.agent.namespace.suffix().is_some() || !enabled {
        return;
    }
    let says_never = v1.schedule.present().is_some_and(|schedule| *schedule == *NEVER);
    let out_of_action = !v1.neutralised.is_absent() || says_never || v1.schedule.is_unreadable();
    let starts = v1.service.present().is_some_and(|service| !service.state.is_masked());
    let fires = |timer: &&TimerUnit| if case.is_static() { will_fire(timer) } else { fires(timer) };
    let Some(timer) = v1.timer.present().filter(fires) else { return };
    if starts && !out_of_action {
        case.find(Reason::TwoUpdaters)
            .because("unit", &timer.state.unit)
            .because("active_state", timer.state.active_state.word())
            .because_of("unit_file_state", timer.state.unit_file_state.map(UnitFileState::word));
    }
}

fn fires(timer: &TimerUnit) -> bool {
    matches!(timer.state.active_state, ActiveState::Active | ActiveState::Activating)
        && !timer.state.is_masked()
}

/// Whether the timer of an image will fire where the image runs.
fn will_fire(timer: &TimerUnit) -> bool {
    timer.state.unit_file_state == Some(UnitFileState::Enabled) && !timer.state.is_broken()
}

/// The version server it asks. A missing one means the global one.
fn endpoint(case: &mut Case<'_>, v1: &UpdaterV1) {
    let agents = agents_proxy(case.observation);
    let wrong = match &v1.endpoint {
        // The agent itself writes it, once it runs.
        Fact::Absent if case.is_static() => None,
        Fact::Absent => Some("missing"),
        Fact::Unreadable(why) if why.is_corruption() => Some(why.code()),
        Fact::Unreadable(_) | Fact::NotApplicable => None,
        Fact::Present(endpoint) => match endpoint.as_str().parse::<ProxyAddr>() {
            Err(_) => Some("no address"),
            Ok(server) if server.host() == UpdaterV1::GLOBAL_SERVER => Some("global channel"),
            Ok(server) => {
                agents.as_ref().filter(|agents| agents.host() != server.host()).map(|_| "another host")
            }
        },
    };
    if let Some(wrong) = wrong {
        let proxy = agents
            .map(|_| case.observation.agent.config.present().and_then(|config| config.proxy_server.clone()));
        case.find(Reason::V1EndpointWrong)
            .of(Generation::V1)
            .because("why", wrong)
            .because_of("endpoint", v1.endpoint.present())
            .because_of("teleport.yaml", proxy.flatten());
    }
}

fn agents_proxy(observation: &Observation) -> Option<ProxyAddr> {
    observation.agent.config.present()?.proxy_server.as_ref()?.as_str().parse().ok()
}

/// When it may work and what installs for it. An empty schedule is what the agent leaves while it cannot reach the
/// auth service, and no fault.
fn schedule(case: &mut Case<'_>, v1: &UpdaterV1) {
    let wrong = if let Fact::Present(drop_in) = &v1.neutralised {
        Some(("neutralised", drop_in.clone()))
    } else if let Some(wrong) = bad_installer(&v1.installer) {
        Some(("installer", wrong))
    } else {
        bad_schedule(case, v1).map(|wrong| ("schedule", wrong))
    };
    if let Some((part, wrong)) = wrong {
        case.find(Reason::V1ScheduleBad).of(Generation::V1).because(part, wrong);
    }
}

fn bad_installer(installer: &Fact<Text>) -> Option<Text> {
    match installer {
        Fact::Absent => Some("missing".into()),
        Fact::Unreadable(why) if why.is_corruption() => Some(why.code().into()),
        Fact::Present(name) if name.is_empty() => Some("empty".into()),
        Fact::Present(name) if *name == *NEVER => Some(name.clone()),
        Fact::Present(_) | Fact::Unreadable(_) | Fact::NotApplicable => None,
    }
}

fn bad_schedule(case: &mut Case<'_>, v1: &UpdaterV1) -> Option<Text> {
    match &v1.schedule {
        Fact::Present(schedule) if *schedule == *NEVER => Some(schedule.clone()),
        Fact::Unreadable(why) if why.is_corruption() => Some(why.code().into()),
        Fact::Absent => exports_for_long(case).then(|| "missing".into()),
        Fact::Present(schedule) if !schedule.is_empty() && !clock_may_be_set(case.observation) => {
            let length = export_length(case);
            let stale = exports_for_long(case) && case.horizon.is_past_realtime(v1.schedule_written?, length);
            stale.then(|| "stale".into())
        }
        Fact::Present(_) | Fact::Unreadable(_) | Fact::NotApplicable => None,
    }
}

/// Whether the agent should have written the schedule by now: it runs for long, and knows of this updater.
fn exports_for_long(case: &mut Case<'_>) -> bool {
    let Some(started) = exporter(case.observation).and_then(|process| process.started_boottime) else {
        return false;
    };
    let length = export_length(case);
    case.horizon.is_past_boottime(started, length)
}

/// How long the agent may take to write the schedule anew. All that the host ever slept is allowed for: when it slept
/// is not known, and the agent wrote nothing meanwhile.
fn export_length(case: &Case<'_>) -> Usec {
    case.policy.thresholds.v1_export.usec().saturating_add(slept(case.observation))
}

fn slept(observation: &Observation) -> Usec {
    observation.clock.boottime.saturating_sub(observation.clock.monotonic)
}

/// Whether the wall clock may have been set since the timer last fired, so that times in files say little.
fn clock_may_be_set(observation: &Observation) -> bool {
    if observation.v1.timer.is_unreadable() {
        return true;
    }
    let Some(last) = observation.v1.timer.present().and_then(|timer| timer.last_trigger) else {
        return false;
    };
    let now_told = observation.clock.realtime_of(last.monotonic);
    let apart = now_told.duration_since(last.realtime).abs().as_micros();
    Usec::try_from(apart).unwrap_or(Usec::MAX) > slept(observation).saturating_add(CLOCK_TOLERANCE)
}

fn exporter(observation: &Observation) -> Option<&Process> {
    let environment = observation.environment()?;
    let knows = environment.ext_upgrader == Some(UpdaterKind::Unit);
    observation.agent.process.present().filter(|_| knows)
}

/// The agent learns of this updater from its environment, which is that of its start.
fn restart(case: &mut Case<'_>) {
    let observation = case.observation;
    let Some(environment) = observation.environment() else { return };
    // After a graceful restart older processes serve their sessions to the end: only the main one counts.
    let pid = observation.agent.process.present().map(|process| process.pid);
    let is_main = observation.agent.unit.present().is_some_and(|unit| unit.main_pid == pid);
    if is_main && environment.ext_upgrader != Some(UpdaterKind::Unit) {
        case.find(Reason::RestartNeeded)
            .because_of("pid", pid)
            .because("at_start", environment.ext_upgrader.as_ref().map_or("none", UpdaterKind::as_str))
            .because("now", UpdaterKind::Unit.as_str());
    }
}

/// Packages held, whose updates go through the package manager.
fn held_package(case: &mut Case<'_>, v1: &UpdaterV1) {
    let Some(holds) = v1.holds.present() else { return };
    if let Some(package) = holds.packages.first() {
        case.find(Reason::PackageHeld)
            .of(Generation::V1)
            .because("package", package)
            .because_of("source", holds.source.clone());
    }
}
