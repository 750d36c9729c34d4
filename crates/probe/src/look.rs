//! One look: the bus and the files, side by side, within a deadline.

use std::path::Path;
use std::sync::Arc;
use std::sync::OnceLock;
use std::time::Duration;

use selfcheck_core::Clock;
use selfcheck_core::Fact;
use selfcheck_core::Namespace;
use selfcheck_core::Observation;
use selfcheck_core::Text;
use selfcheck_core::Why;
use tokio::time::Instant;

use crate::agent::AgentSeen;
use crate::agent::Ahead;
use crate::agent::BOOTED;
use crate::agent::Known;
use crate::bus::Bus;
use crate::bus::Names;
use crate::bus::Start;
use crate::bus::Units;
use crate::clock;
use crate::configuration::Configuration;
use crate::configuration::VARIABLE;
use crate::files;
use crate::files::AgentFiles;
use crate::files::Reach;
use crate::files::Tree;
use crate::gathered::observation;
use crate::host::Constants;
use crate::installation::Installation;
use crate::kubernetes::Session;
use crate::other_installations::suffixed_installations;
use crate::pool::Pool;
use crate::pool::Work;
use crate::process;
use crate::process::Arguments;
use crate::target::Target;
use crate::unit_files;
use crate::unit_files::Line;
use crate::versions::Versions;

/// The share of a look's time that is kept for files when the bus hangs: one in this many.
const FILES_SHARE: u32 = 4;

/// Looks at one agent's host, again and again over one connection to the bus.
#[derive(Debug)]
pub struct Probe {
    target: Target,
    pub(crate) bus: Bus,
    pub(crate) kubernetes: Session,
    host: Arc<OnceLock<Constants>>,
    /// For what belongs to the installation, and to the agent.
    files: Pool,
    agent: Pool,
    /// The agent's process when last seen.
    known: Option<Known>,
    /// The installation that process belonged to, where nobody said which to judge.
    namespace: Option<Namespace>,
}

impl Probe {
    /// A probe that asks the bus at `bus_address` (usually [`SYSTEM_BUS`](crate::SYSTEM_BUS)) about `target`.
    ///
    /// Nothing is opened before the first look.
    pub fn new(target: Target, bus_address: impl Into<String>) -> Self {
        let kubernetes = Session::new(target.api_server());
        // What is listened for, and shown, is a path that means the same everywhere.
        let config = target.config.map(|path| std::path::absolute(&path).unwrap_or(path));
        Self {
            kubernetes,
            target: Target { config, ..target },
            bus: Bus::new(bus_address.into()),
            host: Arc::default(),
            files: Pool::default(),
            agent: Pool::default(),
            known: None,
            namespace: None,
        }
    }

    /// Looks once. Whatever has not answered after `time` is unreadable.
    ///
    /// Must be called within a tokio runtime that has its IO and time drivers.
    pub async fn look(&mut self, time: Duration) -> Observation {
        let deadline = Instant::now() + time;
        // On the heap, so that a caller's own future stays small.
        if let Some(last) = self.namespace.take() {
            let observation = Box::pin(self.look_at(last.clone(), deadline)).await;
            // What could not be seen, as while the bus is away, has not gone.
            let is_there = !observation.agent.process.is_absent() || !self.has_default(deadline).await;
            if is_there && observation.agent.namespace == last {
                self.namespace = Some(last);
                return observation;
            }
        }
        let assumed = self.target.namespace.clone().unwrap_or_default();
        let observation = Box::pin(self.look_at(assumed.clone(), deadline)).await;
        let namespace = &observation.agent.namespace;
        let is_found = observation.agent.process.is_present() || *namespace != assumed;
        if self.target.namespace.is_none() && is_found {
            self.namespace = Some(namespace.clone());
        }
        observation
    }

    /// Whether files of the default installation are there, so that it may be the one to judge.
    async fn has_default(&self, deadline: Instant) -> bool {
        let namespace = Namespace::default();
        let places = [namespace.agent_config(), namespace.update_config(), namespace.pid_file()];
        let looking =
            self.files.start(move || places.iter().any(|path| !Tree::default().exists(path).is_absent()));
        looking.wait(deadline).await.unwrap_or(true)
    }

