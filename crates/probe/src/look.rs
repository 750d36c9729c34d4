//! One look: the bus and the files, side by side, within a deadline.

use std::sync::Arc;
use std::sync::OnceLock;
use std::time::Duration;

use selfcheck_core::Clock;
use selfcheck_core::EvidenceKind;
use selfcheck_core::Fact;
use selfcheck_core::Namespace;
use selfcheck_core::Observation;
use selfcheck_core::Text;
use selfcheck_core::Why;
use selfcheck_core::observation::Agent;
use selfcheck_core::observation::ObservationSchema;
use selfcheck_core::observation::Systemd;
use selfcheck_core::observation::UpdaterV1;
use selfcheck_core::observation::UpdaterV2;
use tokio::task::JoinHandle;
use tokio::task::spawn_blocking;
use tokio::time::Instant;
use tokio::time::timeout_at;

use crate::agent::AgentSeen;
use crate::agent::Ahead;
use crate::bus::Bus;
use crate::bus::Names;
use crate::bus::Units;
use crate::clock;
use crate::files;
use crate::files::Tree;
use crate::host::Constants;
use crate::installation::Installation;
use crate::target::Target;

/// The folder by which systemd marks that it is running.
const BOOTED: &str = "/run/systemd/system";
/// The share of a look's time that is kept for files when the bus hangs: one in this many.
const FILES_SHARE: u32 = 4;

/// Looks at one agent's host, again and again over one connection to the bus.
#[derive(Debug)]
pub struct Probe {
    target: Target,
    bus: Bus,
    host: Arc<OnceLock<Constants>>,
    /// The agent's process when last seen.
    pid: Option<u32>,
}

impl Probe {
    /// A probe that asks the bus at `bus_address` (usually [`SYSTEM_BUS`](crate::SYSTEM_BUS)) about `target`.
    ///
    /// Nothing is opened before the first look.
    pub fn new(target: Target, bus_address: String) -> Self {
        Self { target, bus: Bus::new(bus_address), host: Arc::default(), pid: None }
    }

    /// Looks once. Whatever has not answered after `time` is unreadable.
    ///
    /// Must be called within a tokio runtime that has its IO and time drivers.
    pub async fn look(&mut self, time: Duration) -> Observation {
        let deadline = Instant::now() + time;
        let clock = clock::now();
        let booted = Tree::default().exists(BOOTED);
        let assumed = self.target.namespace.clone().unwrap_or_default();
        let assumed_config = assumed.update_config();
        // The files of the installation are read while systemd answers.
        let reading = self.read(assumed.clone(), assumed_config.clone());
        let ahead = look_ahead(self.target.clone(), self.pid);
        let units = self.units(&booted, &assumed, clock, deadline - time / FILES_SHARE).await;
        let mut seen = agent(self.target.clone(), units, had(ahead, deadline).await, deadline).await;
        let mut installation = wait(reading, deadline).await;
        let judged = only_other(&self.target, &seen, &installation).unwrap_or_else(|| seen.namespace.clone());
        if judged != assumed {
            // The process belongs to another installation than assumed, or only another one is there.
            let now = Instant::now();
            let half = now + deadline.saturating_duration_since(now) / 2;
            let units = self.units(&booted, &judged, clock, half).await;
            let pid = seen.process.present().map(|process| process.pid);
            let target = Target { namespace: Some(judged), pid, ..self.target.clone() };
            seen = agent(target, units, Ahead::default(), deadline).await;
        }
        if (&seen.namespace, &seen.update_config) != (&assumed, &assumed_config) {
            installation =
                wait(self.read(seen.namespace.clone(), seen.update_config.clone()), deadline).await;
        }
        let installation =
            installation.unwrap_or_else(|why| Installation::unreadable(seen.update_config.as_str(), why));
        self.pid = seen.process.present().map(|process| process.pid);
        let holds = holds(&seen, &installation, deadline).await;
        observation(clock, booted, seen, installation, holds)
    }

    async fn units(
        &mut self,
        booted: &Fact<Text>,
        namespace: &Namespace,
        clock: Clock,
        deadline: Instant,
    ) -> Units {
        if booted.is_absent() {
            return Units::not_applicable();
        }
        // On the heap, so that a caller's own future stays small.
        Box::pin(Units::look(&mut self.bus, &Names::of(namespace), clock, deadline)).await
    }

