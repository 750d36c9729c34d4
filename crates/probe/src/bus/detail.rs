//! Units from the properties that systemd answered.

use selfcheck_core::Clock;
use selfcheck_core::Fact;
use selfcheck_core::Moment;
use selfcheck_core::Text;
use selfcheck_core::Why;
use selfcheck_core::observation::ActiveState;
use selfcheck_core::observation::AgentUnit;
use selfcheck_core::observation::DropIn;
use selfcheck_core::observation::LoadState;
use selfcheck_core::observation::Refusal;
use selfcheck_core::observation::Restarts;
use selfcheck_core::observation::ServiceUnit;
use selfcheck_core::observation::TimerUnit;
use selfcheck_core::observation::UnitFileState;
use selfcheck_core::observation::UnitResult;
use selfcheck_core::observation::UnitState;

use crate::unit_files::Line;
use crate::unit_files::own_line;

use super::listing::Listed;
use super::properties::Properties;
use super::schedule;

/// The most drop-ins, and units that want a timer, that are kept.
const MOST_NAMES: usize = 16;
/// The most lines of a service.
const MOST_LINES: usize = 32;

/// What is wanted of all properties of a timer.
pub(super) const TIMER: [&str; 33] = [
    "LoadState",
    "ActiveState",
    "SubState",
    "Id",
    "UnitFileState",
    "NeedDaemonReload",
    "FragmentPath",
    "DropInPaths",
    "WantedBy",
    "RequiredBy",
    "UpheldBy",
    "BoundBy",
    "ActiveEnterTimestamp",
    "ActiveEnterTimestampMonotonic",
    "Unit",
    "Result",
    "LastTriggerUSec",
    "LastTriggerUSecMonotonic",
    "NextElapseUSecMonotonic",
    "NextElapseUSecRealtime",
    "TimersMonotonic",
    "TimersCalendar",
    "RandomizedDelayUSec",
    "AccuracyUSec",
    "Job",
    "ConditionResult",
    "ConditionTimestamp",
    "ConditionTimestampMonotonic",
    "Conditions",
    "AssertResult",
    "AssertTimestamp",
    "AssertTimestampMonotonic",
    "Asserts",
];
/// What is asked of every service of an updater.
pub(super) const SERVICE: [(&str, &str); 4] = [
    ("Unit", "UnitFileState"),
    ("Unit", "NeedDaemonReload"),
    ("Service", "Result"),
    ("Service", "ExecStart"),
];
/// What is asked of one whose last firing did not lead to a run of the updater that succeeded, as far as that shows.
pub(super) const DOUBTFUL_SERVICE: [(&str, &str); 20] = [
    ("Service", "ExecMainCode"),
    ("Service", "ExecMainStatus"),
    ("Service", "ExecMainStartTimestamp"),
    ("Service", "ExecMainStartTimestampMonotonic"),
    ("Service", "ExecMainExitTimestamp"),
    ("Service", "ExecMainExitTimestampMonotonic"),
    ("Service", "NRestarts"),
    ("Service", "Restart"),
    ("Unit", "InactiveExitTimestamp"),
    ("Unit", "InactiveExitTimestampMonotonic"),
    ("Unit", "ConditionResult"),
    ("Unit", "ConditionTimestamp"),
    ("Unit", "ConditionTimestampMonotonic"),
    ("Unit", "Conditions"),
    ("Unit", "AssertResult"),
    ("Unit", "AssertTimestamp"),
    ("Unit", "AssertTimestampMonotonic"),
    ("Unit", "Asserts"),
    ("Unit", "StopWhenUnneeded"),
    ("Unit", "DropInPaths"),
];

pub(super) fn agent(unit: &Listed, mut properties: Properties) -> Result<AgentUnit, Why> {
    let main_pid = properties.take::<u32>("MainPID")?.filter(|pid| *pid != 0);
    let state = state(unit, &mut properties)?;
    Ok(AgentUnit { state, main_pid, command_line: None, starts: Fact::NotApplicable })
}

