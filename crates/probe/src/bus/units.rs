//! The units that matter, read in two round trips.

use selfcheck_core::Clock;
use selfcheck_core::Fact;
use selfcheck_core::Moment;
use selfcheck_core::Namespace;
use selfcheck_core::Text;
use selfcheck_core::Why;
use selfcheck_core::observation::AgentUnit;
use selfcheck_core::observation::Exec;
use selfcheck_core::observation::LoadState;
use selfcheck_core::observation::Manager;
use selfcheck_core::observation::Schedule;
use selfcheck_core::observation::ServiceUnit;
use selfcheck_core::observation::TimerUnit;
use selfcheck_core::observation::UnitFileState;
use selfcheck_core::observation::UnitState;
use tokio::time::Instant;
use tokio::time::timeout_at;
use zbus::Connection;

use crate::files;

use super::connection::Bus;
use super::listing;
use super::listing::Listed;
use super::properties;
use super::properties::Properties;

/// The names of the units that matter to one installation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Names {
    agent: String,
    timer_v2: String,
    service_v2: String,
}

impl Names {
    pub(crate) fn of(namespace: &Namespace) -> Self {
        Self { agent: namespace.agent_unit(), timer_v2: namespace.timer(), service_v2: namespace.service() }
    }
}

/// What systemd says.
#[derive(Debug, Clone)]
pub(crate) struct Units {
    pub(crate) manager: Fact<Manager>,
    pub(crate) agent: Fact<AgentUnit>,
    pub(crate) timer_v2: Fact<TimerUnit>,
    pub(crate) service_v2: Fact<ServiceUnit>,
    pub(crate) timer_v1: Fact<TimerUnit>,
    pub(crate) service_v1: Fact<ServiceUnit>,
}

impl Units {
    /// Where systemd does not run, the question does not arise.
    pub(crate) const fn not_applicable() -> Self {
        Self {
            manager: Fact::NotApplicable,
            agent: Fact::NotApplicable,
            timer_v2: Fact::NotApplicable,
            service_v2: Fact::NotApplicable,
            timer_v1: Fact::NotApplicable,
            service_v1: Fact::NotApplicable,
        }
    }

    const fn unreadable(why: Why) -> Self {
        Self {
            manager: Fact::Unreadable(why),
            agent: Fact::Unreadable(why),
            timer_v2: Fact::Unreadable(why),
            service_v2: Fact::Unreadable(why),
            timer_v1: Fact::Unreadable(why),
            service_v1: Fact::Unreadable(why),
        }
    }

    /// Completes the units by what lies on disk under their names.
    pub(crate) fn complete(&mut self) {
        for timer in [&mut self.timer_v2, &mut self.timer_v1] {
            if let Fact::Present(timer) = timer {
                files::complete(&mut timer.state);
            }
        }
        for service in [&mut self.service_v2, &mut self.service_v1] {
            if let Fact::Present(service) = service {
                files::complete(&mut service.state);
            }
        }
    }

    /// Asks systemd. What has not answered by `deadline` is unreadable.
    pub(crate) async fn look(bus: &mut Bus, names: &Names, clock: Clock, deadline: Instant) -> Self {
        let listing = async {
            let connection = bus.connection().await?;
            let names = [
                names.agent.clone(),
                names.timer_v2.clone(),
                names.service_v2.clone(),
                "teleport-upgrade.timer".to_owned(),
                "teleport-upgrade.service".to_owned(),
            ];
            let listed = listing::list(&connection, &names).await?;
            Ok::<_, Why>((connection, names, listed))
        };
        let (connection, names, listed) = match timeout_at(deadline, listing).await {
            Ok(Ok(listed)) => listed,
            Ok(Err(why)) => return Self::unreadable(why),
            Err(_) => {
                bus.forget();
                return Self::unreadable(Why::Timeout);
            }
        };
        let mut units = names.iter().zip(&listed);
        let mut next = || units.next().map(|(name, listed)| Unit { connection: &connection, name, listed });
        let (agent, timer_v2, service_v2, timer_v1, service_v1) = (next(), next(), next(), next(), next());
        let (manager, agent, timer_v2, service_v2, timer_v1, service_v1) = tokio::join!(
            within(deadline, manager(&connection)),
            detail(deadline, agent, Unit::agent),
            detail(deadline, timer_v2, async |unit| unit.timer(clock).await),
            detail(deadline, service_v2, Unit::service),
            detail(deadline, timer_v1, async |unit| unit.timer(clock).await),
            detail(deadline, service_v1, Unit::service),
        );
        Self { manager: manager.into(), agent, timer_v2, service_v2, timer_v1, service_v1 }
    }
}

