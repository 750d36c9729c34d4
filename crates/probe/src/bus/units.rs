//! The units that matter, read in one round trip where nothing is amiss.

use selfcheck_core::Clock;
use selfcheck_core::Fact;
use selfcheck_core::Generation;
use selfcheck_core::Moment;
use selfcheck_core::Namespace;
use selfcheck_core::Text;
use selfcheck_core::Usec;
use selfcheck_core::Why;
use selfcheck_core::observation::AgentUnit;
use selfcheck_core::observation::LoadState;
use selfcheck_core::observation::Manager;
use selfcheck_core::observation::ServiceUnit;
use selfcheck_core::observation::TimerUnit;
use selfcheck_core::observation::UnitResult;
use selfcheck_core::observation::UnitState;
use tokio::time::Instant;

use crate::files;

use super::batch::Answers;
use super::batch::Batch;
use super::batch::MANAGER_PATH;
use super::batch::Place;
use super::connection::Bus;
use super::connection::Link;
use super::detail;
use super::listing;
use super::listing::Listed;
use super::listing::object_path;
use super::properties::Properties;

/// The names of the units that matter to one installation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Names {
    agent: String,
    timer_v2: String,
    service_v2: String,
    timer_v1: String,
    service_v1: String,
}

impl Names {
    pub(crate) fn of(namespace: &Namespace) -> Self {
        Self {
            agent: namespace.agent_unit(),
            timer_v2: Generation::V2.timer(namespace),
            service_v2: Generation::V2.service(namespace),
            timer_v1: Generation::V1.timer(namespace),
            service_v1: Generation::V1.service(namespace),
        }
    }

    pub(super) fn all(&self) -> [&str; 5] {
        [&self.agent, &self.timer_v2, &self.service_v2, &self.timer_v1, &self.service_v1]
    }
}

/// What systemd says.
#[derive(Debug, Clone)]
pub(crate) struct Units {
    pub(crate) manager: Fact<Manager>,
    /// When the host last woke from sleep.
    pub(crate) resumed: Option<Moment>,
    pub(crate) agent: Fact<AgentUnit>,
    pub(crate) timer_v2: Fact<TimerUnit>,
    pub(crate) service_v2: Fact<ServiceUnit>,
    pub(crate) timer_v1: Fact<TimerUnit>,
    pub(crate) service_v1: Fact<ServiceUnit>,
    /// Units whose files on disk contradict what is said of them here.
    doubtful: Vec<Text>,
}

const MANAGER: [(&str, &str); 2] = [("Manager", "SystemState"), ("Manager", "Version")];
const AGENT: [(&str, &str); 1] = [("Service", "MainPID")];
/// The target that is active while the host sleeps, and what tells when it woke.
const SLEEP: &str = "sleep.target";
const WOKE: [(&str, &str); 2] =
    [("Unit", "InactiveEnterTimestamp"), ("Unit", "InactiveEnterTimestampMonotonic")];
/// Two clocks read one after the other are this far apart on a busy host, in microseconds.
const LEAST_SLEEP: Usec = 1_000_000;
/// What is asked about the file of every unit that is judged.
const FILE: [(&str, &str); 2] = [("Unit", "UnitFileState"), ("Unit", "NeedDaemonReload")];
const SERVICE: [(&str, &str); 5] =
    [FILE[0], FILE[1], ("Service", "Result"), ("Service", "ExecMainExitTimestamp"), ("Service", "ExecStart")];
/// What matters only where systemd has not read the file as it now is, which includes a file that is gone.
const CHANGED: [(&str, &str); 1] = [("Unit", "FragmentPath")];
/// What matters only to a timer that never fired.
const NEW_TIMER: [(&str, &str); 2] =
    [("Unit", "ActiveEnterTimestamp"), ("Unit", "ActiveEnterTimestampMonotonic")];
/// What matters only to a service that runs or failed.
const BUSY_OR_FAILED: [(&str, &str); 3] = [
    ("Service", "ExecMainStatus"),
    ("Service", "ExecMainStartTimestamp"),
    ("Service", "ExecMainStartTimestampMonotonic"),
];

impl Units {
    /// Where systemd does not run, the question does not arise.
    pub(crate) const fn not_applicable() -> Self {
        Self {
            manager: Fact::NotApplicable,
            resumed: None,
            agent: Fact::NotApplicable,
            timer_v2: Fact::NotApplicable,
            service_v2: Fact::NotApplicable,
            timer_v1: Fact::NotApplicable,
            service_v1: Fact::NotApplicable,
            doubtful: Vec::new(),
        }
    }