    /// Looks at the installation `assumed`, or at that which the process found belongs to.
    async fn look_at(&mut self, assumed: Namespace, deadline: Instant) -> Observation {
        let time = deadline.saturating_duration_since(Instant::now());
        let clock = clock::now();
        let mut booted = Tree::default().exists(BOOTED);
        let assumed_config = assumed.update_config();
        // The files of the installation are read while systemd answers.
        let reading = self.read(Ok(Tree::default()), assumed.clone(), assumed_config.clone());
        let ahead = self.look_ahead(&assumed);
        let units = self.units(&booted, &assumed, clock, deadline - time / FILES_SHARE).await;
        let ahead = had(ahead, deadline).await;
        let mut seen = self.agent(self.target.clone(), assumed.clone(), units, ahead, deadline).await;
        let mut installation = reading.wait(deadline).await;
        let others = if may_be_another(&self.target, &seen, &installation) {
            self.others(&seen.namespace, deadline).await
        } else {
            Vec::new()
        };
        let judged = match others.as_slice() {
            [only] => only.clone(),
            _ => seen.namespace.clone(),
        };
        if judged != assumed {
            // The process belongs to another installation than assumed, or only another one is there.
            let now = Instant::now();
            let half = now + deadline.saturating_duration_since(now) / 2;
            let units = self.units(&booted, &judged, clock, half).await;
            let pid = seen.process.present().map(|process| process.pid);
            let target = Target { namespace: Some(judged.clone()), pid, ..self.target.clone() };
            seen = self.agent(target, judged, units, Ahead::default(), deadline).await;
        }
        if seen.units.settle_doubts(&mut self.bus, deadline).await {
            let (mut units, namespace) = (seen.units.clone(), seen.namespace.clone());
            let completed = self.files.start(move || {
                units.complete(&namespace);
                units
            });
            seen.units = completed.wait(deadline).await.unwrap_or(seen.units);
        }
        let lies_elsewhere = !seen.updaters.as_ref().is_ok_and(Tree::is_own);
        if lies_elsewhere || (&seen.namespace, &seen.update_config) != (&assumed, &assumed_config) {
            let (reach, namespace) = (seen.updaters.clone(), seen.namespace.clone());
            installation = self.read(reach, namespace, seen.update_config.clone()).wait(deadline).await;
        }
        if lies_elsewhere && !seen.process.present().is_some_and(process::is_still_there) {
            installation = Err(Why::Gone); // with the process it lay below
        }
        let installation =
            installation.unwrap_or_else(|why| Installation::unreadable(seen.update_config.as_str(), why));
        let mut installation = installation;
        installation.host.in_pod |= self.target.in_pod;
        if others.len() > 1 {
            installation.host.other_installations = others; // of several, none is chosen
        }
        self.look_at_agents_unit(&mut seen, deadline).await;
        self.look_at_stopped_agent(&mut seen, deadline).await;
        // One that could not be seen this time may be the same still.
        if !seen.process.is_unreadable() {
            self.known = seen.process.present().map(Known::of);
        }
        if seen.is_beside_systemd {
            booted = Fact::Unreadable(Why::Missing);
        }
        let holds = self.holds(&seen, &installation, deadline).await;
        self.ask_kubernetes(&mut seen, deadline).await;
        observation(booted, seen, installation, holds, self.target.version.clone())
    }

    /// The installations of this host but `looked_at`, where nothing was found.
    async fn others(&self, looked_at: &Namespace, deadline: Instant) -> Vec<Namespace> {
        let looked_at = looked_at.clone();
        let found = self.files.start(move || {
            let mut found = suffixed_installations(&Tree::default());
            found.retain(|namespace| *namespace != looked_at);
            found
        });
        found.wait(deadline).await.unwrap_or_default()
    }

    /// Asks the Kubernetes API about an agent in a pod.
    async fn ask_kubernetes(&mut self, seen: &mut AgentSeen, deadline: Instant) {
        let Fact::Present(mounted) = &mut seen.kubernetes else { return };
        let environment = seen.process.present().and_then(|process| process.environment.present());
        let Some(environment) = environment else { return };
        // On the heap, so that a caller's own future stays small.
        mounted.api = Box::pin(self.kubernetes.look(environment, mounted, deadline)).await;
    }

    /// What it looks at.
    pub(crate) const fn target(&self) -> &Target {
        &self.target
    }

    async fn units(
        &mut self,
        booted: &Fact<Text>,
        namespace: &Namespace,
        clock: Clock,
        deadline: Instant,
    ) -> Units {
        if booted.is_absent() {
            return Units::not_applicable(clock);
        }
        // On the heap, so that a caller's own future stays small.
        Box::pin(Units::look(&mut self.bus, &Names::of(namespace), clock, deadline)).await
    }

    /// Starts reading the files of an installation.
    fn read(&self, reach: Reach, namespace: Namespace, update_config: String) -> Work<Installation> {
        let (limit, constants) = (self.target.file_bytes, Arc::clone(&self.host));
        self.files.start(move || {
            let constants = constants.get_or_init(Constants::look);
            Installation::look(&reach, &namespace, &update_config, limit, constants)
        })
    }

    /// Starts looking at what is known of the agent before systemd has answered.
    fn look_ahead(&self, namespace: &Namespace) -> Work<Ahead> {
        let (target, namespace, known) = (self.target.clone(), namespace.clone(), self.known.clone());
        self.agent.start(move || Ahead::look(&target, &namespace, known.as_ref()))
    }