    /// Starts reading the files of an installation.
    fn read(&self, namespace: Namespace, update_config: String) -> JoinHandle<Installation> {
        let (limit, constants) = (self.target.file_bytes, Arc::clone(&self.host));
        spawn_blocking(move || {
            let constants = constants.get_or_init(Constants::look);
            Installation::look(&namespace, &update_config, limit, constants)
        })
    }
}

/// Starts looking at what is known of the agent before systemd has answered.
fn look_ahead(target: Target, pid: Option<u32>) -> JoinHandle<Ahead> {
    spawn_blocking(move || Ahead::look(&target, pid))
}

/// What was looked at ahead. It may turn out not to be needed, so a file that hangs there does not take all the time.
async fn had(ahead: JoinHandle<Ahead>, deadline: Instant) -> Ahead {
    let now = Instant::now();
    let half = now + deadline.saturating_duration_since(now) / 2;
    wait(ahead, half).await.unwrap_or_default()
}

/// Looks at the agent's process and configuration.
async fn agent(target: Target, units: Units, ahead: Ahead, deadline: Instant) -> AgentSeen {
    let (unseen, late) = (target.clone(), units.clone());
    let seen = wait(spawn_blocking(move || AgentSeen::look(&target, units, ahead)), deadline).await;
    seen.unwrap_or_else(|why| AgentSeen::unreadable(&unseen, late, why))
}

/// The result of work on the blocking pool, or why it cannot be had.
async fn wait<T>(work: JoinHandle<T>, deadline: Instant) -> Result<T, Why> {
    match timeout_at(deadline, work).await {
        Ok(Ok(seen)) => Ok(seen),
        // A panic while reading is contained; what it was about to say is unreadable.
        Ok(Err(_)) => Err(Why::Io),
        Err(_) => Err(Why::Timeout),
    }
}

/// The one other installation of a host that has nothing of the default one, if nobody said which to judge.
fn only_other(
    target: &Target,
    seen: &AgentSeen,
    installation: &Result<Installation, Why>,
) -> Option<Namespace> {
    let installation = installation.as_ref().ok()?;
    let nothing = seen.process.is_absent()
        && !seen.units.agent.is_present()
        && seen.files.config.is_absent()
        && installation.v2.config.is_absent();
    match installation.host.other_installations.as_slice() {
        [other] if nothing && target.namespace.is_none() && target.pid.is_none() => Some(other.clone()),
        _ => None,
    }
}

/// Packages held for the older updater, where that is the one to be judged.
async fn holds(
    seen: &AgentSeen,
    installation: &Installation,
    deadline: Instant,
) -> Fact<selfcheck_core::observation::Holds> {
    if !installation.v2.config.is_absent() || !seen.units.timer_v1.is_present() {
        return Fact::NotApplicable;
    }
    wait(spawn_blocking(|| files::holds(&Tree::default())), deadline).await.unwrap_or_else(Fact::Unreadable)
}

fn observation(
    clock: Clock,
    booted: Fact<Text>,
    seen: AgentSeen,
    installation: Installation,
    holds: Fact<selfcheck_core::observation::Holds>,
) -> Observation {
    let Units { manager, resumed, agent, timer_v2, service_v2, timer_v1, service_v1 } = seen.units;
    let Installation { host, v2, v1 } = installation;
    Observation {
        schema: ObservationSchema,
        clock,
        evidence: EvidenceKind::Live,
        host,
        agent: Agent {
            namespace: seen.namespace,
            unit: agent,
            process: seen.process,
            config_path: seen.config_path,
            config: seen.files.config,
            host_id: seen.files.host_id,
        },
        systemd: Systemd { booted, resumed, manager },
        v2: UpdaterV2 {
            config_path: v2.config_path,
            config: v2.config,
            config_written: v2.config_written,
            lock: v2.lock,
            binary: v2.binary,
            timer: timer_v2,
            service: service_v2,
        },
        v1: UpdaterV1 {
            script: v1.script,
            timer: timer_v1,
            service: service_v1,
            endpoint: v1.endpoint,
            schedule: v1.schedule,
            schedule_written: v1.schedule_written,
            installer: v1.installer,
            neutralised: v1.neutralised,
            holds,
        },
        kubernetes: Fact::NotApplicable,
        history: None,
    }
}