    const fn unreadable(why: Why) -> Self {
        Self {
            manager: Fact::Unreadable(why),
            resumed: None,
            agent: Fact::Unreadable(why),
            timer_v2: Fact::Unreadable(why),
            service_v2: Fact::Unreadable(why),
            timer_v1: Fact::Unreadable(why),
            service_v1: Fact::Unreadable(why),
            doubtful: Vec::new(),
        }
    }

    /// Completes the units of the installation `namespace` by what lies on disk under their names.
    pub(crate) fn complete(&mut self, namespace: &Namespace) {
        let agent = namespace.agent_unit();
        let tree = files::Tree::default();
        let mut doubtful = Vec::new();
        for state in self.states() {
            files::complete(&tree, state);
            if files::contradict(state, &agent) {
                doubtful.push(state.unit.clone());
            }
        }
        self.doubtful = doubtful;
    }

    /// Asks anew how units are enabled whose files on disk contradict what systemd says: it looks at them only once
    /// between two reloads. The result is whether there were any.
    pub(crate) async fn settle_doubts(&mut self, bus: &mut Bus, deadline: Instant) -> bool {
        let doubtful = std::mem::take(&mut self.doubtful);
        if doubtful.is_empty() {
            return false;
        }
        let Some(link) = bus.link() else { return false };
        let mut batch = Batch::default();
        let asked: Vec<_> = self
            .states()
            .filter(|state| doubtful.contains(&state.unit))
            .map(|state| (batch.ask_file_state(state.unit.as_str()), state))
            .collect();
        let answers = batch.run(link, deadline).await;
        for (place, state) in asked {
            if let Some(word) = answers.word(&place) {
                state.unit_file_state = Some(word.into());
            }
        }
        true
    }

    /// The states of all units of updaters that were seen.
    fn states(&mut self) -> impl Iterator<Item = &mut UnitState> {
        let timers = [&mut self.timer_v2, &mut self.timer_v1].into_iter();
        let services = [&mut self.service_v2, &mut self.service_v1].into_iter();
        let timers = timers.filter_map(|fact| match fact {
            Fact::Present(timer) => Some(&mut timer.state),
            _ => None,
        });
        timers.chain(services.filter_map(|fact| match fact {
            Fact::Present(service) => Some(&mut service.state),
            _ => None,
        }))
    }

    /// Asks systemd. What has not answered by `deadline` is unreadable.
    pub(crate) async fn look(bus: &mut Bus, names: &Names, clock: Clock, deadline: Instant) -> Self {
        let link = match bus.begin(names, deadline).await {
            Ok(link) => link,
            Err(why) => return Self::unreadable(why),
        };
        let mut batch = Batch::default();
        let states_at = batch.ask_states(&names.all());
        let manager_at = batch.ask(MANAGER_PATH, if link.manager.is_some() { &[] } else { &MANAGER[..] });
        // Only a host that ever slept has a boot-time clock that is ahead.
        let has_slept = clock.boottime.saturating_sub(clock.monotonic) > LEAST_SLEEP;
        let woke_at = batch.ask(&object_path(SLEEP), if has_slept { &WOKE } else { &[] });
        let agent_at = batch.ask(&object_path(&names.agent), &AGENT);
        let timer_at = ask_timer(&mut batch, &names.timer_v2);
        let service_at = batch.ask(&object_path(&names.service_v2), &SERVICE);
        let mut answers = batch.run(link, deadline).await;

        let listed = listing::listed(&answers, &states_at, names.all(), link, deadline).await;
        let [agent, timer_v2, service_v2, timer_v1, service_v1] = match listed {
            Ok(listed) => listed,
            Err(why) => {
                bus.forget();
                return Self::unreadable(why);
            }
        };
        // The older updater is on few hosts, and asked about only where it is.
        let mut batch = Batch::default();
        let timer_v1_at = if exists(&timer_v1) { ask_timer(&mut batch, &names.timer_v1) } else { 0..0 };
        let service_v1_at =
            if exists(&service_v1) { batch.ask(&object_path(&names.service_v1), &SERVICE) } else { 0..0 };
        let mut answers_v1 = batch.run(link, deadline).await;

        let timer = |properties, unit: &Listed| detail::timer(unit, properties, clock);
        let service = |properties, unit: &Listed| detail::service(unit, properties, clock);
        let mut units = Self {
            manager: manager(&mut answers, manager_at, &mut link.manager).into(),
            resumed: answers
                .properties(woke_at)
                .and_then(|mut sleep| sleep.moment("InactiveEnterTimestamp"))
                .unwrap_or_default(),
            agent: unit(&agent, &mut answers, agent_at, |properties, unit| detail::agent(unit, properties)),
            timer_v2: unit(&timer_v2, &mut answers, timer_at, timer),
            service_v2: unit(&service_v2, &mut answers, service_at, service),
            timer_v1: unit(&timer_v1, &mut answers_v1, timer_v1_at, timer),
            service_v1: unit(&service_v1, &mut answers_v1, service_v1_at, service),
            doubtful: Vec::new(),
        };
        units.ask_more(link, deadline).await;
        units
    }