/// The result of `work`, or that it was late.
async fn within<T>(deadline: Instant, work: impl Future<Output = Result<T, Why>>) -> Result<T, Why> {
    timeout_at(deadline, work).await.unwrap_or(Err(Why::Timeout))
}

/// The details of a unit that exists.
async fn detail<'a, T>(
    deadline: Instant,
    unit: Option<Unit<'a>>,
    read: impl AsyncFnOnce(Unit<'a>) -> Result<T, Why>,
) -> Fact<T> {
    match unit {
        None => Fact::Unreadable(Why::Protocol),
        Some(unit) if unit.listed.load == LoadState::NotFound => Fact::Absent,
        Some(unit) => within(deadline, read(unit)).await.into(),
    }
}

async fn manager(connection: &Connection) -> Result<Manager, Why> {
    let wanted = [("Manager", "Version"), ("Manager", "SystemState")];
    let mut properties = properties::get(connection, "/org/freedesktop/systemd1", &wanted).await?;
    Ok(Manager { version: properties.text("Version")?, state: properties.text("SystemState")? })
}

/// One unit that systemd has listed.
struct Unit<'a> {
    connection: &'a Connection,
    name: &'a str,
    listed: &'a Listed,
}

impl Unit<'_> {
    async fn agent(self) -> Result<AgentUnit, Why> {
        let wanted = [
            ("Unit", "UnitFileState"),
            ("Unit", "NeedDaemonReload"),
            ("Unit", "FragmentPath"),
            ("Service", "MainPID"),
        ];
        let mut properties = properties::get(self.connection, &self.listed.object, &wanted).await?;
        let main_pid = properties.take::<u32>("MainPID")?.filter(|pid| *pid != 0);
        Ok(AgentUnit { state: self.state(&mut properties)?, main_pid })
    }

    async fn timer(self, clock: Clock) -> Result<TimerUnit, Why> {
        let wanted = [
            ("Unit", "UnitFileState"),
            ("Unit", "NeedDaemonReload"),
            ("Unit", "FragmentPath"),
            ("Unit", "ActiveEnterTimestamp"),
            ("Unit", "ActiveEnterTimestampMonotonic"),
        ];
        let object = &self.listed.object;
        let (unit, timer) = tokio::join!(
            properties::get(self.connection, object, &wanted),
            properties::get_all(self.connection, object, "Timer"),
        );
        let (mut unit, mut timer) = (unit?, timer?);
        Ok(TimerUnit {
            result: timer.text("Result")?.map(|word| word.as_str().into()),
            active_since: unit.moment("ActiveEnterTimestamp")?,
            last_trigger: last_trigger(&mut timer, clock)?,
            next_elapse: next_elapse(&mut timer, clock)?,
            schedule: schedule(&mut timer)?,
            state: self.state(&mut unit)?,
        })
    }

    async fn service(self) -> Result<ServiceUnit, Why> {
        let wanted = [
            ("Unit", "UnitFileState"),
            ("Unit", "NeedDaemonReload"),
            ("Unit", "FragmentPath"),
            ("Unit", "DropInPaths"),
            ("Service", "Result"),
            ("Service", "ExecMainStatus"),
            ("Service", "ExecMainStartTimestamp"),
            ("Service", "ExecMainStartTimestampMonotonic"),
            ("Service", "ExecMainExitTimestamp"),
            ("Service", "ExecMainExitTimestampMonotonic"),
            ("Service", "ExecStart"),
        ];
        let mut properties = properties::get(self.connection, &self.listed.object, &wanted).await?;
        Ok(ServiceUnit {
            result: properties.text("Result")?.map(|word| word.as_str().into()),
            exit_status: properties.take("ExecMainStatus")?,
            started: properties.moment("ExecMainStartTimestamp")?,
            exited: properties.moment("ExecMainExitTimestamp")?,
            exec: exec(&mut properties)?,
            state: self.state(&mut properties)?,
        })
    }

    fn state(&self, properties: &mut Properties) -> Result<UnitState, Why> {
        let drop_ins: Option<Vec<String>> = properties.take("DropInPaths")?;
        Ok(UnitState {
            unit: self.name.into(),
            load_state: self.listed.load,
            active_state: self.listed.active,
            sub_state: self.listed.sub.clone(),
            unit_file_state: properties.text("UnitFileState")?.map(|word| UnitFileState::from(word.as_str())),
            need_daemon_reload: properties.take("NeedDaemonReload")?,
            fragment: properties.text("FragmentPath")?.map_or(Fact::NotApplicable, Fact::Present),
            vendor_file: Fact::NotApplicable,
            drop_ins: drop_ins.unwrap_or_default().iter().take(64).map(|path| Text::new(path)).collect(),
        })
    }
}

