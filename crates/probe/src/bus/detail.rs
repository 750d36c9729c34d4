//! Units from the properties that systemd answered.

use selfcheck_core::Clock;
use selfcheck_core::Fact;
use selfcheck_core::Why;
use selfcheck_core::observation::AgentUnit;
use selfcheck_core::observation::Exec;
use selfcheck_core::observation::ServiceUnit;
use selfcheck_core::observation::TimerUnit;
use selfcheck_core::observation::UnitFileState;
use selfcheck_core::observation::UnitState;

use super::listing::Listed;
use super::properties::Properties;
use super::schedule;

pub(super) fn agent(unit: &Listed, mut properties: Properties) -> Result<AgentUnit, Why> {
    let main_pid = properties.take::<u32>("MainPID")?.filter(|pid| *pid != 0);
    Ok(AgentUnit { state: state(unit, &mut properties)?, main_pid, command_line: None })
}

pub(super) fn timer(unit: &Listed, mut properties: Properties, clock: Clock) -> Result<TimerUnit, Why> {
    Ok(TimerUnit {
        result: properties.text("Result")?.map(|word| word.as_str().into()),
        active_since: None,
        last_trigger: schedule::last_trigger(&mut properties, clock)?,
        next_elapse: schedule::next_elapse(&mut properties, clock)?,
        schedule: schedule::schedule(&mut properties)?,
        state: state(unit, &mut properties)?,
    })
}

pub(super) fn service(unit: &Listed, mut properties: Properties, clock: Clock) -> Result<ServiceUnit, Why> {
    // Every systemd has this one, and without it nothing shows that the last run succeeded.
    let result = properties.text("Result")?.ok_or(Why::Protocol)?;
    Ok(ServiceUnit {
        result: Some(result.as_str().into()),
        exit_status: None,
        started: None,
        exited: properties.instant("ExecMainExitTimestamp")?.map(|realtime| clock.moment_at(realtime)),
        exec: exec(&mut properties)?,
        state: state(unit, &mut properties)?,
    })
}

fn state(unit: &Listed, properties: &mut Properties) -> Result<UnitState, Why> {
    Ok(UnitState {
        unit: unit.name.clone(),
        load_state: unit.load,
        active_state: unit.active,
        sub_state: unit.sub.clone(),
        unit_file_state: properties.text("UnitFileState")?.map(|word| UnitFileState::from(word.as_str())),
        need_daemon_reload: properties.take("NeedDaemonReload")?,
        fragment: Fact::NotApplicable,
        vendor_file: Fact::NotApplicable,
    })
}

/// Adds the file that a unit was read from, where that was asked.
pub(super) fn add_file(state: &mut UnitState, properties: &mut Properties) -> Result<(), Why> {
    state.fragment = properties.text("FragmentPath")?.map_or(Fact::NotApplicable, Fact::Present);
    Ok(())
}

/// `ExecStart`: path, arguments, whether failure is ignored, and eight numbers about the last run.
type ExecRow = (String, Vec<String>, bool, u64, u64, u64, u64, u32, i32, i32);

fn exec(properties: &mut Properties) -> Result<Option<Exec>, Why> {
    let rows: Vec<ExecRow> = properties.take("ExecStart")?.unwrap_or_default();
    Ok(rows.first().map(|(path, arguments, ..)| Exec {
        path: path.as_str().into(),
        insecure: arguments.iter().any(|argument| argument == "--insecure"),
    }))
}