    /// Asks what matters only in some states.
    async fn ask_more(&mut self, link: &mut Link, deadline: Instant) {
        let mut batch = Batch::default();
        let mut timers = Vec::new();
        for fact in [&mut self.timer_v2, &mut self.timer_v1] {
            let Fact::Present(timer) = fact else { continue };
            let mut wanted = if timer.last_trigger.is_none() { NEW_TIMER.to_vec() } else { Vec::new() };
            wanted.extend(changed(&timer.state));
            timers.push((batch.ask(&object_path(timer.state.unit.as_str()), &wanted), fact));
        }
        let mut services = Vec::new();
        for fact in [&mut self.service_v2, &mut self.service_v1] {
            let Fact::Present(service) = fact else { continue };
            let busy_or_failed = service.is_running() || service.result != Some(UnitResult::Success);
            let mut wanted = if busy_or_failed { BUSY_OR_FAILED.to_vec() } else { Vec::new() };
            wanted.extend(changed(&service.state));
            services.push((batch.ask(&object_path(service.state.unit.as_str()), &wanted), fact));
        }
        let mut answers = batch.run(link, deadline).await;
        for (place, timer) in timers {
            add(timer, &mut answers, place, |timer, mut properties| {
                timer.active_since = properties.moment("ActiveEnterTimestamp")?;
                detail::add_file(&mut timer.state, &mut properties)
            });
        }
        for (place, service) in services {
            add(service, &mut answers, place, |service, mut properties| {
                service.exit_status = properties.take("ExecMainStatus")?;
                service.started = properties.moment("ExecMainStartTimestamp")?;
                detail::add_file(&mut service.state, &mut properties)
            });
        }
    }
}

fn changed(state: &UnitState) -> &'static [(&'static str, &'static str)] {
    if state.need_daemon_reload == Some(false) { &[] } else { &CHANGED }
}

fn exists(unit: &Listed) -> bool {
    unit.load != LoadState::NotFound
}

fn ask_timer(batch: &mut Batch, name: &str) -> Place {
    let object = object_path(name);
    batch.ask(&object, &FILE).start..batch.ask_all(&object, "Timer").end
}

/// A unit that exists, from what was answered about it.
fn unit<T>(
    unit: &Listed,
    answers: &mut Answers,
    place: Place,
    read: impl FnOnce(Properties, &Listed) -> Result<T, Why>,
) -> Fact<T> {
    if exists(unit) {
        answers.properties(place).and_then(|properties| read(properties, unit)).into()
    } else {
        Fact::Absent
    }
}

/// Adds what was answered later. A unit about which that could not be had is unreadable.
fn add<T>(
    fact: &mut Fact<T>,
    answers: &mut Answers,
    place: Place,
    read: impl FnOnce(&mut T, Properties) -> Result<(), Why>,
) {
    if let Fact::Present(unit) = fact
        && let Err(why) = answers.properties(place).and_then(|properties| read(unit, properties))
    {
        *fact = Fact::Unreadable(why);
    }
}

/// What the manager says of itself, asked once per connection.
fn manager(answers: &mut Answers, place: Place, known: &mut Option<Manager>) -> Result<Manager, Why> {
    if let Some(known) = known {
        return Ok(known.clone());
    }
    if place.is_empty() {
        return Err(Why::Closed); // what was known is of one that has gone since it was not asked
    }
    let mut properties = answers.properties(place)?;
    let manager = Manager { version: properties.text("Version")?, state: properties.text("SystemState")? };
    Ok(known.insert(manager).clone())
}