/// A timer, and the units that systemd knows to want it.
pub(super) fn timer(
    unit: &Listed,
    mut properties: Properties,
    clock: Clock,
) -> Result<(TimerUnit, Vec<Text>), Why> {
    let mut wanted_by = Vec::new();
    for relation in ["WantedBy", "RequiredBy", "UpheldBy", "BoundBy"] {
        wanted_by.extend(properties.list(relation, MOST_NAMES)?);
    }
    let mut state = state(unit, &mut properties)?;
    state.drop_ins = drop_ins(&mut properties)?;
    if state.need_daemon_reload != Some(false) {
        add_file(&mut state, &mut properties)?;
    }
    let timer = TimerUnit {
        result: properties.text("Result")?.map(|word| word.as_str().into()),
        active_since: properties.moment("ActiveEnterTimestamp")?,
        last_trigger: schedule::last_trigger(&mut properties, clock)?,
        next_elapse: schedule::next_elapse(&mut properties, clock)?,
        refusal: refusal(&mut properties, None)?,
        triggers: properties.text("Unit")?,
        starters: Fact::NotApplicable,
        schedule: schedule::schedule(&mut properties)?,
        state,
    };
    Ok((timer, wanted_by))
}

/// A service, and its lines. `updater` is the program that it is to run.
pub(super) fn service(
    unit: &Listed,
    mut properties: Properties,
    updater: &str,
) -> Result<(ServiceUnit, Option<Vec<Line>>), Why> {
    // Every systemd has this one, and without it nothing shows that the last run succeeded.
    let result = properties.text("Result")?.ok_or(Why::Protocol)?;
    let lines = lines(&mut properties)?;
    let own = own_line(lines.as_deref().unwrap_or_default(), updater);
    let service = ServiceUnit {
        result: Some(result.as_str().into()),
        exit_status: own.and_then(|line| line.status),
        started: own.and_then(|line| line.started),
        main_started: own.and_then(|line| line.started).map_or(Fact::NotApplicable, Fact::Present),
        exited: own.and_then(|line| line.exited),
        refusal: None,
        restarts: None,
        remains_after_exit: None,
        stops_when_unneeded: None,
        exec: None,
        state: state(unit, &mut properties)?,
    };
    Ok((service, lines))
}

/// Whether the last firing led to a run of the updater that succeeded, as far as what is asked of every service shows.
pub(super) fn is_in_doubt(
    timer: Option<&TimerUnit>,
    service: &ServiceUnit,
    lines: &[Line],
    updater: &str,
) -> bool {
    let Some(own) = own_line(lines, updater) else { return true };
    let fired = timer.and_then(|timer| timer.last_trigger);
    let led = match (fired, own.started) {
        (None, _) => true,
        (Some(fired), Some(started)) => started.monotonic >= fired.monotonic,
        (Some(_), None) => false,
    };
    let is_named = own.program.ends_with(updater);
    !(led && is_named)
        || own.exited.is_none()
        || own.result != Some(UnitResult::Success)
        || service.result != Some(UnitResult::Success)
        || service.state.active_state != ActiveState::Inactive
        || service.state.load_state != LoadState::Loaded
        || service.state.job.is_some()
}

/// Adds what was asked of a service in doubt.
pub(super) fn add_doubts(
    service: &mut ServiceUnit,
    lines: &mut [Line],
    properties: &mut Properties,
) -> Result<(), Why> {
    let main_started = properties.moment("ExecMainStartTimestamp")?;
    let unit_started = properties.moment("InactiveExitTimestamp")?;
    let main_exited = properties.moment("ExecMainExitTimestamp")?;
    let code = properties.take::<i32>("ExecMainCode")?;
    let status = properties.take::<i32>("ExecMainStatus")?;
    // After a reload systemd remembers of the lines only how the last of them ended.
    if let [only] = lines
        && only.exited.is_none()
        && main_exited.is_some()
        && main_exited.map(|exit| exit.monotonic) >= main_started.map(|start| start.monotonic)
    {
        only.result = code.and_then(|code| outcome(code, status.unwrap_or(0)));
        only.status = status;
    } else if lines.len() > 1 && main_exited.is_some() {
        for line in lines.iter_mut().filter(|line| line.exited.is_none() && line.started.is_none()) {
            line.is_forgotten = true;
        }
    }
    let main_started = later(service.main_started.present().copied(), main_started);
    service.main_started = main_started.map_or(Fact::Absent, Fact::Present);
    service.started = later(main_started, unit_started);
    service.exited = later(service.exited, main_exited);
    service.exit_status = status.or(service.exit_status);
    service.refusal = refusal(properties, service.result)?;
    let restart = properties.text("Restart")?;
    let only_after_failure = restart.is_some_and(|when| {
        matches!(when.as_str(), "on-failure" | "on-abnormal" | "on-abort" | "on-watchdog")
    });
    let count = properties.take::<u32>("NRestarts")?;
    service.restarts = count.map(|count| Restarts { count, only_after_failure });
    service.stops_when_unneeded = properties.take("StopWhenUnneeded")?;
    service.state.drop_ins = drop_ins(properties)?;
    add_file(&mut service.state, properties)
}