    /// Looks at the agent's process and configuration.
    async fn agent(
        &self,
        target: Target,
        assumed: Namespace,
        units: Units,
        ahead: Ahead,
        deadline: Instant,
    ) -> AgentSeen {
        let (unseen, late) = (assumed.clone(), units.clone());
        let seen = self.agent.start(move || AgentSeen::look(&target, assumed, units, ahead));
        let seen = seen.wait(deadline).await;
        seen.unwrap_or_else(|why| AgentSeen::unreadable(unseen, late, why))
    }

    /// Looks at the unit that the agent's process belongs to, and at what it would start where the updater does not replace
    /// what the process executes.
    async fn look_at_agents_unit(&mut self, seen: &mut AgentSeen, deadline: Instant) {
        let Some(process) = seen.process.present() else { return };
        if let Some(name) = process.unit.present()
            && *name != *seen.namespace.agent_unit()
            && matches!(seen.units.agent, Fact::Present(_) | Fact::Absent)
        {
            let name = name.clone();
            seen.units.agent = Units::agent_called(&mut self.bus, name.as_str(), deadline).await;
            if let Fact::Present(unit) = &mut seen.units.agent {
                let lasting =
                    self.files.start(move || unit_files::lasting_file(&Tree::default(), name.as_str()));
                unit.state.lasting_file = lasting.wait(deadline).await.unwrap_or_else(Fact::Unreadable);
            }
        }
        let in_doubt = process.executable.present().is_some_and(|executable| executable.managed.is_absent());
        let Fact::Present(unit) = &mut seen.units.agent else { return };
        if !in_doubt {
            return;
        }
        let update_config = seen.update_config.clone();
        unit.starts = match Units::start_of(&mut self.bus, unit.state.unit.as_str(), deadline).await {
            Err(why) => Fact::Unreadable(why),
            Ok(Start { lines, .. }) => {
                let started = self.files.start(move || {
                    let tree = Tree::default();
                    let versions = Versions::beside(&tree, &update_config);
                    unit_files::agents_start(&tree, &lines, |path| versions.place_of(path))
                });
                started.wait(deadline).await.unwrap_or_else(Fact::Unreadable)
            }
        };
    }

    /// Looks at what the unit of an agent that does not run would start it with.
    async fn look_at_stopped_agent(&mut self, seen: &mut AgentSeen, deadline: Instant) {
        if !seen.process.is_absent() || self.target.config.is_some() {
            return;
        }
        let Fact::Present(unit) = &mut seen.units.agent else { return };
        let name = unit.state.unit.clone();
        let Ok(start) = Units::start_of(&mut self.bus, name.as_str(), deadline).await else { return };
        let words = start.lines.first().map(Line::all_words).unwrap_or_default();
        let said = Arguments::of_line(&words);
        unit.command_line = Some(said.kept());
        let named = said.config_of(process::variable(&start.environment, VARIABLE));
        let Fact::Present(named) = named else { return };
        let (namespace, limit) = (seen.namespace.clone(), self.target.file_bytes);
        let reading = self.agent.start(move || {
            let reach = Ok(Tree::default());
            let read = |path: &Path| AgentFiles::look(&reach, path, &namespace.data_dir(), limit);
            Configuration::look(&reach, None, Fact::Present(named), &namespace, limit, read)
        });
        if let Ok(Configuration { source, path, files }) = reading.wait(deadline).await {
            (seen.config_source, seen.config_path, seen.files) = (source, path, files);
        }
    }

    /// Packages held for the older updater, where that is the one to be judged.
    async fn holds(
        &self,
        seen: &AgentSeen,
        installation: &Installation,
        deadline: Instant,
    ) -> Fact<selfcheck_core::observation::Holds> {
        if !installation.v2.config.is_absent() || !seen.units.timer_v1.is_present() {
            return Fact::NotApplicable;
        }
        let held = self.files.start(|| files::holds(&Tree::default())).wait(deadline).await;
        held.unwrap_or_else(Fact::Unreadable)
    }
}

/// What was looked at ahead. It may turn out not to be needed, so a file that hangs there does not take all the time.
async fn had(ahead: Work<Ahead>, deadline: Instant) -> Ahead {
    let now = Instant::now();
    let half = now + deadline.saturating_duration_since(now) / 2;
    ahead.wait(half).await.unwrap_or_default()
}

/// Whether nobody said which installation to judge, and the one looked at has neither agent nor updater.
fn may_be_another(target: &Target, seen: &AgentSeen, installation: &Result<Installation, Why>) -> bool {
    let Ok(installation) = installation else { return false };
    target.namespace.is_none()
        && target.pid.is_none()
        && target.config.is_none()
        && seen.process.is_absent()
        && seen.files.config.is_absent()
        && installation.v2.config.is_absent()
}