/// A timer's last firing. systemd before 235 has the wall-clock time only.
fn last_trigger(timer: &mut Properties, clock: Clock) -> Result<Option<Moment>, Why> {
    let monotonic = timer.usec("LastTriggerUSecMonotonic")?;
    let realtime = timer.usec("LastTriggerUSec")?.and_then(timestamp);
    Ok(match (realtime, monotonic) {
        (Some(realtime), Some(monotonic)) => Some(Moment { realtime, monotonic }),
        (None, Some(monotonic)) => Some(Moment { realtime: clock.realtime_of(monotonic), monotonic }),
        (Some(realtime), None) => Some(Moment { realtime, monotonic: clock.monotonic_of(realtime) }),
        (None, None) => None,
    })
}

/// A timer's next firing: the earlier of those by the monotonic and by the wall clock.
fn next_elapse(timer: &mut Properties, clock: Clock) -> Result<Option<Moment>, Why> {
    let monotonic = timer.usec("NextElapseUSecMonotonic")?;
    let realtime = timer.usec("NextElapseUSecRealtime")?.and_then(timestamp);
    let by_monotonic =
        monotonic.map(|monotonic| Moment { realtime: clock.realtime_of(monotonic), monotonic });
    let by_realtime = realtime.map(|realtime| Moment { realtime, monotonic: clock.monotonic_of(realtime) });
    Ok(by_monotonic.into_iter().chain(by_realtime).min_by_key(|moment| moment.monotonic))
}

fn timestamp(usec: u64) -> Option<jiff::Timestamp> {
    jiff::Timestamp::from_microsecond(i64::try_from(usec).ok()?).ok()
}

fn schedule(timer: &mut Properties) -> Result<Schedule, Why> {
    let monotonic: Vec<(String, u64, u64)> = timer.take("TimersMonotonic")?.unwrap_or_default();
    let calendar: Vec<(String, String, u64)> = timer.take("TimersCalendar")?.unwrap_or_default();
    let shortest = |wanted: fn(&str) -> bool| {
        monotonic.iter().filter(|(base, ..)| wanted(base)).map(|(_, length, _)| *length).min()
    };
    Ok(Schedule {
        first: shortest(|base| matches!(base, "OnActiveUSec" | "OnBootUSec" | "OnStartupUSec")),
        interval: shortest(|base| matches!(base, "OnUnitActiveUSec" | "OnUnitInactiveUSec")),
        calendar: calendar.iter().take(16).map(|(_, expression, _)| Text::new(expression)).collect(),
        random_delay: timer.usec("RandomizedDelayUSec")?.unwrap_or(0),
        accuracy: timer.usec("AccuracyUSec")?.unwrap_or(0),
    })
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
