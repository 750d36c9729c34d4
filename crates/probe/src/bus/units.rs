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
use selfcheck_core::observation::UnitState;
use tokio::time::Instant;

use crate::clock;
use crate::files::Tree;
use crate::unit_files;
use crate::unit_files::Line;

use super::batch::Answers;
use super::batch::Batch;
use super::batch::Place;
use super::connection::Bus;
use super::connection::Link;
use super::detail;
use super::listing;
use super::listing::Listed;
use super::names::MANAGER_PATH;
use super::names::Names;
use super::names::object_path;
use super::properties::Properties;

/// What systemd says.
#[derive(Debug, Clone)]
pub(crate) struct Units {
    /// When it was asked.
    pub(crate) clock: Clock,
    pub(crate) manager: Fact<Manager>,
    /// When the host last woke from sleep.
    pub(crate) resumed: Option<Moment>,
    /// When systemd last read all unit files; asked only where something is amiss.
    pub(crate) loaded: Option<Moment>,
    pub(crate) agent: Fact<AgentUnit>,
    pub(crate) timer_v2: Fact<TimerUnit>,
    pub(crate) service_v2: Fact<ServiceUnit>,
    pub(crate) timer_v1: Fact<TimerUnit>,
    pub(crate) service_v1: Fact<ServiceUnit>,
    v2: Beside,
    v1: Beside,
    /// Units whose files on disk contradict what is said of them here.
    doubtful: Vec<Text>,
}

/// What is told of an updater's units and only used while looking.
#[derive(Debug, Clone, Default)]
struct Beside {
    /// The units that want the timer.
    wanted_by: Vec<Text>,
    /// The lines of the service, where they were told.
    lines: Option<Vec<Line>>,
}

const MANAGER: [(&str, &str); 2] = [("Manager", "SystemState"), ("Manager", "Version")];
pub(super) const AGENT: [(&str, &str); 1] = [("Service", "MainPID")];
/// The target that is active while the host sleeps, and what tells when it woke.
const SLEEP: &str = "sleep.target";
const WOKE: [(&str, &str); 2] =
    [("Unit", "InactiveEnterTimestamp"), ("Unit", "InactiveEnterTimestampMonotonic")];
/// Two clocks read one after the other are this far apart on a busy host, in microseconds.
const LEAST_SLEEP: Usec = 1_000_000;
/// What matters only where systemd has not read the file as it now is, which includes a file that is gone.
const CHANGED: [(&str, &str); 1] = [("Unit", "FragmentPath")];
/// When all unit files were last read; systemd before 250 does not tell.
const LOADED: [(&str, &str); 2] =
    [("Manager", "UnitsLoadTimestamp"), ("Manager", "UnitsLoadTimestampMonotonic")];
/// Longer than any look takes, in microseconds.
const LONGEST_LOOK: Usec = 600_000_000;
/// A timer that fires while it is looked at is looked at again, so many times at most.
const TRIES: usize = 3;

