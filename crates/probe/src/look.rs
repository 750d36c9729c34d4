//! One look: the bus and the files, within a deadline.

use std::path::PathBuf;
use std::time::Duration;

use selfcheck_core::Clock;
use selfcheck_core::EvidenceKind;
use selfcheck_core::Fact;
use selfcheck_core::Namespace;
use selfcheck_core::Observation;
use selfcheck_core::Text;
use selfcheck_core::Why;
use selfcheck_core::observation::Agent;
use selfcheck_core::observation::Host;
use selfcheck_core::observation::ObservationSchema;
use selfcheck_core::observation::Process;
use selfcheck_core::observation::Systemd;
use selfcheck_core::observation::UpdaterV1;
use selfcheck_core::observation::UpdaterV2;
use tokio::task::spawn_blocking;
use tokio::time::Instant;
use tokio::time::timeout_at;

use crate::bus::Bus;
use crate::bus::Names;
use crate::bus::Units;
use crate::clock;
use crate::files;
use crate::files::AgentFiles;
use crate::files::FilesV1;
use crate::files::FilesV2;
use crate::host;
use crate::process;
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
}

impl Probe {
    /// A probe that asks the bus at `bus_address` (usually [`SYSTEM_BUS`](crate::SYSTEM_BUS)) about `target`.
    ///
    /// Nothing is opened before the first look.
    pub const fn new(target: Target, bus_address: String) -> Self {
        Self { target, bus: Bus::new(bus_address) }
    }

    /// Looks once. Whatever has not answered after `time` is unreadable.
    ///
    /// Must be called within a tokio runtime that has its IO and time drivers.
    pub async fn look(&mut self, time: Duration) -> Observation {
        let deadline = Instant::now() + time;
        let bus_deadline = deadline - time / FILES_SHARE;
        let clock = clock::now();
        let booted = files::exists(BOOTED);
        let assumed = self.target.namespace.clone().unwrap_or_default();
        let mut units = self.units(&booted, &assumed, clock, bus_deadline).await;
        let mut seen = on_disk(&self.target, units.clone(), deadline).await;
        if seen.namespace != assumed {
            // The process belongs to another installation than assumed.
            let pid = seen.process.present().map(|process| process.pid);
            units = self.units(&booted, &seen.namespace, clock, deadline).await;
            let again = Target { namespace: Some(seen.namespace), pid, ..self.target.clone() };
            seen = on_disk(&again, units, deadline).await;
        }
        seen.into_observation(clock, booted)
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
}

/// What lies on this host beside the bus, with the units completed by it.
struct OnDisk {
    host: Host,
    namespace: Namespace,
    process: Fact<Process>,
    config_path: Text,
    agent: AgentFiles,
    units: Units,
    v2: FilesV2,
    v1: FilesV1,
    holds: Fact<selfcheck_core::observation::Holds>,
}

/// Reads files on the blocking pool, or gives up on them at `deadline`.
async fn on_disk(target: &Target, units: Units, deadline: Instant) -> OnDisk {
    let late = units.clone();
    let work = {
        let target = target.clone();
        spawn_blocking(move || OnDisk::look(&target, units))
    };
    match timeout_at(deadline, work).await {
        Ok(Ok(seen)) => seen,
        // A panic while reading is contained; what it was about to say is unreadable.
        Ok(Err(_)) => OnDisk::unreadable(target, late, Why::Io),
        Err(_) => OnDisk::unreadable(target, late, Why::Timeout),
    }
}

impl OnDisk {
    fn look(target: &Target, mut units: Units) -> Self {
        let assumed = target.namespace.clone().unwrap_or_default();
        let process = find_process(target, &assumed, &units);
        let namespace = match &target.namespace {
            Some(namespace) => namespace.clone(),
            None => process.present().and_then(process::namespace).unwrap_or(assumed),
        };
        let named = process.present().and_then(|process| process.command_line.present()?.config.clone());
        let config_path = match (&target.config, named) {
            (Some(path), _) => path.clone(),
            (None, Some(path)) => PathBuf::from(path.as_str()),
            (None, None) => PathBuf::from(namespace.agent_config()),
        };
        let environment = process.present().and_then(|process| process.environment.present());
        let update_config = environment
            .and_then(|environment| environment.update_config_file.clone())
            .filter(|path| path.as_str().starts_with('/') && target.namespace.is_none())
            .map_or_else(|| namespace.update_config(), |path| path.as_str().to_owned());
        units.complete();
        let v2 = FilesV2::look(&namespace, &update_config, target.file_bytes);
        let v1_judged = v2.config.is_absent() && units.timer_v1.is_present();
        Self {
            host: Host { other_installations: files::other_installations(&namespace), ..host::look() },
            config_path: Text::new(&config_path.to_string_lossy()),
            agent: AgentFiles::look(&config_path, &namespace.data_dir(), target.file_bytes),
            v1: FilesV1::look(),
            holds: if v1_judged { files::holds() } else { Fact::NotApplicable },
            v2,
            process,
            namespace,
            units,
        }
    }