fn later(one: Option<Moment>, other: Option<Moment>) -> Option<Moment> {
    one.into_iter().chain(other).max_by_key(|moment| moment.monotonic)
}

/// `Conditions` and `Asserts`: which, whether one of several suffices, whether it is negated, of what, and what came of it.
type Checks = Vec<(String, bool, bool, String, i32)>;

/// What refused the last start that was asked for, if it was refused.
fn refusal(properties: &mut Properties, result: Option<UnitResult>) -> Result<Option<Refusal>, Why> {
    for (said, at, list) in [
        ("ConditionResult", "ConditionTimestamp", "Conditions"),
        ("AssertResult", "AssertTimestamp", "Asserts"),
    ] {
        let at = properties.moment(at)?;
        let checks: Checks = properties.take(list)?.unwrap_or_default();
        // Before the first start nothing was checked.
        if properties.take::<bool>(said)? != Some(false) || at.is_none() {
            continue;
        }
        let failed = checks.iter().find(|(.., came_of_it)| *came_of_it < 0);
        let by = match failed {
            Some((name, _, negated, of, _)) if is_about_files(name) => {
                Text::new(&format!("{name}={}{of}", if *negated { "!" } else { "" }))
            }
            // What else it is about, as a host or a variable, is nobody else's business.
            Some((name, ..)) => Text::new(name),
            None if result == Some(UnitResult::ExecCondition) => Text::new("ExecCondition"),
            None => Text::new("a condition"),
        };
        return Ok(Some(Refusal { by, at }));
    }
    Ok(None)
}

fn is_about_files(condition: &str) -> bool {
    ["Path", "File", "Directory"].iter().any(|word| condition.contains(word))
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
        lasting_file: Fact::NotApplicable,
        id: unit.id.clone(),
        job: unit.job.clone(),
        drop_ins: Vec::new(),
    })
}

/// The drop-ins of a unit, by their paths alone.
fn drop_ins(properties: &mut Properties) -> Result<Vec<DropIn>, Why> {
    Ok(properties.list("DropInPaths", MOST_NAMES)?.into_iter().map(DropIn::unread).collect())
}

/// Adds the file that a unit was read from, where that was asked.
pub(super) fn add_file(state: &mut UnitState, properties: &mut Properties) -> Result<(), Why> {
    state.fragment = properties.text("FragmentPath")?.map_or(Fact::NotApplicable, Fact::Present);
    Ok(())
}

/// `ExecStart`: path, arguments, whether failure is ignored; of the last run its start and its end by both clocks, its
/// process, in what way it ended, and with what status.
type ExecRow = (String, Vec<String>, bool, u64, u64, u64, u64, u32, i32, i32);

/// The lines that a service executes, where they were told.
pub(super) fn lines(properties: &mut Properties) -> Result<Option<Vec<Line>>, Why> {
    let rows: Option<Vec<ExecRow>> = properties.take("ExecStart")?;
    Ok(rows.map(|rows| rows.into_iter().take(MOST_LINES).map(line).collect()))
}

fn line(row: ExecRow) -> Line {
    let (program, arguments, _, started, started_monotonic, exited, exited_monotonic, _, code, status) = row;
    let exited = Moment::from_usec(exited, exited_monotonic);
    let result = exited.and_then(|_| outcome(code, status));
    Line {
        program,
        arguments: arguments.into_iter().skip(1).collect(), // the first is what the program sees as its own name
        started: Moment::from_usec(started, started_monotonic),
        exited,
        result,
        status: result.map(|_| status),
        is_forgotten: false,
    }
}

/// How a process ended, by the `CLD_` codes of wait(2).
fn outcome(code: i32, status: i32) -> Option<UnitResult> {
    match (code, status) {
        (1, 0) => Some(UnitResult::Success),
        (1, _) => Some(UnitResult::ExitCode),
        (2, _) => Some(UnitResult::Signal),
        (3, _) => Some(UnitResult::CoreDump),
        _ => None,
    }
}