impl Units {
    /// Where systemd does not run, the question does not arise.
    pub(crate) fn not_applicable(clock: Clock) -> Self {
        Self {
            clock,
            loaded: None,
            v2: Beside::default(),
            v1: Beside::default(),
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

    fn unreadable(clock: Clock, why: Why) -> Self {
        Self {
            clock,
            loaded: None,
            v2: Beside::default(),
            v1: Beside::default(),
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
        let tree = Tree::default();
        let mut doubtful = Vec::new();
        for state in self.states() {
            unit_files::complete(&tree, state);
            if unit_files::contradict(state, &agent) {
                doubtful.push(state.unit.clone());
            }
        }
        self.doubtful = doubtful;
        for (timer, beside) in [(&mut self.timer_v2, &self.v2), (&mut self.timer_v1, &self.v1)] {
            let Fact::Present(timer) = timer else { continue };
            if !timer.state.is_masked() {
                timer.starters =
                    unit_files::starters(&tree, timer.state.unit.as_str(), &agent, &beside.wanted_by);
            }
        }
        for (service, beside, generation) in [
            (&mut self.service_v2, &self.v2, Generation::V2),
            (&mut self.service_v1, &self.v1, Generation::V1),
        ] {
            let Fact::Present(service) = service else { continue };
            if let Some(lines) = &beside.lines
                && service.state.load_state == LoadState::Loaded
            {
                service.exec = Some(unit_files::exec(&tree, lines, generation.updater()));
            }
        }
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
        let mut units = Self::look_once(bus, names, clock, deadline).await;
        for _ in 1..TRIES {
            // What was answered before the firing and what was answered after it do not belong together.
            if !units.fired_meanwhile() || Instant::now() >= deadline {
                break;
            }
            units = Self::look_once(bus, names, clock::now(), deadline).await;
        }
        units
    }

    fn fired_meanwhile(&self) -> bool {
        let timers = [&self.timer_v2, &self.timer_v1].into_iter().filter_map(Fact::present);
        let services = [&self.service_v2, &self.service_v1].into_iter().filter_map(Fact::present);
        let fired = timers.filter_map(|timer| timer.last_trigger);
        let mut happened = fired.chain(services.filter_map(ServiceUnit::last_seen_at_work));
        let while_looking = self.clock.monotonic..self.clock.monotonic.saturating_add(LONGEST_LOOK);
        happened.any(|moment| while_looking.contains(&moment.monotonic))
    }

    async fn look_once(bus: &mut Bus, names: &Names, clock: Clock, deadline: Instant) -> Self {
        let link = match bus.begin(names, deadline).await {
            Ok(link) => link,
            Err(why) => return Self::unreadable(clock, why),
        };
        let mut batch = Batch::default();
        let states_at = batch.ask_states(&names.all());
        let manager_at = batch.ask(MANAGER_PATH, if link.manager.is_some() { &[] } else { &MANAGER[..] });
        // Only a host that ever slept has a boot-time clock that is ahead.
        let has_slept = clock.boottime.saturating_sub(clock.monotonic) > LEAST_SLEEP;
        let woke_at = batch.ask(&object_path(SLEEP), if has_slept { &WOKE } else { &[] });
        let agent_at = batch.ask(&object_path(&names.agent), &AGENT);
        let timer_at = batch.ask_all(&object_path(&names.timer_v2), &detail::TIMER);
        let service_at = batch.ask(&object_path(&names.service_v2), &detail::SERVICE);
        let mut answers = batch.run(link, deadline).await;

        let listed = listing::listed(&answers, &states_at, names.all(), link, deadline).await;
        let [agent, timer_v2, service_v2, timer_v1, service_v1] = match listed {
            Ok(listed) => listed,
            Err(why) => {
                bus.forget();
                return Self::unreadable(clock, why);
            }
        };
        // The older updater is on few hosts, and asked about only where it is.
        let mut batch = Batch::default();
        let timer_v1_at = if exists(&timer_v1) {
            batch.ask_all(&object_path(&names.timer_v1), &detail::TIMER)
        } else {
            0..0
        };
        let service_v1_at = if exists(&service_v1) {
            batch.ask(&object_path(&names.service_v1), &detail::SERVICE)
        } else {
            0..0
        };
        let mut answers_v1 = batch.run(link, deadline).await;

        let mut v2 = Beside::default();
        let mut v1 = Beside::default();
        let service = |properties, unit: &Listed, of: Generation, beside: &mut Beside| {
            let (service, lines) = detail::service(unit, properties, of.updater())?;
            beside.lines = lines;
            Ok(service)
        };
        let mut units = Self {
            clock,
            manager: manager(&mut answers, manager_at, &mut link.manager).into(),
            resumed: answers
                .properties(woke_at)
                .and_then(|mut sleep| sleep.moment("InactiveEnterTimestamp"))
                .unwrap_or_default(),
            loaded: None,
            agent: unit(&agent, &mut answers, agent_at, |properties, unit| detail::agent(unit, properties)),
            timer_v2: timer(&timer_v2, &mut answers, timer_at, clock, &mut v2),
            service_v2: unit(&service_v2, &mut answers, service_at, |properties, unit| {
                service(properties, unit, Generation::V2, &mut v2)
            }),
            timer_v1: if exists(&timer_v1) {
                timer(&timer_v1, &mut answers_v1, timer_v1_at, clock, &mut v1)
            } else {
                Fact::Absent
            },
            service_v1: unit(&service_v1, &mut answers_v1, service_v1_at, |properties, unit| {
                service(properties, unit, Generation::V1, &mut v1)
            }),
            doubtful: Vec::new(),
            v2,
            v1,
        };
        units.ask_more(link, deadline).await;
        units
    }

    /// Asks what matters only where something is amiss.
    async fn ask_more(&mut self, link: &mut Link, deadline: Instant) {
        let mut batch = Batch::default();
        let mut services = Vec::new();
        let both = [
            (&self.timer_v2, &mut self.service_v2, &mut self.v2, Generation::V2),
            (&self.timer_v1, &mut self.service_v1, &mut self.v1, Generation::V1),
        ];
        for (timer, fact, beside, generation) in both {
            let Fact::Present(service) = fact else { continue };
            let updater = generation.updater();
            let lines = beside.lines.as_deref().unwrap_or_default();
            let is_in_doubt = detail::is_in_doubt(timer.present(), service, lines, updater);
            let mut wanted = if is_in_doubt { detail::DOUBTFUL_SERVICE.to_vec() } else { Vec::new() };
            if service.state.need_daemon_reload != Some(false) {
                wanted.extend(CHANGED);
            }
            let place = batch.ask(&object_path(service.state.unit.as_str()), &wanted);
            services.push((place, is_in_doubt, fact, beside));
        }
        let any = services.iter().any(|(_, is_in_doubt, ..)| *is_in_doubt);
        let loaded_at = batch.ask(MANAGER_PATH, if any { &LOADED } else { &[] });
        let mut answers = batch.run(link, deadline).await;
        for (place, is_in_doubt, fact, beside) in services {
            let Fact::Present(service) = fact else { continue };
            let added = answers.properties(place).and_then(|mut properties| {
                if is_in_doubt {
                    let lines = beside.lines.as_deref_mut().unwrap_or_default();
                    detail::add_doubts(service, lines, &mut properties)
                } else {
                    detail::add_file(&mut service.state, &mut properties)
                }
            });
            // A unit about which that could not be had is unreadable.
            if let Err(why) = added {
                *fact = Fact::Unreadable(why);
            }
        }
        let loaded =
            answers.properties(loaded_at).and_then(|mut manager| manager.moment("UnitsLoadTimestamp"));
        self.loaded = loaded.unwrap_or_default();
    }
}

fn exists(unit: &Listed) -> bool {
    unit.load != LoadState::NotFound
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

/// A timer, of which all is told in one message; by its state in the list only where that message has none.
fn timer(
    listed: &Listed,
    answers: &mut Answers,
    place: Place,
    clock: Clock,
    beside: &mut Beside,
) -> Fact<TimerUnit> {
    let read = |mut properties: Properties| {
        let listed = if properties.has("LoadState") {
            &listing::from_properties(listed.name.as_str(), &mut properties)?
        } else {
            listed
        };
        if !exists(listed) {
            return Ok(None);
        }
        let (timer, wanted_by) = detail::timer(listed, properties, clock)?;
        beside.wanted_by = wanted_by;
        Ok(Some(timer))
    };
    match answers.properties(place).and_then(read) {
        Ok(found) => found.map_or(Fact::Absent, Fact::Present),
        Err(why) => Fact::Unreadable(why),
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