    fn unreadable(target: &Target, units: Units, why: Why) -> Self {
        let namespace = target.namespace.clone().unwrap_or_default();
        Self {
            host: host::without_files(),
            process: Fact::Unreadable(why),
            config_path: Text::new(&namespace.agent_config()),
            agent: AgentFiles { config: Fact::Unreadable(why), host_id: Fact::Unreadable(why) },
            v2: FilesV2::unreadable(&namespace, why),
            v1: FilesV1::unreadable(why),
            holds: Fact::Unreadable(why),
            namespace,
            units,
        }
    }

    fn into_observation(self, clock: Clock, booted: Fact<Text>) -> Observation {
        let Units { manager, agent, timer_v2, service_v2, timer_v1, service_v1 } = self.units;
        Observation {
            schema: ObservationSchema,
            clock,
            evidence: EvidenceKind::Live,
            host: self.host,
            agent: Agent {
                namespace: self.namespace,
                unit: agent,
                process: self.process,
                config_path: self.config_path,
                config: self.agent.config,
                host_id: self.agent.host_id,
            },
            systemd: Systemd { booted, manager },
            v2: UpdaterV2 {
                config_path: self.v2.config_path,
                config: self.v2.config,
                lock: self.v2.lock,
                binary: self.v2.binary,
                timer: timer_v2,
                service: service_v2,
            },
            v1: UpdaterV1 {
                script: self.v1.script,
                timer: timer_v1,
                service: service_v1,
                endpoint: self.v1.endpoint,
                schedule: self.v1.schedule,
                installer: self.v1.installer,
                neutralised: self.v1.neutralised,
                holds: self.holds,
            },
            kubernetes: Fact::NotApplicable,
            history: None,
        }
    }
}

/// The agent's process: the one asked for, else the main process of its unit, else that of its pid file.
fn find_process(target: &Target, namespace: &Namespace, units: &Units) -> Fact<Process> {
    if let Some(pid) = target.pid {
        return process::look(pid);
    }
    if let Some(pid) = units.agent.present().and_then(|agent| agent.main_pid) {
        return process::look(pid);
    }
    match process::from_pid_file(&namespace.pid_file()) {
        // A pid file may outlive its process, and its number may have gone to another one.
        Fact::Present(pid) => match process::look(pid) {
            Fact::Present(process) if !is_teleport(&process) => Fact::Absent,
            found => found,
        },
        Fact::Unreadable(why) => Fact::Unreadable(why),
        // Without the unit's word there may well be a process.
        Fact::Absent | Fact::NotApplicable => match units.agent.why() {
            Some(why) => Fact::Unreadable(why),
            None => Fact::Absent,
        },
    }
}

fn is_teleport(process: &Process) -> bool {
    process.executable.present().is_none_or(|executable| executable.path.as_str().ends_with("/teleport"))
}
